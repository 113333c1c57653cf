"""monday.com's items: https://developer.monday.com/api-reference/reference/items"""

import json

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, header

TOKEN = "sandbox-monday-token"  # noqa: S105 - made up, on purpose
KEYS = "text_key"


def shown(number: str) -> dict[str, str]:
    return {"id": number, "url": f"https://monday.example/boards/1/pulses/{number}"}


def found(asked: Asked) -> object:
    (wanted,) = asked.fields["variables"]["columns"][0]["column_values"]
    rows = [one for one in asked.told if one.way == "open"]
    items = [shown(one.id) for one in rows if json.loads(one.fields["variables"]["values"])[KEYS] == wanted]
    return {"data": {"items_page_by_column_values": {"items": items}}}


def stands(asked: Asked) -> object:
    words = {"open": "", "acked": "Working on it", "resolved": "Done"}
    rows = asked.records(asked.fields["variables"]["ids"])
    return {"data": {"items": [{"id": ident, "column_values": [{"text": words[state]}]} for ident, state in rows]}}


def error(code: str) -> Answer:
    """It says whatever is wrong inside a success."""
    said = {} if code == "refused" else {"extensions": {"code": code, "status_code": 400}}
    return 200, {"data": {}, "errors": [{"message": "made to fail", **said}]}


VENDOR = Vendor(
    name="monday",
    conf={"token": TOKEN, "key_column": KEYS, "text_column": "long_text"},
    address="5001",
    options={"group": "topics"},
    knows=header("Authorization", TOKEN),
    unauthorised=(401, {"errors": [{"message": "Not Authenticated"}]}),
    missing=error("InvalidItemIdException"),
    ways=(
        Way(
            "open",
            "POST",
            "/v2",
            lambda asked: {"data": {"create_item": shown(asked.id)}},
            needs=("variables.board", "variables.name", "variables.values"),
            most={"variables.name": 255},
            says="create_item",
        ),
        Way("list", "POST", "/v2", found, reads=True, says="items_page_by_column_values"),
        Way("stands", "POST", "/v2", stands, reads=True, says="items(ids"),
        Way(
            "note",
            "POST",
            "/v2",
            lambda asked: {"data": {"create_update": {"id": asked.id}}},
            needs=("variables.body",),
            html=("variables.body",),
            says="create_update",
            of="variables.item",
        ),
        Way(
            "change",
            "POST",
            "/v2",
            lambda asked: {"data": {"change_multiple_column_values": {"id": asked.fields["variables"]["item"]}}},
            needs=("variables.board", "variables.values"),
            says="change_multiple_column_values",
            of="variables.item",
        ),
    ),
    error=error,
    limits=((429, {"Retry-After": "5"}, {"errors": [{"message": "Rate limit exceeded"}]}),),
)
