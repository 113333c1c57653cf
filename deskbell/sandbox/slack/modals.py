"""views.*: one trigger opens one view, within three seconds."""

from typing import Any

from deskbell.sandbox.slack.api import TIER_4, Args, SlackError, invalid, method
from deskbell.sandbox.slack.blocks import with_ids
from deskbell.sandbox.slack.hub import Slack, Trigger
from deskbell.sandbox.slack.views import STACK, View, check_view, too_large
from deskbell.sandbox.web import Json

TRIGGER_SECONDS = 3.0  # https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses


def read_view(slack: Slack, value: Any) -> Json:
    """A view as Slack takes it. ValueError-like refusal: invalid_arguments with the reasons."""
    if isinstance(value, dict) and too_large(value):
        raise SlackError("view_too_large")
    if found := check_view(value):
        raise invalid("invalid_arguments", found)
    external = value.get("external_id")
    if external and any(view.open and view.body.get("external_id") == external for view in slack.views.values()):
        raise SlackError("duplicate_external_id")
    return {**value, "blocks": with_ids(value["blocks"], slack.fresh_ids)}


def spend(slack: Slack, args: Args) -> Trigger:
    trigger = slack.triggers.get(args.text("trigger_id") or args.text("interactivity_pointer"))
    if trigger is None:
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if slack.clock.time() - trigger.at > TRIGGER_SECONDS:
        raise SlackError("expired_trigger_id")
    trigger.used = True
    return trigger


def sent_view(slack: Slack, args: Args) -> Json:
    return read_view(slack, args.nested("view", "invalid_arguments"))


@method("views.open", rate=TIER_4)
def open_view(slack: Slack, args: Args) -> Json:
    body = sent_view(slack, args)
    trigger = spend(slack, args)
    return {"view": slack.show(body, trigger).wire()}


@method("views.push", rate=TIER_4)
def push_view(slack: Slack, args: Args) -> Json:
    body = sent_view(slack, args)
    trigger = spend(slack, args)
    below = slack.views.get(trigger.view or "")
    if below is None or not below.open:
        raise SlackError("not_found")
    if depth(slack, below) >= STACK:
        raise SlackError("push_limit_reached")
    return {"view": slack.show(body, trigger, below).wire()}


def depth(slack: Slack, view: View) -> int:
    return sum(1 for one in slack.views.values() if one.root == view.root and one.open)


@method("views.update", rate=TIER_4)
def update_view(slack: Slack, args: Args) -> Json:
    view = find_view(slack, args)
    if "hash" in args and args.text("hash") != view.hash:
        raise SlackError("hash_conflict")
    value = args.nested("view", "invalid_arguments")
    kept, view.body = view.body, {**view.body, "external_id": ""}
    try:
        body = read_view(slack, value)
    except SlackError:
        view.body = kept
        raise
    slack.replace_view(view, body)
    return {"view": view.wire()}


def find_view(slack: Slack, args: Args) -> View:
    external = args.text("external_id")
    for view in slack.views.values():
        if view.open and (view.id == args.text("view_id") or (external and view.body.get("external_id") == external)):
            return view
    raise SlackError("not_found")


@method("views.publish", rate=TIER_4)
def publish_home(slack: Slack, args: Args) -> Json:
    user = args.need("user_id")
    if user not in slack.workspace.users:
        raise SlackError("user_not_found")
    body = sent_view(slack, args)
    if body["type"] != "home":
        raise SlackError("invalid_arguments")
    home = slack.make_view(user, body)
    slack.homes[user] = home
    return {"view": home.wire()}
