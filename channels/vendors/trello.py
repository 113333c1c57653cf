"""Trello: a card an alert. https://developer.atlassian.com/cloud/trello/rest/api-group-cards/"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from channels.markup import markdown
from channels.service import RETRY, Address, Again, Call, Notice, Request, Role, Service
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import HeaderKey


@dataclass(frozen=True, slots=True)
class TrelloConf:
    key: str  # of the Power-Up that Deskbell is there
    token: str = field(repr=False)  # that somebody allowed it
    base_url: str = "https://api.trello.com"


def login(conf: TrelloConf) -> HeaderKey:
    return HeaderKey("Authorization", f'OAuth oauth_consumer_key="{conf.key}", oauth_token="{conf.token}"')


def open_card(notice: Notice, _conf: TrelloConf) -> Request:
    facts = "\n".join(f"**{markdown(label)}**: {markdown(value)}" for label, value in notice.facts)
    desc = "\n\n".join(filter(None, (notice.about, markdown(notice.summary), facts, notice.url, notice.link)))
    return Request("/1/cards", form={"idList": notice.to, "name": notice.line, "desc": desc, "pos": "top"})


def comment(notice: Notice, _conf: TrelloConf) -> Request:
    return Request(f"{_card(notice)}/actions/comments", form={"text": markdown(notice.said)})


def take(notice: Notice, _conf: TrelloConf) -> Request:
    return _put(notice, idList=notice.options.get("doing", notice.to))


def done(notice: Notice, _conf: TrelloConf) -> Request:
    listed = {"idList": notice.options["done"]} if "done" in notice.options else {"closed": "true"}
    return _put(notice, dueComplete="true", **listed)


def reopen(notice: Notice, _conf: TrelloConf) -> Request:
    return _put(notice, dueComplete="false", closed="false", idList=notice.to)


def cards_there(notice: Notice, _conf: TrelloConf) -> Request:
    return Request(f"/1/lists/{notice.to}/cards", method="GET", params={"fields": "desc,shortUrl"})


def _card(notice: Notice) -> str:
    return f"/1/cards/{notice.record['id']}"


def _put(notice: Notice, **fields: str) -> Request:
    return Request(_card(notice), method="PUT", form=fields)


def _found(reply: Reply, notice: Notice) -> dict[str, Any]:
    rows = reply.data if isinstance(reply.data, list) else []
    return next((row for row in rows if str(row.get("desc")).startswith(notice.about)), {})


SERVICE = Service(
    name="trello",
    title="Trello",
    roles=frozenset({Role.RECORD}),
    docs="https://developer.atlassian.com/cloud/trello/rest/api-group-cards/",
    conf=TrelloConf,
    auth=login,
    address=Address(re.compile(r"[0-9a-f]{24}"), "is the id of a list: 24 digits and letters a to f"),
    options={"doing": "the list for what somebody has", "done": "the list for what is over; without it: archived"},
    open=Call(open_card, id="id", url="shortUrl"),
    note=Call(comment),
    progress=Call(take),
    reopen=Call(reopen),
    close=Call(done),
    find=Call(
        cards_there,
        id=lambda r, n: str(_found(r, n).get("id", "")),
        url=lambda r, n: str(_found(r, n).get("shortUrl", "")),
    ),
    again=Again.LOOK_UP,
    reason=lambda reply: reply.text,
    errors={"401": Fault.AUTH, "449": RETRY},
    limits=(Limit("any", "account", 9, timedelta(seconds=1)),),  # of 100 in 10 s a token
    sizes={"name": Size(512), "desc": Size(16_384), "text": Size(16_384)},
)
