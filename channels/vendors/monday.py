"""monday.com: an item an alert, by GraphQL. https://developer.monday.com/api-reference/reference/items"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from channels.markup import short_html
from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service, at
from channels.standing import standing, status
from deskbell.core.heard import Waiting
from deskbell.core.outcome import Fault
from deskbell.core.sizes import Size, fit
from deskbell.net.answers import Reply
from deskbell.net.auth import HeaderKey

CREATE = """mutation ($board: ID!, $group: String, $name: String!, $values: JSON) {
  create_item(board_id: $board, group_id: $group, item_name: $name, column_values: $values) { id url }
}"""
UPDATE = "mutation ($item: ID!, $body: String!) { create_update(item_id: $item, body: $body) { id } }"
CHANGE = """mutation ($board: ID!, $item: ID!, $values: JSON!) {
  change_multiple_column_values(board_id: $board, item_id: $item, column_values: $values) { id }
}"""
FIND = """query ($board: ID!, $columns: [ItemsPageByColumnValuesQuery!]) {
  items_page_by_column_values(board_id: $board, columns: $columns, limit: 1) { items { id url } }
}"""
STANDS = """query ($ids: [ID!], $columns: [String!]) {
  items(ids: $ids, limit: 100) { id column_values(ids: $columns) { text } }
}"""
FOUND = "data.items_page_by_column_values.items.0"


@dataclass(frozen=True, slots=True)
class MondayConf:
    token: str = field(repr=False)  # an API token
    key_column: str  # the id of a text column, made for Deskbell
    status_column: str = "status"  # the id of the column that shows how far it is
    new: str = ""  # its label for what nobody has yet; empty: none
    doing: str = "Working on it"  # its label for what somebody has
    done: str = "Done"  # its label for what is over
    text_column: str = ""  # the id of a long text column that gets the whole text
    version: str = "2026-01"  # of the API: a quarter
    base_url: str = "https://api.monday.com"


def item(notice: Notice, conf: MondayConf) -> Request:
    values: dict[str, Any] = {conf.key_column: notice.about, conf.status_column: {"label": conf.new}}
    if conf.text_column:
        values[conf.text_column] = {"text": fit(notice.text, Size(2000), (notice.link, notice.url, notice.ref))}
    given = {"board": notice.to, "group": notice.options.get("group"), "name": notice.line}
    return _asked(conf, CREATE, **given, values=json.dumps(values))


def update(notice: Notice, conf: MondayConf) -> Request:
    return _asked(conf, UPDATE, item=notice.record["id"], body=short_html(notice.said, notice))


def change(notice: Notice, conf: MondayConf, label: str) -> Request:
    values = json.dumps({conf.status_column: {"label": label}})
    return _asked(conf, CHANGE, board=notice.to, item=notice.record["id"], values=values)


def same(notice: Notice, conf: MondayConf) -> Request:
    columns = [{"column_id": conf.key_column, "column_values": [notice.about]}]
    return _asked(conf, FIND, board=notice.to, columns=columns)


def stand(waiting: Waiting, conf: MondayConf) -> Request:
    return _asked(conf, STANDS, ids=list(waiting.ids), columns=[conf.status_column])


def _asked(conf: MondayConf, query: str, **variables: Any) -> Request:
    """Strangers' words go as variables, so none of them is a query's."""
    return Request("/v2", {"query": query, "variables": variables}, headers={"API-Version": conf.version})


def code(reply: Reply) -> str:
    """Whatever is wrong stands inside a success."""
    unnamed = "refused" if reply.ok and at("errors.0.message")(reply) else ""
    return at("errors.0.extensions.code")(reply) or unnamed


SERVICE = Service(
    name="monday",
    title="monday.com",
    roles=frozenset({Role.RECORD}),
    docs="https://developer.monday.com/api-reference/reference/items",
    conf=MondayConf,
    auth=lambda conf: HeaderKey("Authorization", conf.token),
    address=Address(re.compile(r"\d{1,20}"), "is the id of a board: digits"),
    options={"group": "the id of the group that new items go to"},
    open=Call(item, id="data.create_item.id", url="data.create_item.url"),
    note=Call(update),
    progress=Call(lambda notice, conf: change(notice, conf, conf.doing)),
    reopen=Call(lambda notice, conf: change(notice, conf, conf.new)),
    close=Call(lambda notice, conf: change(notice, conf, conf.done)),
    find=Call(same, id=f"{FOUND}.id", url=f"{FOUND}.url"),
    asks=(
        standing(
            stand,
            lambda row, conf, _: status(row["column_values"][0]["text"], conf.doing, (conf.done,)),
            rows=lambda data: data["data"]["items"],
        ),
    ),
    again=Again.LOOK_UP,
    code=code,
    reason=at("errors.0.message"),
    errors={
        "COMPLEXITY_BUDGET_EXHAUSTED": RETRY,
        "DAILY_LIMIT_EXCEEDED": RETRY,
        "RATE_LIMIT_EXCEEDED": RETRY,
        "UserUnauthorizedException": Fault.CONFIG,
        "InvalidBoardIdException": Fault.CONFIG,
        "InvalidColumnIdException": Fault.CONFIG,
        "ColumnValueException": Fault.CONFIG,  # a label that the column does not have
        "InvalidItemIdException": Fault.TARGET,
        "ResourceNotFoundException": Fault.TARGET,
        "refused": Fault.PAYLOAD,
    },
    sizes={"variables.name": Size(255)},
)
