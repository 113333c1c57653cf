"""What may stand below a message. https://core.telegram.org/bots/api#inlinekeyboardmarkup"""

from typing import Any

from deskbell.sandbox.telegram.api import bad
from deskbell.sandbox.telegram.entities import is_url
from deskbell.sandbox.web import Json, dumps

BUTTONS = 100
IN_A_ROW = 8
DATA = 64  # bytes of callback_data
PLACEHOLDER = 64
SIZE = 10_000  # bytes of the whole keyboard; the page names the error, not the size
KINDS = ("callback_data", "url", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
         "copy_text", "pay")  # fmt: skip
STYLES = ("danger", "success", "primary")


def read_markup(value: Any) -> Json | None:
    """The reply_markup of a call; ApiError when Telegram would refuse it."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" in value:
        return _inline(value["inline_keyboard"])
    if value.get("force_reply"):
        if len(value.get("input_field_placeholder", "x")) not in range(1, PLACEHOLDER + 1):
            raise bad("input_field_placeholder must be 1-64 characters long")
        return dict(value)
    if value.get("keyboard") or value.get("remove_keyboard"):
        return dict(value)
    raise bad("can't parse reply keyboard markup JSON object")


def _inline(rows: Any) -> Json | None:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" must be of type Array of Arrays')
    rows = [[_button(one) for one in row] for row in rows if row]
    if not rows:
        return None
    if any(len(row) > IN_A_ROW for row in rows) or sum(map(len, rows)) > BUTTONS:
        raise bad("reply markup is too long")
    markup = {"inline_keyboard": rows}
    if len(dumps(markup)) > SIZE:
        raise bad("reply markup is too long")
    return markup


def _button(button: Any) -> Json:
    if not isinstance(button, dict):
        raise bad("InlineKeyboardButton must be an Object")
    if not str(button.get("text", "")).strip():
        raise bad(
            "text buttons are unallowed in the inline keyboard" if "text" not in button else "BUTTON_TEXT_INVALID"
        )
    kinds = [kind for kind in KINDS if kind in button]
    if len(kinds) != 1:
        raise bad("text buttons are unallowed in the inline keyboard")
    if kinds == ["callback_data"] and not 1 <= len(str(button["callback_data"]).encode()) <= DATA:
        raise bad("BUTTON_DATA_INVALID")
    if kinds == ["url"] and not is_url(str(button["url"])):
        raise bad("inline keyboard button URL '{}' is invalid: Wrong HTTP URL".format(button["url"]))
    if button.get("style", STYLES[0]) not in STYLES:
        raise bad("invalid button style specified")
    return dict(button)
