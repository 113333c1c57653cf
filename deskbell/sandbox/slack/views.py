"""Modals: what a view may look like, and the stack of open ones. https://docs.slack.dev/reference/views/modal-views"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.blocks import BLOCKS_IN_VIEW, INPUT, check_blocks, plain
from deskbell.sandbox.slack.messages import Key
from deskbell.sandbox.slack.shapes import anything, boolean, complaint, obj, string
from deskbell.sandbox.web import Json, dumps

VIEW_BYTES = 250_000
STACK = 3  # one opened, two pushed on it
PRIVATE_METADATA = 3000

MODAL = obj(
    {"type": string(one_of=("modal",)), "title": plain(24), "blocks": anything},
    {
        "submit": plain(24),
        "close": plain(24),
        "private_metadata": string(PRIVATE_METADATA),
        "callback_id": string(255),
        "external_id": string(255),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
HOME = obj(
    {"type": string(one_of=("home",)), "blocks": anything},
    {"private_metadata": string(PRIVATE_METADATA), "callback_id": string(255), "external_id": string(255)},
)


@dataclass(slots=True, eq=False)
class View:
    id: str
    user: str
    body: Json
    hash: str
    root: str
    previous: str | None = None
    opened_from: Key | None = None  # the message whose button opened it
    trigger: str = ""
    ref: str = ""  # the alert that it is about
    open: bool = True
    values: Json = field(default_factory=dict)

    def wire(self) -> Json:
        body = self.body
        return {
            "id": self.id,
            "team_id": credentials.SLACK_TEAM,
            "type": body["type"],
            "blocks": body["blocks"],
            "private_metadata": body.get("private_metadata", ""),
            "callback_id": body.get("callback_id", ""),
            "state": {"values": self.values},
            "hash": self.hash,
            "title": body.get("title"),
            "clear_on_close": body.get("clear_on_close", False),
            "notify_on_close": body.get("notify_on_close", False),
            "close": body.get("close"),
            "submit": body.get("submit"),
            "previous_view_id": self.previous,
            "root_view_id": self.root,
            "app_id": credentials.SLACK_APP,
            "external_id": body.get("external_id", ""),
            "app_installed_team_id": credentials.SLACK_TEAM,
            "bot_id": credentials.SLACK_BOT,
        }

    def inputs(self) -> list[Json]:
        """The blocks a person can fill in."""
        return [block for block in self.body["blocks"] if block["type"] == "input"]

    def find(self, action_id: str) -> tuple[Json, Json] | None:
        for block in self.body["blocks"]:
            parts = [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]
            for part in parts:
                if isinstance(part, dict) and part.get("action_id") == action_id:
                    return block, part
        return None


def check_view(view: Any) -> list[str]:
    if not isinstance(view, dict):
        return [complaint("must be an object", "/view")]
    home = view.get("type") == "home"
    found = list((HOME if home else MODAL)(view, "/view"))
    if not found:
        found = check_blocks(view["blocks"], "/view/blocks", BLOCKS_IN_VIEW)
    return found or list(_submit_is_there(view))


def _submit_is_there(view: Json) -> Iterator[str]:
    has_input = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and has_input and not view.get("submit"):
        yield complaint("submit is required when an input block is within the blocks array", "/view")


def too_large(view: Json) -> bool:
    return len(dumps(view)) > VIEW_BYTES


def check_options(answer: Any) -> list[str]:
    """The answer to a block_suggestion: options or option_groups, at most 100."""
    select = {"type": "static_select", **(answer if isinstance(answer, dict) else {})}
    return list(INPUT(select, "")) if isinstance(answer, dict) else ["must be an object"]
