"""Cards and rings through a flow's webhook, and what becomes of them when it is not well."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import orjson
import pytest

from channels.workflows import WorkflowsChannel
from deskbell.core.card import Card, Note, Tone
from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination, Identity
from deskbell.faces import workflows as face
from deskbell.faces.teams_parts import Mention
from deskbell.net.redact import redact
from deskbell.vendors.workflows import MESSAGE_BYTES


async def test_a_card_with_one_button_that_opens_our_page(channel, flows, room, card, identity):
    sent = await channel.post(room, card, identity)
    assert isinstance(sent, Sent)
    assert sent.ref  # else it would be posted again with every change
    (posted,) = flows.posted
    assert posted.links == ["https://desk.example.org/a/D-12-token"]
    assert [action["title"] for action in posted.content["actions"]] == ["Answer this"]
    for words in ("P1 act now", "Marco Bianchi is 25 min late", "Customer: Northgate Dairy", "D-12", "Opened as P1"):
        assert words in posted.text
    assert posted.rung == ["aad00000-0000-4000-8000-000000000001"]
    assert "<at>Ana Ruiz</at> Ben Okafor" in posted.text
    assert set(flows.requests[0]) == {"type", "attachments"}


async def test_what_must_ring_is_a_short_card(channel, flows, room, identity):
    note = Note("D-12: escalated to level 1. Marco is late", "D-12", mentions=("ana",), broadcast=True)
    assert isinstance(await channel.note(room, {}, note, replace(identity, kind="note")), Sent)
    (posted,) = flows.posted
    assert "escalated to level 1" in posted.text
    assert posted.rung
    assert posted.links == ["https://desk.example.org/a/D-12-token"]


async def test_a_line_of_the_story_is_not_sent(channel, flows, room, identity):
    sent = await channel.note(room, {}, Note("Ana acknowledged", "D-12"), replace(identity, kind="note"))
    assert sent == Sent({}, "the alert's page shows it", skipped=True)
    assert not flows.posted


async def test_a_notice_about_no_alert_has_no_link(channel, flows, room):
    note = Note("Yesterday: 12 alerts\nMost of them: technician late")
    assert isinstance(await channel.note(room, {}, note, Identity("note", "", "dispatch", 3)), Sent)
    (posted,) = flows.posted
    assert "Yesterday: 12 alerts" in posted.text
    assert not posted.links


async def test_nobody_alone_can_be_written_to(channel, flows, room, identity):
    sent = await channel.note(room, {}, Note("wake up", "D-12", direct="ana"), identity)
    assert isinstance(sent, Rejected)
    assert not flows.posted


async def test_what_it_can_not_do_it_says(channel, room, card, identity):
    assert not channel.edits
    assert isinstance(await channel.edit(room, {}, card, identity), Rejected)
    assert isinstance(await channel.find(room, identity, datetime.now(UTC), {}), Rejected)


@pytest.mark.parametrize(
    ("kind", "outcome", "fault"),
    [
        ("400", Rejected, Fault.PAYLOAD),
        ("401", Rejected, Fault.TARGET),
        ("403", Rejected, Fault.TARGET),
        ("404", Rejected, Fault.TARGET),
        ("410", Rejected, Fault.TARGET),
        ("413", Rejected, Fault.PAYLOAD),
        ("429", Retry, None),
        ("500", Unknown, None),
        ("502", Unknown, None),
        ("503", Retry, None),
        ("504", Unknown, None),
        ("lost", Unknown, None),
        ("drop", Unknown, None),
    ],
)
async def test_what_each_answer_means(kind, outcome, fault, channel, flows, room, card, identity):
    flows.faults.set(kind, times=1, retry_after=7)
    sent = await channel.post(room, card, identity)
    assert isinstance(sent, outcome)
    assert getattr(sent, "fault", None) == fault
    if kind == "429":
        assert sent.limited
        assert sent.after.total_seconds() == 7


async def test_a_flow_that_is_switched_off_is_a_room_out_of_reach(channel, flows, room, card, identity):
    flows.off.add("dispatch")
    sent = await channel.post(room, card, identity)
    assert isinstance(sent, Rejected)
    assert sent.fault is Fault.TARGET
    assert "switched off" in sent.why


async def test_nobody_there(channel, card, identity):
    nowhere = Destination("dispatch", "workflows", "http://127.0.0.1:1/workflows/x?sig=planted-secret-4711")
    sent = await channel.post(nowhere, card, identity)
    assert isinstance(sent, Retry)
    assert "planted-secret-4711" not in sent.why


# ---------------------------------------------------------------- the address is a secret


async def test_the_address_is_shown_nowhere(channel, flows, room, card, identity, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "sandbox-workflows-signature"
    said = []
    for kind in ("400", "401", "404", "429", "500", "lost", "drop", "html"):
        flows.faults.set(kind, times=1, retry_after=0)
        said.append(repr(await channel.post(room, card, identity)))
    said += [repr(one) for one in await channel.check([room])]
    said += [redact(record.getMessage()) for record in caplog.records]
    assert not [line for line in said if secret in line or "triggers/manual" in line]
    assert secret not in redact(f"could not call {room.address}")


@pytest.mark.parametrize(
    "address",
    [
        "http://flows.example.com/workflows/planted-secret-4711?sig=x",  # not encrypted
        "https://ana:planted-secret-4711@flows.example.com/x",
        "ftp://flows.example.com/planted-secret-4711",
        "planted-secret-4711",
        "https://flows.example.com/planted-secret-4711 x",
        "",
    ],
)
async def test_an_address_that_may_not_be_called_is_not_shown_either(address, channel, card, identity):
    to = Destination("dispatch", "workflows", address)
    sent = await channel.post(to, card, identity)
    (finding,) = await channel.check([to])
    assert isinstance(sent, Rejected)
    assert sent.fault is Fault.CONFIG
    assert not finding.ok
    assert "planted-secret-4711" not in f"{sent}{finding}"


async def test_check_misses_the_public_address(room):
    async def nobody(_):
        return None

    channel = WorkflowsChannel(lambda _: "", nobody, {})
    rows = await channel.check([room])
    await channel.close()
    assert [row.ok for row in rows] == [True, False]
    assert "public_url" in rows[1].detail


# ---------------------------------------------------------------- the vendor's limits


HOSTILE = '<at>Ana Ruiz</at> **bold** [x](https://evil.example) {{DATE(2026-01-01T00:00:00Z,SHORT)}} "\\ \u202e שלום 🔥'


@pytest.mark.parametrize("text", ["x" * 5000, "🔥" * 5000, HOSTILE * 50, '"\\' * 3000, "é\u0301" * 3000, ""])
async def test_no_message_is_over_the_limit_or_live(text, channel, flows, room, identity):
    flows.no_limits()
    facts = tuple((text, text) for _ in range(20))
    card = Card("D-12", Tone.HIGH, text, text, text, facts, (text,) * 20, text, url=text, mentions=("ana",) * 40)
    assert isinstance(await channel.post(room, card, identity), Sent)
    note = Note(text, "D-12", mentions=("ana",) * 40)
    assert isinstance(await channel.note(room, {}, note, identity), Sent)
    assert len(flows.posted) == 2
    assert not flows.failed
    for request in flows.requests:
        assert len(orjson.dumps(request)) <= MESSAGE_BYTES
    for posted in flows.posted:
        assert "{{" not in posted.text
        live = [part for part in _blocks(posted.content["body"]) if "evil" in part or "DATE" in part]
        assert not live  # markdown and mentions are read in a TextBlock alone


def _blocks(elements):
    for element in elements:
        if element["type"] == "TextBlock":
            yield element["text"]
        yield from _blocks(element.get("items", []))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{" + b'"x":"' + b"a" * MESSAGE_BYTES + b'"}', 413),
        (b"not json", 400),
        (b"[]", 400),
    ],
)
async def test_the_stand_in_refuses_what_the_trigger_refuses(body, status, flows, room):
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session, session.post(room.address, data=body, headers=headers) as reply:
        assert reply.status == status
        assert (await reply.json())["error"]["code"]
    async with aiohttp.ClientSession() as session, session.post(room.address.replace("sig=", "sig=x")) as reply:
        assert reply.status == 401


@pytest.mark.parametrize(
    "spoil",
    [
        lambda message: message.update(type="card"),
        lambda message: message.update(attachments=[]),
        lambda message: message["attachments"][0].update(contentType="application/json"),
        lambda message: _content(message).update(version="9.0"),
        lambda message: _content(message).update(body=[]),
        lambda message: _content(message)["actions"][0].update(type="Action.Execute"),
        lambda message: _content(message)["actions"][0].update(type="Action.Submit"),
        lambda message: _content(message)["actions"][0].update(url="javascript:alert(1)"),
        lambda message: _content(message)["body"].append({"type": "Input.Text", "id": "x"}),
        lambda message: _content(message)["msteams"]["entities"][0].update(text="<at>Nobody</at>"),
    ],
)
async def test_a_card_that_the_flow_bot_can_not_draw_is_accepted_and_never_seen(spoil, flows, room, card):
    message = face.card(card, "https://desk.example.org/a/x", [Mention("Ana Ruiz", "id")], MESSAGE_BYTES)
    spoil(message)
    async with aiohttp.ClientSession() as session, session.post(room.address, json=message) as reply:
        assert reply.status == 202
    assert not flows.posted
    assert len(flows.failed) == 1


def _content(message):
    return message["attachments"][0]["content"]


async def test_five_at_once_are_too_many_for_a_flow(channel, flows, room, card, identity):
    sent = [await channel.post(room, card, identity) for _ in range(5)]
    assert [type(one) for one in sent] == [Sent] * 4 + [Retry]
