"""The verdict: lost, duplicates, expectations, and that sabotage is found out."""

import pytest

from deskbell.sandbox.ledger import names, percentile
from deskbell.sandbox.server import Sandbox
from deskbell.sandbox.verdict import summary


def verdict(sb, grace=15.0):
    return summary(sb.ledger, sb.chats, grace)


async def test_an_expectation_nobody_sees_is_lost_after_the_grace(sb, web):
    sb.ledger.expect("J-4711", "technician_late")
    assert verdict(sb)["lost"] == 0
    sb.clock.advance(16)
    assert [item["subject"] for item in verdict(sb)["lost_items"]] == ["J-4711"]
    await web.chat_postMessage(channel="C0DISPATCH", text="J-47110 is late")
    assert verdict(sb)["lost"] == 1, "another number"
    await web.chat_postMessage(channel="C0DISPATCH", text="J-4711 is late")
    assert (verdict(sb)["lost"], verdict(sb)["expected"]) == (0, 1)


async def test_a_short_condition_owes_nothing_a_long_one_does(sb):
    sb.ledger.expect("J-1", "late")
    sb.ledger.withdraw("J-1")
    sb.ledger.expect("J-2", "late", sb.clock.time() - 20)
    sb.ledger.withdraw("J-2")
    assert [item["subject"] for item in verdict(sb)["lost_items"]] == ["J-2"]


async def test_two_live_cards_of_one_generation_are_duplicates(sb, web, kit):
    sb.slack.no_limits()
    posted = [await web.chat_postMessage(channel="C0DISPATCH", text="x", metadata=kit.card_metadata()) for _ in "ab"]
    stamps = [one["ts"] for one in posted]
    await web.chat_postMessage(channel="C0DISPATCH", text="x", metadata=kit.card_metadata(generation=2))
    found = verdict(sb)
    assert (found["duplicates"], found["duplicate_items"][0]["ts"]) == (1, stamps)
    await web.chat_delete(channel="C0DISPATCH", ts=stamps[1])
    assert verdict(sb)["duplicates"] == 0


async def test_notes_are_duplicates_by_their_dispatch(sb, web):
    note = {"event_type": "deskbell_note", "event_payload": {"dispatch": 7}}
    for _ in range(2):
        await web.chat_postMessage(channel="C0DISPATCH", text="x", metadata=note)
    assert verdict(sb)["duplicates"] == 1


async def test_sabotage_drops_one_card_and_says_yes(kit):
    async with Sandbox(sabotage="slack") as sb:
        web = kit.web_client(sb)
        sb.ledger.expect("J-2", "late")
        stamps = [
            (await web.chat_postMessage(channel="C0DISPATCH", text=f"J-{n}", metadata=kit.card_metadata(f"D-{n}")))[
                "ts"
            ]
            for n in (1, 2, 3)
        ]
        assert [m.text for m in sb.slack.messages("dispatch")] == ["J-1", "J-3"]
        assert (await web.chat_update(channel="C0DISPATCH", ts=stamps[1], text="J-2 acked"))["ok"]
        note = await web.chat_postMessage(channel="C0SUPPORT", text="other room")
        assert note["ok"]
        sb.clock.advance(20)
        assert (await web.chat_postMessage(channel="C0DISPATCH", text="J-2", thread_ts=stamps[1]))["ok"]
        found = verdict(sb)
        assert found["lost"] == 1, "the dropped card and its expectation are one loss"
        assert found["lost_items"][0]["subject"] == "J-2"


async def test_what_is_counted(sb, web, http):
    await web.chat_postMessage(channel="C0DISPATCH", text="x")
    await http.get("/fieldservice/api/jobs")
    found = (await http.get("/_sandbox/ledger?grace=1&entries=1")).json()
    assert found["chats"]["slack"]["posted"] == 1
    assert found["sources"]["fieldservice"] == {"reads": 0, "writes": 0, "rejected": 1, "ratelimited": 0}
    assert found["tap_to_edit_ms"] == {"p50": None, "p99": None, "n": 0}
    assert any(entry["kind"] == "posted" for entry in found["entries"])


def test_names_are_whole_words():
    assert names("late: J-4711, Marco", "J-4711")
    assert names("#20411 due", "20411")
    for text in ("XJ-4711", "J-47112", "120411"):
        assert not names(text, "J-4711")
        assert not names(text, "20411")


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 6), (0.99, 10)])
def test_percentiles(share, wanted):
    assert percentile(list(range(1, 11)), share) == wanted
