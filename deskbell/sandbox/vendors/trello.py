"""Trello's cards: https://developer.atlassian.com/cloud/trello/rest/api-group-cards/"""

from deskbell.sandbox.vendors.stand_in import Asked, Vendor, Way, header

KEY, TOKEN = "sandboxtrellokey", "sandbox-trello-token"
LIST = "5f0000000000000000000001"


def made(asked: Asked) -> object:
    return {"id": asked.id, "shortUrl": f"https://trello.example/c/{asked.id}", "idShort": 1}


def listed(asked: Asked) -> object:
    rows = [one for one in asked.told if one.way == "open" and one.fields["idList"] == asked.parts["list"]]
    return [
        {"id": one.id, "desc": one.fields["desc"], "shortUrl": f"https://trello.example/c/{one.id}"} for one in rows
    ]


def stands(asked: Asked) -> object:
    rows = asked.records([url.removeprefix("/cards/") for url in asked.query["urls"].split(",")])
    cards = [
        {"id": ident, "closed": False, "dueComplete": state == "resolved", "idList": LIST} for ident, state in rows
    ]
    return [{"200": card} for card in cards]


VENDOR = Vendor(
    name="trello",
    conf={"key": KEY, "token": TOKEN},
    address=LIST,
    options={"done": "5f0000000000000000000002"},
    knows=header("Authorization", f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'),
    unauthorised=(401, "unauthorized permission requested"),
    ways=(
        Way("open", "POST", "/1/cards", made, needs=("idList", "name"), most={"name": 16_384, "desc": 16_384}),
        Way("list", "GET", "/1/lists/{list}/cards", listed, reads=True),
        Way("stands", "GET", "/1/batch", stands, reads=True),
        Way("note", "POST", "/1/cards/{card}/actions/comments", needs=("text",), most={"text": 16_384}, of="card"),
        Way("change", "PUT", "/1/cards/{card}", of="card"),
    ),
    new_id=lambda number: f"{number:024x}",
    limits=((429, {}, {"error": "API_TOKEN_LIMIT_EXCEEDED"}), (429, {}, {"error": "API_KEY_LIMIT_EXCEEDED"})),
)
