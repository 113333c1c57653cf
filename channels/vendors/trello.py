"""Trello: a card an alert. https://developer.atlassian.com/cloud/trello/rest/api-group-cards/"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from channels.markup import markdown
from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service
from channels.standing import standing, status
from deskbell.core.heard import RecordStatus, Waiting
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import HeaderKey


@dataclass(frozen=True, slots=True)
class TrelloConf:
    key: str  # of the Power-Up that Deskbell is there
    token: str = field(repr=False)  # that somebody allowed it
    base_url: str = "https://api.trello.com"


def open_card(notice: Notice, _conf: TrelloConf) -> Request:
    facts = "\n".join(f"**{markdown(label)}**: {markdown(value)}" for label, value in notice.facts)
    desc = "\n\n".join(filter(None, (notice.about, markdown(notice.summary), facts, notice.url, notice.link)))
    return Request("/1/cards", form={"idList": notice.to, "name": notice.line, "desc": desc, "pos": "top"})


def comment(notice: Notice, _conf: TrelloConf) -> Request:
    return Request(f"/1/cards/{notice.record['id']}/actions/comments", form={"text": markdown(notice.said)})


def done(notice: Notice, _conf: TrelloConf) -> Request:
    listed = {"idList": notice.options["done"]} if "done" in notice.options else {"closed": "true"}
    return put(notice, dueComplete="true", **listed)


def put(notice: Notice, **fields: str) -> Request:
    return Request(f"/1/cards/{notice.record['id']}", method="PUT", form=fields)


def stand(waiting: Waiting, _conf: TrelloConf) -> Request:
    return Request("/1/batch", method="GET", params={"urls": ",".join(f"/cards/{ident}" for ident in waiting.ids)})


def stands(card: Mapping[str, Any], _conf: TrelloConf, waiting: Waiting) -> RecordStatus:
    """Archived, ticked off, or in one of the lists that say so."""
    if card.get("closed") or card.get("dueComplete"):
        return "resolved"
    return status(card["idList"], waiting.options.get("doing", ""), filter(None, (waiting.options.get("done"),)))


def found(reply: Reply, notice: Notice) -> dict[str, Any]:
    rows = reply.data if isinstance(reply.data, list) else []
    return next((row for row in rows if str(row.get("desc")).partition("\n")[0] == notice.about), {})


SERVICE = Service(
    name="trello",
    title="Trello",
    roles=frozenset({Role.RECORD}),
    docs="https://developer.atlassian.com/cloud/trello/rest/api-group-cards/",
    conf=TrelloConf,
    auth=lambda c: HeaderKey("Authorization", f'OAuth oauth_consumer_key="{c.key}", oauth_token="{c.token}"'),
    address=Address(re.compile(r"[0-9a-f]{24}"), "is the id of a list: 24 digits and letters a to f"),
    options={"doing": "the list for what somebody has", "done": "the list for what is over; without it: archived"},
    open=Call(open_card, id="id", url="shortUrl"),
    note=Call(comment),
    progress=Call(lambda notice, _: put(notice, idList=notice.options.get("doing", notice.to))),
    reopen=Call(lambda notice, _: put(notice, dueComplete="false", closed="false", idList=notice.to)),
    close=Call(done),
    find=Call(
        lambda notice, _: Request(f"/1/lists/{notice.to}/cards", method="GET", params={"fields": "desc,shortUrl"}),
        id=lambda reply, notice: str(found(reply, notice).get("id", "")),
        url=lambda reply, notice: str(found(reply, notice).get("shortUrl", "")),
    ),
    asks=(standing(stand, stands, rows=lambda data: [one["200"] for one in data if "200" in one], most=10),),
    again=Again.LOOK_UP,
    reason=lambda reply: reply.text,
    errors={"449": RETRY},
    limits=(Limit("any", "account", 9, timedelta(seconds=1)),),  # of 100 in 10 s a token
    sizes={"name": Size(512), "desc": Size(16_384), "text": Size(16_384)},
)
