"""What the engine does for vendors that need more: tokens, a login that says where to call, two calls for one thing."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web

from channels.engine import VendorChannel
from channels.service import Address, Again, Call, Request, Role, Service, at
from deskbell.core.outcome import Fault, Rejected, Retry, Sent
from deskbell.core.ports import Destination
from deskbell.core.sizes import Size, Unit
from deskbell.net import redact
from deskbell.net.auth import ClientCredentials, Session
from tests.vendors.conftest import CARD, identity

ROOM = Destination("there", "made_up", "x")


@dataclass(frozen=True, slots=True)
class Conf:
    base_url: str
    secret: str = field(default="sesame-open", repr=False)
    host: str = ""


def made_up(**more):
    given = {
        "auth": lambda conf: ClientCredentials(conf.base_url + "/token", "client", conf.secret),
        "send": Call(lambda notice, _: Request("/send", {"text": notice.line, "key": notice.key}), id="id"),
        "again": Again.NEITHER,
    }
    return Service(
        name="made_up",
        title="Made up",
        roles=frozenset({Role.NOTIFY}),
        docs="https://vendor.example",
        conf=Conf,
        address=Address(re.compile(".*"), "is anything"),
        **given | more,
    )


class Vendor:
    """Answers are taken from `answers` by path, the last one again and again; `calls` is what was asked."""

    def __init__(self):
        self.calls = []
        self.answers = {"/token": [(200, {}, {"access_token": "token-1", "expires_in": 3600})]}

    async def handle(self, request):
        self.calls.append((request.path, request.headers.get("Authorization", ""), await request.text()))
        answers = self.answers[request.path]
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        return web.json_response(body, status=status, headers=headers)

    def paths(self):
        return [path for path, _, _ in self.calls]


@pytest.fixture
async def vendor():
    made = Vendor()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()
    redact._secrets.forget()


@pytest.fixture
async def channel_to(vendor):
    made = []

    async def nobody(_person):
        return None

    def channel(service, **conf):
        made.append(VendorChannel("made_up", service, Conf(vendor.url, **conf), nobody, {}, lambda _ref: ""))
        return made[-1]

    yield channel
    for one in made:
        await one.close()


OK = (200, {}, {"id": "m1"})


async def test_a_token_is_fetched_once_and_renewed_when_it_is_refused(vendor, channel_to):
    channel = channel_to(made_up())
    vendor.answers["/send"] = [OK, OK, (401, {}, {}), OK]
    vendor.answers["/token"] = [(200, {}, {"access_token": f"token-{n}", "expires_in": 3600}) for n in (1, 2, 3)]
    for _ in range(3):
        assert (await channel.post(ROOM, CARD, identity())).ref["id"] == "m1"
    assert vendor.paths() == ["/token", "/send", "/send", "/send", "/token", "/send"]
    assert [shown for path, shown, _ in vendor.calls if path == "/send"][-2:] == ["Bearer token-1", "Bearer token-2"]


async def test_a_token_that_is_always_refused_is_for_people_to_mend(vendor, channel_to):
    channel = channel_to(made_up())
    vendor.answers["/send"] = [(401, {}, {})]
    outcome = await channel.post(ROOM, CARD, identity())
    assert outcome == Rejected(Fault.AUTH, outcome.why)
    assert vendor.paths() == ["/token", "/send", "/token", "/send"]
    vendor.answers["/token"] = [(400, {}, {"error": "invalid_client"})]
    again = await channel.post(ROOM, CARD, identity())
    assert again == Rejected(Fault.AUTH, again.why)
    assert "sesame" not in again.why


def session(conf, **more):
    form = {"user_name": "desk", "password": conf.secret}
    return Session(conf.base_url + "/login", form, token="authToken", base="endPoint", hosts=("vendor.example",))


async def test_a_login_says_where_to_call(vendor, channel_to):
    channel = channel_to(made_up(auth=session))
    vendor.answers["/login"] = [(200, {}, {"authToken": "t-1234", "endPoint": vendor.url + "/pod4/"})]
    vendor.answers["/pod4/send"] = [OK]
    assert isinstance(await channel.post(ROOM, CARD, identity()), Sent)
    assert vendor.calls[0][2] == "user_name=desk&password=sesame-open"
    assert vendor.calls[1][:2] == ("/pod4/send", "t-1234")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "http://vendor.example", "https://vendor.example.evil.example", "nowhere"]
)
async def test_a_login_that_sends_us_to_strangers_is_not_followed(elsewhere, vendor, channel_to):
    channel = channel_to(made_up(auth=session))
    vendor.answers["/login"] = [(200, {}, {"authToken": "t-1234", "endPoint": elsewhere})]
    outcome = await channel.post(ROOM, CARD, identity())
    assert isinstance(outcome, Retry)
    assert "not its own" in outcome.why
    assert vendor.paths() == ["/login"]


async def test_two_calls_for_one_thing(vendor, channel_to):
    second = Call(lambda notice, _: Request(f"/drafts/{notice.record['id']}/send"), plain=True)
    draft = Call(lambda notice, _: Request("/drafts", {"text": notice.line}), id="id", then=second)
    channel = channel_to(made_up(send=draft))
    vendor.answers |= {"/drafts": [OK], "/drafts/m1/send": [(500, {}, {}), (202, {}, {})]}
    assert isinstance(await channel.post(ROOM, CARD, identity()), Retry)
    assert (await channel.post(ROOM, CARD, identity())).ref["id"] == "m1"
    assert vendor.paths() == ["/token", "/drafts", "/drafts/m1/send", "/drafts", "/drafts/m1/send"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"X-Reset": "9"}, 9),
        ({"X-Reset": "1"}, 1),
        ({"X-Reset": "99999"}, 3600),
        ({"X-Reset": "soon"}, None),
        ({}, None),
    ],
)
async def test_when_a_limit_ends(headers, seconds, vendor, channel_to):
    channel = channel_to(made_up(resets=("x-reset",)))
    vendor.answers["/send"] = [(429, headers, {})]
    outcome = await channel.post(ROOM, CARD, identity())
    assert (outcome.limited, outcome.after) == (True, seconds and timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [("E1", Fault.TARGET), ("E19", Fault.CONFIG), ("E2", Fault.PAYLOAD), ("", None)],
)
async def test_an_error_inside_a_success(said, wanted, vendor, channel_to):
    errors = {"E1*": Fault.CONFIG, "E1": Fault.TARGET}
    channel = channel_to(made_up(code=at("problem"), errors=errors))
    vendor.answers["/send"] = [(200, {}, {"id": "m1", "problem": said})]
    outcome = await channel.post(ROOM, CARD, identity())
    assert (outcome.fault if wanted else outcome) == (wanted or outcome)
    assert isinstance(outcome, Sent if wanted is None else Rejected)


async def test_what_is_too_long_is_cut_where_it_may_be(vendor, channel_to):
    rows = Call(lambda notice, _: Request("/send", {"rows": [{"text": notice.text}, {"text": "short"}], "n": 1}))
    channel = channel_to(
        made_up(send=rows, sizes={"rows.*.text": Size(90, Unit.BYTES), "n": Size(1), "no.way": Size(1)})
    )
    vendor.answers["/send"] = [OK]
    await channel.post(ROOM, CARD, identity())
    body = vendor.calls[-1][2]
    assert CARD.url in body
    assert CARD.ref in body
    assert "Window" not in body
