"""Every call that we make of Slack, judged by Slack's own description of its API; and how many those were."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels.catalog import CHANNELS
from channels.slack import SlackChannel
from deskbell.core.card import Note
from deskbell.core.ports import Identity

ROOM = "C0DISPATCH"
OURS = {
    "auth.test",
    "chat.getPermalink",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.update",
    "conversations.history",
    "conversations.info",
    "conversations.join",
    "conversations.open",
    "conversations.replies",
    "response_url",
    "users.info",
    "users.lookupByEmail",
    "views.open",
}


async def test_every_call_is_described(channel, gateway, desk, room, slack, oracle, capfd, wait):
    if oracle.module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    identity = Identity("card", "D-12", "dispatch", 1)
    card = await channel.post(room, desk.drawn(), identity)
    await channel.edit(room, card.ref, replace(desk.drawn(), mentions=("ben",)), identity)
    note = Identity("note", "D-12", "dispatch", 5)
    await channel.note(room, card.ref, Note("Escalated", "D-12", mentions=("ben",), broadcast=True), note)
    await channel.note(room, card.ref, Note("P1 D-12", direct="ben"), replace(note, number=6))
    since = datetime.now(UTC) - timedelta(seconds=1)
    await channel.find(room, identity, since, {})
    await channel.find(room, replace(note, number=7), since, card.ref)
    await channel.check([room])
    slack.remove_bot(ROOM)
    await channel.post(room, desk.drawn(), replace(identity, number=2))
    for verb in ("reassign", "resolve", "ack"):
        await slack.tap("ana", ROOM, card.ref["ts"], f"desk.{verb}")
    refused = await slack.tap("dan", ROOM, card.ref["ts"], "desk.ack")
    await refused.wait_ephemeral()
    await slack.tap("marco", ROOM, card.ref["ts"], "desk.ack")
    slack.new_answering = _used(slack.new_answering)
    refused = await slack.tap("dan", ROOM, card.ref["ts"], "desk.escalate")
    await refused.wait_ephemeral()
    await wait(lambda: set(oracle.checked) >= OURS)

    assert set(oracle.checked) == OURS
    assert set(oracle.passed_over) <= {"apps.connections.open"}
    with capfd.disabled():
        print(
            f"\nslack: {sum(oracle.checked.values())} calls checked, {dict(sorted(oracle.checked.items()))}",
            file=sys.stderr,
        )


def _used(original):
    def spent(*args):
        answering = original(*args)
        answering.uses = 5
        return answering

    return spent


def test_the_oracle_is_awake(oracle_module):
    if oracle_module is None:
        pytest.skip("no API descriptions here: name their folder in DESKBELL_SPECS")
    request = {
        "method": "POST",
        "url": "https://slack.com/api/chat.postMessage",
        "headers": {"Content-Type": "application/json", "Authorization": "Bearer x"},
        "body": {"channel": "C1", "text": "x", "colour": "red"},
        "system": "slack",
    }

    assert oracle_module.check(request, strict=True)


def test_the_catalog_loads_what_it_names():
    assert CHANNELS["slack"].load() is SlackChannel
