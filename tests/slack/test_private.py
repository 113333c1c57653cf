"""What is between Slack and one person: a way back, a way in, what only they may read; on the real desk and store."""

from datetime import timedelta

import pytest

from bot.commands import Commands
from bot.slack import SlackGateway
from channels.slack import SlackChannel
from deskbell.core.alert import Status
from deskbell.core.card import Note
from deskbell.core.ports import Destination, Identity, Page, Settlement
from deskbell.core.records import Visit, VisitStatus
from deskbell.core.route import Route
from deskbell.desk import Desk, House, SourceFacts
from deskbell.net.clock import Clock, wall
from storage.store import SqlStore

ROOM = "C0DISPATCH"


class Office:
    """The real desk, with one late technician."""

    def __init__(self, folder, people):
        self.store = SqlStore.open(f"sqlite:///{folder}/desk.db", audit_key=b"k" * 32, clock=wall)
        house = House(
            b"s" * 32,
            people=people,
            sources={"fs": SourceFacts("Field service", timedelta(seconds=30))},
            destinations={"dispatch": Destination("dispatch", "slack", ROOM)},
            routes=(Route(("dispatch",)),),
            hides_customers=True,
        )
        self.desk = Desk(self.store, house, Clock(), {}, self._verify)

    async def _verify(self):
        verdict = self.store.verify()
        return verdict.ok, verdict.count

    async def open(self):
        now = wall()
        visit = Visit(
            "fs",
            "1",
            "J-1",
            VisitStatus.SCHEDULED,
            technician="Marco Bianchi",
            technician_id="1",
            customer="Northgate Dairy",
            contact="Jo Miller",
            start=now - timedelta(minutes=75),
            updated_at=now,
        )
        await self.desk.observe(Page("fs", (), {}, complete=True))
        await self.desk.observe(Page("fs", (visit,), {}, complete=True))

    @property
    def alert(self):
        return self.store.read_now(lambda reader: reader.alert(1))

    def audited(self, verb):
        rows = self.store.read_now(lambda reader: reader.audit_rows(0, 1000))
        return [row.entry for row in rows if row.entry.verb == verb]


@pytest.fixture
async def office(tmp_path, desk):
    office = Office(tmp_path, desk.people)
    await office.open()
    yield office
    office.store.close()


@pytest.fixture
async def gateway(conf, office, session, wait):
    gateway = SlackGateway(conf, office.desk, Commands(office.desk), session)
    await gateway.start()
    await wait(lambda: not gateway.trouble and gateway._sockets.alive == conf.sockets)
    await gateway._people.link_people()
    yield gateway
    await gateway.close()


@pytest.fixture
async def channel(conf, office, session):
    async def account_of(person):
        return await office.desk.account_of("slack", person)

    channel = SlackChannel(conf, account_of, {one.id: one.name for one in office.desk.people.values()}, session)
    yield channel
    await channel.close()


@pytest.fixture
async def card(channel, gateway, office, room, identity, slack):
    claim = office.store.write_now(lambda uow: uow.claim("dispatch", wall(), timedelta(minutes=1)))[0]
    sent = await channel.post(room, await office.desk.card(office.alert), identity)
    await office.desk.settle_all([Settlement(claim, sent, 1)])
    return slack.workspace.message(sent.ref["channel"], sent.ref["ts"])


# ---------------------------------------------------------------- a way back


async def test_what_was_tapped_can_be_taken_back(card, office, slack, wait):
    (told,) = await (await slack.tap("ana", ROOM, card.ts, "desk.ack")).wait_ephemeral()
    assert "acknowledged" in told.as_text()
    assert office.alert.status is Status.ACKED

    undone = await slack.tap("ana", ROOM, told.ts, "desk.undo")

    assert undone.acked
    assert office.alert.status is Status.OPEN
    await wait(lambda: "as it was before: open" in told.as_text())  # in the place of what it takes back
    assert "desk.undo" not in told.action_ids
    assert len(slack.ephemerals("ana")) == 1


async def test_what_was_sent_in_a_form_can_be_taken_back(card, office, slack):
    view = await (await slack.tap("ana", ROOM, card.ts, "desk.resolve")).wait_view()
    done = await slack.submit("ana", view.id, {"quick": "Fixed"})
    assert done.closed
    (told,) = await done.wait_ephemeral()
    assert "D-1 resolved." in told.as_text()

    await slack.tap("ana", ROOM, told.ts, "desk.undo")

    assert office.alert.status is Status.OPEN


async def test_what_somebody_else_did_since_can_not_be_taken_back(card, office, slack, wait):
    (told,) = await (await slack.tap("ana", ROOM, card.ts, "desk.ack")).wait_ephemeral()
    await slack.tap("ben", ROOM, card.ts, "desk.snooze", selected="30 min")

    await slack.tap("ana", ROOM, told.ts, "desk.undo")

    await wait(lambda: "has changed since that card was drawn" in told.as_text())
    assert not office.audited("undo")
    assert office.alert.status is Status.ACKED


async def test_the_words_come_although_the_response_url_is_dead(card, office, slack):
    (told,) = await (await slack.tap("ana", ROOM, card.ts, "desk.ack")).wait_ephemeral()
    original, slack.new_answering = slack.new_answering, lambda *args: _dead(original(*args))

    undone = await slack.tap("ana", ROOM, told.ts, "desk.undo")

    await undone.wait_ephemeral()
    assert "as it was before: open" in undone.text


def _dead(answering):
    answering.uses = 5
    return answering


# ---------------------------------------------------------------- a way in


async def test_somebody_unknown_connects_and_what_was_tapped_is_done(card, office, slack, wait):
    (told,) = await (await slack.tap("marco", ROOM, card.ts, "desk.ack")).wait_ephemeral()
    assert "/desk link" in told.as_text()
    assert office.alert.status is Status.OPEN

    view = await (await slack.tap("marco", ROOM, told.ts, "desk.connect")).wait_view()
    refused = await slack.submit("marco", view.id, {"text": "wrong"})
    assert "wrong" in refused.errors["answer"]
    code = await office.desk.link_code("nobody")
    done = await slack.submit("marco", view.id, {"text": f"/desk link {code}"})

    assert done.closed
    await wait(lambda: len(slack.ephemerals("marco")) == 2)
    told = slack.ephemerals("marco")[-1]
    assert "Connected: you are No Slack" in told.as_text()
    assert office.alert.acked_by == "nobody"
    await slack.tap("marco", ROOM, told.ts, "desk.undo")
    assert office.alert.status is Status.OPEN


async def test_a_form_that_somebody_unknown_wants_stays_shut(card, office, slack):
    seen = await slack.tap("marco", ROOM, card.ts, "desk.reassign")

    (told,) = await seen.wait_ephemeral()
    assert seen.view is None
    assert told.action_ids == ["desk.connect"]


async def test_a_command_of_somebody_unknown_offers_the_way_in(gateway, office, slack):
    seen = await slack.type("marco", ROOM, "/desk list")

    (told,) = seen.ephemerals
    assert told.action_ids == ["desk.connect"]
    assert "Marco Bianchi" not in seen.text

    seen = await slack.type("ana", ROOM, "/desk list")
    assert "desk.connect" not in seen.ephemerals[0].action_ids


async def test_a_code_that_somebody_of_another_workspace_has_is_worth_nothing(card, office, slack):
    (told,) = await (await slack.tap("marco", ROOM, card.ts, "desk.ack")).wait_ephemeral()
    view = await (await slack.tap("marco", ROOM, told.ts, "desk.connect")).wait_view()
    slack.workspace.user("marco").team = "T0OTHER"

    refused = await slack.submit("marco", view.id, {"text": await office.desk.link_code("nobody")})

    assert "Only people of the workspace" in refused.errors["answer"]
    assert not [entry for entry in office.audited("link") if entry.actor == "nobody"]


# ---------------------------------------------------------------- for one person alone


async def test_a_direct_message_is_answered_where_it_is_read(card, channel, office, slack):
    buttons = (await office.desk.card(office.alert)).buttons
    note = Note("P1 D-1: Marco Bianchi is late", "D-1", direct="ben", buttons=buttons)
    ref = {"channel": card.channel, "ts": card.ts}
    sent = await channel.note(Destination("dispatch", "slack", ROOM), ref, note, Identity("note", "D-1", "dispatch", 9))
    assert sent.ref["channel"].startswith("D")

    seen = await slack.tap("ben", sent.ref["channel"], sent.ref["ts"], "desk.ack")

    assert office.alert.acked_by == "ben"
    await seen.wait_ephemeral()
    assert "acknowledged" in seen.text


async def test_a_form_from_a_direct_message_is_answered_there(card, channel, office, slack):
    buttons = (await office.desk.card(office.alert)).buttons
    note = Note("P1 D-1", "D-1", direct="ben", buttons=buttons)
    sent = await channel.note(Destination("dispatch", "slack", ROOM), {}, note, Identity("note", "D-1", "dispatch", 9))
    where = sent.ref["channel"]

    view = await (await slack.tap("ben", where, sent.ref["ts"], "desk.resolve")).wait_view()
    done = await slack.submit("ben", view.id, {"quick": "Fixed"})

    assert done.closed
    assert office.alert.resolved_by == "ben"
    (told,) = await done.wait_ephemeral()
    assert told.channel == where


async def test_what_is_revealed_is_for_one_person(card, office, slack):
    seen = await slack.tap("ana", ROOM, card.ts, "desk.reveal", changes=False)

    (told,) = await seen.wait_ephemeral()
    assert told.ephemeral_for == "U0ANA"
    assert "Jo Miller" in told.as_text()
    assert "for your eyes only" in told.as_text()
    assert "Jo Miller" not in "\n".join(message.as_text() for message in slack.messages(ROOM, replies=True))
    assert len(office.audited("reveal")) == 1


async def test_what_may_not_be_revealed_is_refused(card, office, slack):
    seen = await slack.tap("dan", ROOM, card.ts, "desk.reveal", changes=False)

    await seen.wait_ephemeral()
    assert "Your role does not allow reveal" in seen.text
    assert "Jo Miller" not in seen.text
