"""The page over real HTTP, on the real desk and the real store; the browsers are our own, or a real one."""

import re
import socket
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urljoin

import aiohttp
import pytest
from aiohttp import web

from bot.page import Page, linker
from bot.web import BODY_LIMIT, quiet_headers, speak_json
from deskbell.core.access import Person, Role
from deskbell.core.ports import Page as SourcePage
from deskbell.core.records import Visit, VisitStatus
from deskbell.desk import Desk, House, SourceFacts
from deskbell.net.clock import Clock
from storage.store import SqlStore

START = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
SECRET = b"s" * 32
PEOPLE = {
    one.id: one
    for one in (
        Person("ana", "Ana Ruiz", roles=frozenset({Role.DISPATCHER})),
        Person("ben", "Ben Okafor", roles=frozenset({Role.ONCALL})),
        Person("dan", "Dan Novak", roles=frozenset({Role.VIEWER})),
        Person("sue", "Sue South", roles=frozenset({Role.DISPATCHER}), teams=frozenset({"south"})),
    )
}


class Office:
    """A desk with one late technician, and the page of it on a port of its own."""

    def __init__(self, folder):
        self.now = START
        self.store = SqlStore.open(f"sqlite:///{folder}/desk.db", audit_key=b"k" * 32, clock=lambda: self.now)
        self.people = dict(PEOPLE)
        house = House(SECRET, people=self.people, sources={"fs": SourceFacts("Field service", timedelta(seconds=30))})
        clock = Clock(lambda: self.now, lambda: self.now.timestamp())  # noqa: PLW0108 - the clock is turned
        self.desk = Desk(self.store, house, clock, {}, self._verify)
        self.url = ""

    async def _verify(self):
        verdict = self.store.verify()
        return verdict.ok, verdict.count

    async def open(self):
        visit = Visit(
            "fs",
            "4711",
            "J-4711",
            VisitStatus.SCHEDULED,
            technician="Marco Bianchi",
            technician_id="1",
            customer="Northgate Dairy",
            site="Hall 3, Milk Lane",
            start=self.now - timedelta(minutes=75),
            updated_at=self.now,
            url="https://fieldservice.example.org/jobs/4711",
        )
        await self.desk.observe(SourcePage("fs", (), {}, complete=True))
        await self.desk.observe(SourcePage("fs", (visit,), {}, complete=True))

    async def serve(self):
        """As bot.server does it; the port is taken first, because the page must know its public address."""
        taken = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        self.page = Page(self.desk, SECRET, self.url)
        app = web.Application(client_max_size=BODY_LIMIT, middlewares=[speak_json])
        app.on_response_prepare.append(quiet_headers)
        app.add_routes(self.page.routes())
        self.runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.SockSite(self.runner, taken).start()

    async def close(self):
        await self.page.close()
        await self.runner.cleanup()
        self.store.close()

    @property
    def alert(self):
        return self.store.read_now(lambda reader: reader.alert(1))

    def linker(self, ref):
        return linker(SECRET, self.url)(ref)

    @property
    def link(self):
        return self.linker("D-1")

    def entries(self, verb):
        rows = self.store.read_now(lambda reader: reader.audit_rows(0, 100_000))
        return [row.entry for row in rows if row.entry.verb == verb]


class Browser:
    """What a browser keeps and sends; it runs no script, and neither does the page."""

    def __init__(self, session, url):
        self.session, self.url, self.cookies = session, url, {}
        self.status, self.text, self.headers = 0, "", {}

    async def get(self, url, **headers):
        return await self._ask("GET", url, headers=headers)

    async def post(self, url, fields, **headers):
        sent = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"} | headers
        sent = {name: value for name, value in sent.items() if value is not None}
        return await self._ask("POST", url, data=fields, headers=sent)

    async def _ask(self, method, url, headers, **more):
        cookie = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
        async with self.session.request(method, url, headers=cookie | headers, allow_redirects=False, **more) as reply:
            self.cookies |= {name: morsel.value for name, morsel in reply.cookies.items()}
            self.status, self.text, self.headers = reply.status, await reply.text(), reply.headers
            self.set_cookie = reply.headers.get("Set-Cookie", "")
        return self

    @property
    def said(self):
        """What is written on the page."""
        body = self.text.partition("<main>")[2]
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())

    @property
    def forms(self):
        """Every form, as the fields that sending it untouched would send, with what its first button adds."""
        return [_fields(found) for found in re.findall(r"<form.*?</form>", self.text, re.DOTALL)]

    @property
    def links(self):
        found = re.findall(r'<(?:a|link|img|script|iframe)[^>]* (?:href|src)="(.*?)"', self.text)
        return [urljoin(self.url, unescape(address)) for address in found]

    async def connect(self, office, who):
        await self.get(office.link)
        return await self.post(office.link, self.forms[0] | {"code": await office.desk.link_code(who)})

    def button(self, words, **more):
        """The fields of the form that has a button with these words."""
        for found in re.findall(r"<form.*?</form>", self.text, re.DOTALL):
            for attributes, label in re.findall(r"<button(.*?)>(.*?)</button>", found, re.DOTALL):
                if unescape(label).strip() == words:
                    name, value = (re.search(rf'{key}="(.*?)"', attributes) for key in ("name", "value"))
                    own = {unescape(name[1]): unescape(value[1])} if name and value else {}
                    return _fields(found, first_button=False) | own | more
        raise AssertionError(f"no button {words!r} in: {self.said}")

    async def press(self, office, words, **more):
        return await self.post(office.link, self.button(words, **more))


def _fields(form, *, first_button=True):
    tags = (
        re.findall(r"<(?:input|button|textarea|select)(.*?)>", form, re.DOTALL)
        if first_button
        else re.findall(r"<input(.*?)>", form, re.DOTALL)
    )
    found = {}
    for attributes in tags:
        name, value = re.search(r'name="(.*?)"', attributes), re.search(r'value="(.*?)"', attributes)
        if name and name[1] not in found:
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    return found


@pytest.fixture
async def office(tmp_path):
    office = Office(tmp_path)
    await office.serve()
    await office.open()
    yield office
    await office.close()


@pytest.fixture
async def new_browser(office):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield lambda: Browser(session, office.url)


@pytest.fixture
async def browser(new_browser):
    return new_browser()


@pytest.fixture
async def ana(new_browser, office):
    return await new_browser().connect(office, "ana")
