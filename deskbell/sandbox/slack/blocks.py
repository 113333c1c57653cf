"""Block Kit as Slack accepts it: which blocks, which elements, how long, how many.

https://docs.slack.dev/reference/block-kit/blocks
https://docs.slack.dev/reference/block-kit/block-elements
https://docs.slack.dev/reference/block-kit/composition-objects
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from deskbell.sandbox.slack.shapes import (
    Check,
    anything,
    array,
    boolean,
    by_type,
    complaint,
    in_turn,
    integer,
    obj,
    string,
)
from deskbell.sandbox.web import Json

BLOCKS_IN_MESSAGE = 50
BLOCKS_IN_VIEW = 100
TEXT = 3000
IDENTIFIER = 255
MARKDOWN_TOTAL = 12_000

identifier = string(IDENTIFIER, least=1)


# ------------------------------------------------------------------ composition objects


def plain(limit: int) -> Check:
    return obj(
        {"type": string(one_of=("plain_text",)), "text": string(limit, least=1)},
        {"emoji": boolean},
    )


def any_text(limit: int) -> Check:
    mrkdwn = obj({"type": string(), "text": string(limit, least=1)}, {"verbatim": boolean})
    return by_type({"plain_text": plain(limit), "mrkdwn": mrkdwn}, "text object")


# https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
CONFIRM = obj(
    {"title": plain(100), "text": any_text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": string(one_of=("primary", "danger"))},
)


def option(text: Check) -> Check:
    return obj(
        {"text": text, "value": string(150, least=1)},
        {"description": any_text(75), "url": string(3000)},
    )


OPTION = option(plain(75))
RICH_OPTION = option(any_text(75))
OPTION_GROUP = obj({"label": plain(75), "options": array(1, 100, OPTION)})


# ------------------------------------------------------------------ elements

COMMON: dict[str, Check] = {"action_id": identifier}
ASKS: dict[str, Check] = {**COMMON, "confirm": CONFIRM, "focus_on_load": boolean}


def element(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return obj({"type": string(), **required}, {**ASKS, **(optional or {})})


def select(required: dict[str, Check], optional: dict[str, Check], *, many: bool) -> Check:
    extra: dict[str, Check] = {"placeholder": plain(150), **optional}
    if many:
        extra["max_selected_items"] = integer(1, 100)
    return element(required, extra)


def static_options(value: Any, at: str) -> Iterator[str]:
    """`options` or `option_groups`, and an initial option that is one of them."""
    if ("options" in value) == ("option_groups" in value):
        yield complaint("must provide either options or option_groups", at)
        return
    offered = value.get("options") or list(chain(*(group.get("options", []) for group in value["option_groups"])))
    initial = value.get("initial_option")
    if initial is not None and initial not in offered:
        yield complaint("initial_option must exactly match one of the provided options", f"{at}/initial_option")


def selects(prefix: str, *, many: bool) -> dict[str, Check]:
    initial = "initial_options" if many else "initial_option"
    one_static = array(0, 100, OPTION) if many else OPTION
    static = select(
        {},
        {"options": array(1, 100, OPTION), "option_groups": array(1, 100, OPTION_GROUP), initial: one_static},
        many=many,
    )
    people: Check = array(0, 100, string()) if many else string()
    ending = "s" if many else ""
    conversations: dict[str, Check] = {
        f"initial_conversation{ending}": people,
        "default_to_current_conversation": boolean,
        "response_url_enabled": boolean,
        "filter": anything,
    }
    return {
        f"{prefix}static_select": in_turn(static, static_options),
        f"{prefix}external_select": select({}, {"min_query_length": integer(0, 3000), initial: one_static}, many=many),
        f"{prefix}users_select": select({}, {f"initial_user{ending}": people}, many=many),
        f"{prefix}conversations_select": select({}, conversations, many=many),
        f"{prefix}channels_select": select(
            {}, {f"initial_channel{ending}": people, "response_url_enabled": boolean}, many=many
        ),
    }


BUTTON = obj(
    {"type": string(), "text": plain(75)},
    {
        **COMMON,
        "url": string(3000),
        "value": string(2000),
        "style": string(one_of=("primary", "danger")),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
IMAGE = obj(
    {"type": string(), "alt_text": string(2000)},
    {"image_url": string(3000), "slack_file": anything},
)
DISPATCH: dict[str, Check] = {"dispatch_action_config": anything, "placeholder": plain(150)}
TEXT_INPUT = element(
    {},
    {
        **DISPATCH,
        "initial_value": string(TEXT),
        "multiline": boolean,
        "min_length": integer(0, TEXT),
        "max_length": integer(1, TEXT),
    },
)
CHOICES: dict[str, Check] = {
    "checkboxes": element({"options": array(1, 10, RICH_OPTION)}, {"initial_options": array(1, 10, RICH_OPTION)}),
    "radio_buttons": element({"options": array(1, 10, RICH_OPTION)}, {"initial_option": RICH_OPTION}),
    "datepicker": element({}, {"initial_date": string(10), "placeholder": plain(150)}),
    "timepicker": element({}, {"initial_time": string(5), "placeholder": plain(150), "timezone": string()}),
    "datetimepicker": element({}, {"initial_date_time": integer(0, 10**10)}),
    **selects("", many=False),
    **selects("multi_", many=True),
}
TYPED: dict[str, Check] = {
    "plain_text_input": TEXT_INPUT,
    "email_text_input": element({}, {**DISPATCH, "initial_value": string()}),
    "url_text_input": element({}, {**DISPATCH, "initial_value": string()}),
    "number_input": element(
        {"is_decimal_allowed": boolean},
        {**DISPATCH, "initial_value": string(), "min_value": string(), "max_value": string()},
    ),
    "rich_text_input": element({}, {**DISPATCH, "initial_value": anything}),
    "file_input": element({}, {"filetypes": anything, "max_files": integer(1, 10)}),
}
PRESSED: dict[str, Check] = {
    "button": BUTTON,
    "overflow": element({"options": array(1, 5, OPTION)}),
    "workflow_button": anything,
}
ACTION = by_type({**PRESSED, **CHOICES, "rich_text_input": TYPED["rich_text_input"]}, "element of an actions block")
ACCESSORY = by_type({**PRESSED, **CHOICES, "image": IMAGE}, "accessory")
INPUT = by_type({**CHOICES, **TYPED}, "input element")


# ------------------------------------------------------------------ blocks


def block(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return obj({"type": string(), **required}, {"block_id": identifier, **(optional or {})})


def section_has_words(value: Any, at: str) -> Iterator[str]:
    if "text" not in value and "fields" not in value:
        yield complaint("missing required field: text or fields", at)


SECTION = block({}, {"text": any_text(TEXT), "fields": array(1, 10, any_text(2000)), "accessory": ACCESSORY,
                     "expand": boolean})  # fmt: skip
CONTEXT_PART = by_type({"plain_text": plain(TEXT), "mrkdwn": any_text(TEXT), "image": IMAGE}, "element of a context")
INPUT_BLOCK = block(
    {"label": plain(2000), "element": INPUT},
    {"hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
)
IMAGE_BLOCK = block(
    {"alt_text": string(2000)}, {"image_url": string(3000), "slack_file": anything, "title": plain(2000)}
)
# Known to Slack, unused here, and let through as they are.
LOOSE = ("rich_text", "file", "video", "table", "context_actions", "alert", "card", "carousel", "container",
         "data_table", "plan", "task_card")  # fmt: skip
BLOCK = by_type(
    {
        "section": in_turn(SECTION, section_has_words),
        "header": block({"text": plain(150)}),
        "context": block({"elements": array(1, 10, CONTEXT_PART)}),
        "divider": block({}),
        "actions": block({"elements": array(1, 25, ACTION)}),
        "input": INPUT_BLOCK,
        "image": IMAGE_BLOCK,
        "markdown": block({"text": string(MARKDOWN_TOTAL, least=1)}),
        **dict.fromkeys(LOOSE, anything),
    },
    "block",
)


def duplicates(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def identifiers(blocks: list[Json], at: str) -> Iterator[str]:
    """block_id unique in the message; action_id unique in its block (not in the message: Slack allows that)."""
    named = [str(one["block_id"]) for one in blocks if one.get("block_id")]
    yield from (complaint(f"block_id already exists: {name}", at) for name in duplicates(named))
    for index, one in enumerate(blocks):
        elements = one.get("elements")
        if one.get("type") == "actions" and isinstance(elements, list):
            actions = [str(part["action_id"]) for part in elements if isinstance(part, dict) and part.get("action_id")]
            yield from (
                complaint(f"action_id already exists: {name}", f"{at}/{index}/elements") for name in duplicates(actions)
            )


def check_blocks(blocks: Any, at: str = "/blocks", most: int = BLOCKS_IN_MESSAGE) -> list[str]:
    """What Slack has against these blocks; nothing when the list is empty."""
    found = list(array(0, most, BLOCK)(blocks, at))
    if found:
        return found
    markdown = sum(len(one["text"]) for one in blocks if one["type"] == "markdown")
    if markdown > MARKDOWN_TOTAL:
        found.append(complaint(f"markdown blocks must be less than {MARKDOWN_TOTAL + 1} characters together", at))
    return found + list(identifiers(blocks, at))


def with_ids(blocks: list[Json], fresh: Iterator[str]) -> list[Json]:
    """Slack names what the app left unnamed."""
    out = [{**one, "block_id": one.get("block_id") or next(fresh)} for one in blocks]
    for one in out:
        if one["type"] == "actions":
            one["elements"] = [_named(part, fresh) for part in one["elements"]]
        for key in ("accessory", "element"):
            if isinstance(one.get(key), dict):
                one[key] = _named(one[key], fresh)
    return out


def _named(part: Json, fresh: Iterator[str]) -> Json:
    return part if part.get("type") == "image" or part.get("action_id") else {**part, "action_id": next(fresh)}
