"""What every vendor of the catalogue must do, over real HTTP against its stand-in. A new row is tested by being one.

GOLDEN=write writes the requests of tests/vendors/golden anew; whoever does looks at what changed.
"""

import json
import os
import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels import engine
from channels.catalog import SERVICES, service
from channels.engine import OPEN, RESOLVED
from channels.service import LIMITED, RETRY, Again, Role
from deskbell.core.alert import Severity
from deskbell.core.card import Card, Tone
from deskbell.core.heard import Waiting
from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination
from deskbell.net import http
from deskbell.sandbox.vendors import vendors
from tests.conftest import specs_folder
from tests.vendors.conftest import CARD, OPENED, identity, note, settings_of, shown, stand_in_of

GOLDEN = Path(__file__).parent / "golden"
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
ACKED, OVER = replace(CARD, tone=Tone.ACKED), replace(CARD, tone=Tone.RESOLVED)
# Each of what may stand in a ticket: markup of all kinds, quotes, other scripts, half a character, far too much.
HOSTILE = (
    "\"'; <b>bold</b> <script>alert(1)</script> <img src=x onerror=alert(1)> *b* _i_ `c` [click](https://evil.example) "
    "{{7*7}} ${x} %s \\ ACK 1 \n\r\n Bcc: all@example.org \u202eevil\u202c \U0001f468\u200d\U0001f469\u200d\U0001f467 "
    "\U0001f1e9\U0001f1ea "
    "D-4821 https://evil.example \ud83d "
)
# What the vendors have, but their descriptions leave out; and of Asana's list two fields in one word, which the oracle
# takes for one field.
LEFT_OUT = frozenset({("asana", "find"), ("asana", "progress"), ("intercom", "find"), ("salesforce", "open")})
LEFT_OUT |= {(name, "ask for records") for name in ("asana", "intercom", "zendesk")}
LEFT_OUT |= {("clicksend", "ask for messages"), ("clicksend", "ask for inbox"), ("pushover", "ask for answers")}
LEFT_OUT |= {("bamboohr", what) for what in ("open", "find", "close")}  # tables
# What WhatsApp's description says against its own examples (they count buttons from 0), and a field of its page that it
# does not have.
WRONG_COMPLAINTS = re.compile(r"components\[\d\]\.index: '[0-9]' does not match|biz_opaque_callback_data: field not in")
# Several in one description.
DESCRIBED_WITH = {"google_chat_app": "google_chat", "messagebird": "bird", "twilio_call": "twilio"}
UNSAID = frozenset({"host", "user-agent", "accept", "accept-encoding", "connection", "content-length"})
SIGNATURE = re.compile("Signature=[0-9a-f]{64}")
SIGNED_NOW = frozenset({"auth_timestamp", "auth_signature"})  # the time is part of Pusher's signature

PLAIN = {vendor.name: vendor for vendor in vendors()}


def rows(fits=lambda _row: True):
    """For every vendor of the catalogue that fits."""
    return pytest.mark.parametrize("name", [name for name in SERVICES if fits(service(name))])


def keeps_records(row):
    return row.open is not None


def tells_people(row):
    return row.send is not None


def records(world):
    return keeps_records(world.service)


async def everything(world):
    """Every call that the vendor has, once, in the order of an alert's life; what each was asked, by its name."""
    channel, room, asked = world.channel, world.room, {}
    first = await channel.post(room, CARD, identity())
    assert isinstance(first, Sent), first
    what = "open" if records(world) else "send"
    asked |= {f"{what}, then" if n else what: call for n, call in enumerate(world.asked)}
    if records(world):
        ref = first.ref
        steps = {
            "note": lambda ref: channel.note(room, ref, note(), identity("note", 7)),
            "progress": lambda ref: channel.edit(room, ref, ACKED, identity()),
            "close": lambda ref: channel.edit(room, ref, OVER, identity()),
            "reopen": lambda ref: channel.edit(room, ref, CARD, identity()),
        }
        for what, step in steps.items():
            if getattr(world.service, what) is not None:
                done = await step(ref)
                assert isinstance(done, Sent), done
                ref = ref if what == "note" else done.ref
                asked[what] = world.asked[-1]
    if world.service.find is not None:
        assert await channel.find(room, identity(), SINCE, {})
        asked["find"] = world.asked[-1]
    for question in channel.asks:
        ident = first.ref.get("id", "")
        heard = await channel.ask(question, room, Waiting((ident,), room.address, since=SINCE, states={ident: OPEN}))
        assert not isinstance(heard, Outcome), heard
        asked[f"ask for {question.of}"] = world.asked[-1]
    return asked


def as_golden(world, call):
    return {
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "headers": {name: text for name, text in sorted(call.headers.items()) if name not in UNSAID},
        "body": call.fields,
    }


@rows()
async def test_each_request_is_as_it_was(name, world, monkeypatch):
    for clock in (engine, http):
        monkeypatch.setattr(clock, "wall", lambda: OPENED)
    shown = {what: as_golden(world, call) for what, call in (await everything(world)).items()}
    text = json.dumps(shown, indent=1, ensure_ascii=False).replace(world.stand_in.url, "") + "\n"
    text = SIGNATURE.sub("Signature=...", text)  # it is over the port, too
    file = GOLDEN / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert file.is_file(), f"{file.name} is missing; GOLDEN=write makes it"
    assert text == file.read_text()


def described(name):
    return DESCRIBED_WITH.get(name, name)


@rows(lambda row: specs_folder() is None or (specs_folder() / f"{described(row.name)}.json").is_file())
async def test_the_vendors_own_description_has_nothing_against_it(name, world, oracle_module):
    for what, call in (await everything(world)).items():
        if (name, what) in LEFT_OUT:
            continue
        path = call.path + ("?" + "&".join(f"{n}={v}" for n, v in call.query.items()) if call.query else "")
        request = {"method": call.method, "url": "https://vendor.example" + path, "headers": call.headers}
        request |= {"body": call.body or None, "system": described(name)}
        complaints = oracle_module.check(request, strict=True)
        assert [one for one in complaints if not WRONG_COMPLAINTS.search(one)] == []


@rows()
async def test_what_the_vendor_gave_it_is_remembered(name, world):
    sent = await world.channel.post(world.room, CARD, identity())
    call = world.service.open or world.service.send
    if call.id:
        assert sent.ref["id"]
    if call.url:
        assert sent.ref["url"].startswith("https://")


@rows()
async def test_the_same_is_asked_at_each_try(name, world):
    for _ in range(2):
        await world.channel.post(world.room, CARD, identity())
    first, second = (call for call in world.asked if world.way.fits(call.method, call.path) is not None)
    query, again = ({k: v for k, v in call.query.items() if k not in SIGNED_NOW} for call in (first, second))
    assert (first.path, query, first.body) == (second.path, again, second.body)
    if world.service.again is Again.KEY:
        assert len(world.stand_in.told) == 1


@rows()
async def test_another_alert_has_another_key(name, world):
    await world.channel.post(world.room, CARD, identity())
    await world.channel.post(world.room, replace(CARD, ref="D-4822"), identity(ref="D-4822"))
    assert len(world.stand_in.told) == 2


def expected(outcome, wanted):
    if wanted in {RETRY, LIMITED}:
        return isinstance(outcome, Retry) and (outcome.limited or wanted == RETRY)
    return isinstance(outcome, Rejected) and outcome.fault is wanted


@rows()
async def test_each_code_of_an_error_has_its_meaning(name, world):
    for code, wanted in world.service.errors.items():
        world.stand_in.faults.heal()
        twice = 2 if PLAIN[name].login else 1  # where it is told with a 401, it is asked again with another token
        world.fault(f"code.{code.replace('*', '9' * code.count('*') + '9')}", times=twice)
        outcome = await world.channel.post(world.room, CARD, identity())
        assert expected(outcome, wanted), (code, outcome)
        world.channel._clients.clear()  # and whatever it waits for
    assert not world.stand_in.told


@rows()
async def test_a_limit_is_obeyed_in_each_of_its_forms(name, world):
    wanted = world.service.errors.get("429")
    for n, (_, headers, _) in enumerate(PLAIN[name].limits):
        world.fault(f"429.{n}")
        outcome = await world.channel.post(world.room, CARD, identity())
        if wanted is not None:
            assert expected(outcome, wanted)
        else:
            assert isinstance(outcome, Retry), outcome
            assert outcome.limited
            if headers:
                assert outcome.after, headers
            before = len(world.asked)
            again = await world.channel.post(world.room, CARD, identity())
            assert isinstance(again, Retry), "it is left alone meanwhile"
            assert again.limited
            assert len(world.asked) == before
        world.channel._clients.clear()


@rows()
async def test_a_login_that_is_refused(name, world):
    """A token may have run out: it is renewed once. Anything else is for people to mend."""
    if PLAIN[name].login is not None:
        await world.channel.post(world.room, CARD, identity())
        world.fault("401")
        assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
        assert world.stand_in.given == 2
    world.fault("401", times=2 if PLAIN[name].login else 1)
    outcome = await world.channel.post(world.room, CARD, identity())
    status = PLAIN[name].unauthorised[0]
    assert isinstance(outcome, Rejected)
    alone = world.service.errors.get(str(status))  # where each address has its own key, the others go on
    assert outcome.fault is (alone or (Fault.AUTH if status in (401, 403, 535) else Fault.PAYLOAD))


@rows()
@pytest.mark.parametrize("kind", ["500", "502", "503"])
async def test_trouble_over_there_is_tried_again(name, kind, world):
    world.fault(kind)
    outcome = await world.channel.post(world.room, CARD, identity())
    looked_up = world.service.again is Again.LOOK_UP and kind != "503"
    assert isinstance(outcome, Unknown if looked_up else Retry), outcome


@rows()
async def test_nobody_there_is_tried_again(name, world):
    await world.channel.close()
    world.channel._clients.clear()
    nowhere = {"base_url": "http://127.0.0.1:9", "port": 9}
    known = {field.name for field in fields(world.conf)}
    world.channel.conf = replace(world.conf, **{name: value for name, value in nowhere.items() if name in known})
    room = replace(world.room, address=re.sub(r"(?<=127\.0\.0\.1:)\d+", "9", world.room.address))
    outcome = await world.channel.post(room, CARD, identity())
    assert isinstance(outcome, Retry)
    assert not outcome.limited


@rows()
async def test_a_lost_answer(name, world):
    """Arrived or not, the alert gets through; and what has a key or can be looked up is there once."""
    for fault in ("lost", "drop"):
        world.stand_in.told.clear()
        world.fault(fault)
        outcome = await world.channel.post(world.room, CARD, identity())
        assert isinstance(outcome, Unknown), outcome
        found = await world.channel.find(world.room, identity(), SINCE, {})
        if world.service.again is Again.LOOK_UP and fault == "lost":
            assert found["id"] == world.stand_in.told[0].id
        else:
            assert found is None
            assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
        once = world.service.again is not Again.NEITHER or fault == "drop"
        assert len(world.stand_in.told) == (1 if once else 2)


@rows(lambda row: row.again is Again.NEITHER)
async def test_what_is_not_severe_comes_once_at_most(name, world):
    mild = identity(severity=Severity.P3)
    world.fault("lost")
    assert isinstance(await world.channel.post(world.room, CARD, mild), Unknown)
    assert isinstance(await world.channel.find(world.room, mild, SINCE, {}), Sent)


@rows(lambda row: row.find is not None)
async def test_a_look_up_that_fails_comes_again(name, world):
    for kind in ("500", "drop", "401"):
        world.fault(kind, times=2 if kind == "401" else 1, where="")
        assert isinstance(await world.channel.find(world.room, identity(), SINCE, {}), Retry)


@rows()
async def test_hostile_text_stays_text(name, world):
    """The stand-in refuses what is too long, and markup that is not ours."""
    text = HOSTILE * 30
    card = Card("D-4821", Tone.CRITICAL, "P1", text[:150], text[:5000], ((text[:60], text[:5000]),) * 7, url=CARD.url)
    sent = await world.channel.post(world.room, card, identity())
    assert isinstance(sent, Sent), sent
    told = await world.channel.note(world.room, sent.ref, note(text), identity("note", 9))
    assert isinstance(told, Sent), told
    assert not world.stand_in.refused
    for call in world.asked:
        assert "\n" not in call.path
        assert all("\n" not in value for value in call.headers.values())
    assert "D-4821" in shown(world.stand_in, world.asked)


@rows()
async def test_no_secret_is_shown(name, world, caplog, capsys):
    caplog.set_level("DEBUG")
    secrets = [str(getattr(world.conf, f.name)) for f in fields(world.conf) if not f.repr]
    secrets = [value for value in secrets if value] + ([world.room.address] if world.service.address.secret else [])
    shown = []
    for kind in ("401", "400", "500", "lost", "html"):
        world.fault(kind)
        shown.append(repr(await world.channel.post(world.room, CARD, identity())))
        world.stand_in.faults.heal()
    shown += [repr(world.conf), repr(await world.channel.check([world.room])), str(capsys.readouterr())]
    shown += [record.getMessage() for record in caplog.records if record.name.startswith(("channels", "deskbell"))]
    for secret in secrets:
        assert secret not in "\n".join(shown)


@rows()
async def test_what_is_over_is_not_begun(name, world):
    """The end may come before the beginning got through."""
    assert (await world.channel.post(world.room, OVER, identity())).skipped
    assert not world.asked


@rows(keeps_records)
async def test_what_is_over_is_ended_once(name, world):
    opened = await world.channel.post(world.room, CARD, identity())
    closed = await world.channel.edit(world.room, opened.ref, OVER, identity())
    count = len(world.asked)
    assert closed.ref["state"] == RESOLVED
    assert (await world.channel.edit(world.room, closed.ref, OVER, identity())).skipped
    assert len(world.asked) == count
    again = await world.channel.edit(world.room, closed.ref, CARD, identity())
    if world.service.reopen is None:
        assert again == Rejected(Fault.GONE, again.why)
        assert isinstance(await world.channel.post(world.room, CARD, identity(number=2)), Sent)
    else:
        assert again.ref["state"] == OPEN


@rows(keeps_records)
async def test_a_record_whose_alert_moved_on_meanwhile_follows(name, world):
    opened = await world.channel.post(world.room, ACKED, identity())
    assert opened.found, "it is due again, as an edit"
    followed = await world.channel.edit(world.room, opened.ref, ACKED, identity())
    assert isinstance(followed, Sent)
    assert followed.ref["state"] == "acked"


@rows(lambda row: keeps_records(row) and any(way.of for way in PLAIN[row.name].ways))
async def test_a_record_that_was_deleted_there_is_opened_anew(name, world):
    opened = await world.channel.post(world.room, CARD, identity())
    world.stand_in.told.clear()
    outcome = await world.channel.edit(world.room, opened.ref, OVER, identity())
    assert isinstance(outcome, Rejected)
    assert outcome.fault is Fault.GONE


@rows(tells_people)
async def test_people_are_told_through_their_own_account(name, world):
    direct = replace(note(), direct="ben")
    assert (await world.channel.note(world.room, {}, direct, identity("note", 3))).fault is Fault.TARGET
    world.account["ben"] = "no\nsuch address"
    assert (await world.channel.note(world.room, {}, direct, identity("note", 3))).fault is Fault.TARGET
    world.account["ben"] = world.room.address
    assert isinstance(await world.channel.note(world.room, {}, direct, identity("note", 3)), Sent)
    assert len(world.stand_in.told) == 1


@rows(tells_people)
@pytest.mark.parametrize(("tells", "told"), [("first", 1), ("rings", 2), ("all", 3)])
async def test_a_destination_says_what_it_is_told(name, tells, told, world):
    room = replace(world.room, options={**world.room.options, "tells": tells})
    await world.channel.post(room, CARD, identity())
    await world.channel.note(room, {"key": "k"}, note(), identity("note", 5))
    quiet = replace(note(), mentions=(), broadcast=False)
    await world.channel.note(room, {"key": "k"}, quiet, identity("note", 6))
    assert len(world.stand_in.told) == told


@rows()
async def test_an_emergency_of_our_own_rings_where_somebody_hears_it(name, world):
    """It belongs to no alert. A system that only keeps records is passed over."""
    emergency = replace(note("the database can't be written"), ref="", mentions=())
    outcome = await world.channel.note(world.room, {}, emergency, identity("note", 1795301681593, ref=""))
    assert isinstance(outcome, Sent), outcome
    assert outcome.skipped == (Role.NOTIFY not in world.service.roles)
    assert ("can't be written" in shown(world.stand_in, world.stand_in.told)) != outcome.skipped


@rows()
def test_settings_that_are_missing_are_named(name):
    given = stand_in_of(name).settings()
    for needed in service(name).needed():
        without = {key: value for key, value in given.items() if key != needed}
        _, reading = settings_of(name, without)
        assert any(problem.startswith(f"channels.{name}.{needed}: ") for problem in reading.problems), needed


@rows()
def test_an_address_that_is_none_is_refused(name):
    row, address = PLAIN[name], service(name).address
    assert address.pattern.fullmatch(row.address.replace("{base}", "https://vendor.example"))
    assert not address.pattern.fullmatch("two\nlines")
    assert re.match(r"(is|must be|begins) ", address.hint)


@rows()
def test_a_row_says_what_it_is(name):
    row = service(name)
    assert row.name == name
    assert row.roles
    assert row.docs.startswith("https://")
    assert all(limit.per > timedelta() for limit in row.limits)
    assert (row.send or row.open) is not None
    assert (row.find is not None) == (row.again is Again.LOOK_UP)
    assert Destination("there", name, row.name)
