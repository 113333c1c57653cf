"""A person fills in a form: what may be entered, and what the answer to a submission does."""

from collections.abc import Mapping
from typing import Any

from deskbell.sandbox.slack.api import SlackError
from deskbell.sandbox.slack.blocks import with_ids
from deskbell.sandbox.slack.delivery import Ack
from deskbell.sandbox.slack.hub import Slack
from deskbell.sandbox.slack.modals import read_view
from deskbell.sandbox.slack.payloads import chosen
from deskbell.sandbox.slack.results import Refused, Submitted
from deskbell.sandbox.slack.views import STACK, View
from deskbell.sandbox.web import Json


def entered(values: Mapping[str, Any], block: Json) -> Any:
    """By action id, by block id, or nested as Slack nests it."""
    action = block["element"]["action_id"]
    found = values.get(action, values.get(block["block_id"]))
    return found.get(action) if isinstance(found, Mapping) and action in found else found


def prefilled(element: Json) -> Any:
    for name, value in element.items():
        if name.startswith("initial_"):
            return value["value"] if isinstance(value, dict) and "value" in value else value
    return None


def fill(view: View, values: Mapping[str, Any], *, careful: bool) -> Json:
    """state.values. With `careful` Slack's client refuses what it would refuse."""
    state: Json = {}
    for block in view.inputs():
        element = block["element"]
        value = entered(values, block)
        value = prefilled(element) if value is None else value
        if careful:
            _check(block, element, value)
        state.setdefault(block["block_id"], {})[element["action_id"]] = _state(element, value)
    return state


def _state(element: Json, value: Any) -> Json:
    if value is None:
        name = "selected_option" if "select" in element["type"] else "value"
        return {"type": element["type"], name: None}
    state = chosen(element, value)
    if state is None:
        raise Refused(f"{value!r} is not on offer in {element.get('action_id')}")
    return state


def _check(block: Json, element: Json, value: Any) -> None:
    if value in (None, "", []) and not block.get("optional"):
        raise Refused(f"{block['label']['text']}: a required field is empty")
    if isinstance(value, str) and "text_input" in element["type"]:
        if len(value) > element.get("max_length", 3000):
            raise Refused(f"{block['label']['text']}: at most {element.get('max_length', 3000)} characters")
        if value and len(value) < element.get("min_length", 0):
            raise Refused(f"{block['label']['text']}: at least {element['min_length']} characters")


def settle(slack: Slack, view: View, ack: Ack, done: Submitted) -> None:
    """https://docs.slack.dev/surfaces/modals#response_actions: close, errors, update, push, clear."""
    answer = ack.payload if isinstance(ack.payload, dict) else {}
    match answer.get("response_action"):
        case None:
            view.open, done.closed = False, True
            if view.previous and view.previous in slack.views:
                done.shown = slack.views[view.previous]
        case "clear":
            slack.close_views(view.root)
            done.closed = True
        case "errors":
            done.errors = _errors(view, answer.get("errors"))
        case "update":
            slack.replace_view(view, _next_view(slack, answer, view))
            done.shown = view
        case "push":
            done.shown = _push(slack, answer, view)
        case other:
            raise SlackError(f"unknown response_action {other}")
    slack.pulse.beat()


def _errors(view: View, errors: Any) -> dict[str, str]:
    known = {block["block_id"] for block in view.inputs()}
    if not isinstance(errors, dict) or not errors or not set(errors) <= known:
        raise SlackError("invalid_errors")
    return {str(block): str(text) for block, text in errors.items()}


def _next_view(slack: Slack, answer: Json, view: View) -> Json:
    kept, view.body = view.body, {**view.body, "external_id": ""}
    try:
        return read_view(slack, answer.get("view"))
    finally:
        view.body = kept


def _push(slack: Slack, answer: Json, below: View) -> View:
    if sum(1 for one in slack.views.values() if one.root == below.root and one.open) >= STACK:
        raise SlackError("push_limit_reached")
    body = read_view(slack, answer.get("view"))
    view = slack.make_view(below.user, {**body, "blocks": with_ids(body["blocks"], slack.fresh_ids)})
    view.root, view.previous, view.opened_from = below.root, below.id, below.opened_from
    slack.views[view.id] = view
    return view
