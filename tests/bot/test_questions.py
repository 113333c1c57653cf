"""The commands that only ask: lists and pages, one alert, cases and jobs, and what each role gets to see."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.answers import LINE, PAGE
from bot.commands import Commands
from deskbell.core.alert import Status
from deskbell.core.ports import SourceError, SourceFault


def text_of(spoken):
    reply = spoken.reply
    card = [reply.card.title, reply.card.summary] if reply.card else []
    return "\n".join([reply.title, *reply.lines, *card, reply.footer])


@pytest.fixture
def ask(desk, said):
    commands = Commands(desk)

    async def ask(line, who="ana"):
        return await commands.run(line, said(who))

    return ask


# ---------------------------------------------------------------- lists


def refs(spoken):
    return [line.split()[1] for line in spoken.reply.lines]


async def test_the_list_is_most_severe_first_and_fits_a_phone(desk, ask, build):
    desk.add(build["alert"](15, summary="x" * 500, assignee="jose"), build["alert"](16, status=Status.RESOLVED))
    spoken = await ask("list")
    assert refs(spoken) == ["D-13", "D-12", "D-14", "D-15"]
    assert all(len(line) <= LINE for line in spoken.reply.lines)
    assert spoken.reply.lines[0] == "P1 D-13 J-13 Tom Field 25 min late, Northgate · nobody yet"
    assert spoken.reply.lines[3].endswith("· José Núñez")


async def test_the_list_shows_who_sleeps(desk, ask, build):
    desk.add(replace(desk.store[12], snoozed_until=build["now"] + timedelta(hours=1)))
    assert (await ask("list")).reply.lines[1].endswith("snoozed to 13:00")


@pytest.mark.parametrize(
    ("who", "line", "found"),
    [
        ("ana", "list", ["D-13", "D-12", "D-14"]),
        ("ana", "list mine", []),
        ("ana", "list team north", ["D-13"]),
        ("ana", "list south", ["D-14"]),
        ("ana", "list source fieldwork", ["D-13", "D-12", "D-14"]),
        ("ana", "list source freshdesk", []),
        ("ana", "list team", ["D-13", "D-12", "D-14"]),
        ("anna", "list", ["D-13", "D-12"]),
        ("anna", "list team", ["D-13"]),
        ("anna", "list team south", []),
        ("jose", "list", ["D-13", "D-12", "D-14"]),
        ("jose", "list team", ["D-14"]),
        ("otto", "list team", ["D-13", "D-14"]),
        ("tom", "list", ["D-14"]),
        ("vera", "list", ["D-13", "D-12", "D-14"]),
        ("carl", "list", ["D-13", "D-12", "D-14"]),
    ],
)
async def test_a_list_holds_what_the_person_may_see(who, line, found, ask):
    spoken = await ask(line, who)
    assert (refs(spoken) if found else spoken.reply.lines[0][:13]) == (found or "Nothing there")


async def test_open_leaves_out_what_is_acknowledged(desk, ask):
    desk.add(replace(desk.store[13], status=Status.ACKED))
    assert refs(await ask("list open")) == ["D-12", "D-14"]


@pytest.mark.parametrize("who", ["ana", "anna"])
async def test_a_long_list_comes_in_pages(who, desk, ask, build):
    desk.store.clear()
    desk.add(*(build["alert"](n, team="north") for n in range(1, 58)))
    first, last = await ask("list open", who), await ask("list open 3", who)
    assert len(first.reply.lines) == PAGE
    assert first.reply.title == "Alerts 1 to 20 of 57"
    assert first.reply.footer == "Next: /desk list open 2"
    assert refs(last) == [f"D-{n}" for n in range(41, 58)]
    assert last.reply.footer == ""
    assert "There is no page 9: the last is 3." in text_of(await ask("list open 9", who))


async def test_show_gives_the_card_with_buttons_to_those_who_may_press_them(ask):
    assert (await ask("show d-12")).reply.card.buttons
    assert not (await ask("show d-12", "vera")).reply.card.buttons
    assert (await ask("12")).reply.card.ref == "D-12"


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("ana", {12, 13, 14, 15}),
        ("anna", {12, 13, 15}),
        ("jose", {12, 13, 14, 15}),
        ("tom", {12, 14}),
        ("vera", {12, 13, 14, 15}),
    ],
)
async def test_show_hides_what_is_not_the_persons(who, seen, desk, ask, build):
    desk.add(build["alert"](15))  # on a job that is not Tom's, unlike that of D-12
    for number in (12, 13, 14, 15):
        spoken = await ask(f"show {number}", who)
        assert bool(spoken.reply.card) is (number in seen)
    missing = [text_of(await ask(f"show {n}", who)).replace(str(n), "N") for n in (99, *({13, 14} - seen))]
    assert len(set(missing)) == 1  # hidden reads as not there


# ---------------------------------------------------------------- cases and jobs


async def test_a_case_is_answered_at_once_and_says_how_fresh_that_is(desk, ask, build):
    desk.add(build["alert"](20, source="freshdesk", record_id="c4711"))
    spoken = await ask("/case 4711")
    assert spoken.reply.title == "Case 4711 · Freshdesk"
    assert "Status: open (Pending us)" in spoken.reply.lines
    assert "Resolution due: 12:22, in 22 min" in spoken.reply.lines
    assert "Requester: Pat Customer" in spoken.reply.lines
    assert any(line.startswith("P2 D-20") for line in spoken.reply.lines)
    assert spoken.reply.footer == "As of 11:59, read 12 s ago."


async def test_a_case_is_then_refreshed_from_its_source(desk, ask, build):
    spoken = await ask("case 4711")
    same = await spoken.later()
    assert same.lines == ("Fresh from Freshdesk 12:00. Nothing has changed.",)
    desk.at_source["c4711"] = build["changed"](build["case"]().record, assignee="Anna Weiß")
    fresh = await spoken.later()
    assert "With: Anna Weiß" in fresh.lines
    assert fresh.footer == "Fresh from Freshdesk 12:00."


async def test_a_case_that_cannot_be_refreshed_says_why(desk, ask):
    spoken = await ask("case 4711")
    desk.at_source["c4711"] = SourceError(SourceFault.UNREACHABLE, "no answer in 10 s")
    old = await spoken.later()
    assert old.lines == spoken.reply.lines
    assert "Freshdesk can't be read just now: no answer in 10 s. As of 11:59" in old.footer
    desk.at_source["c4711"] = None
    assert "no longer in Freshdesk" in (await spoken.later()).lines[0]
    desk.at_source["c4711"] = RuntimeError("a bug")
    assert await spoken.later() is None


async def test_a_job_is_shown(ask):
    spoken = await ask("job 12")
    assert spoken.reply.title == "Job J-12 · Fieldwork"
    assert "Planned: 11:35 to 13:00" in spoken.reply.lines
    assert "Customer: Hansen" in spoken.reply.lines
    assert (await ask("case j-12")).reply.title == spoken.reply.title  # asked as a case, found as a job


async def test_customers_are_not_named_to_mere_viewers(ask):
    assert "Pat Customer" not in text_of(await ask("case 4711", "vera"))
    assert "Hansen" not in text_of(await ask("job 12", "vera"))
    assert "Pat Customer" in text_of(await ask("case 4711", "carl"))


async def test_a_technician_sees_own_jobs_only(desk, ask):
    assert (await ask("job 12", "tom")).reply.title == "Job J-12 · Fieldwork"
    hidden, missing = await ask("job 99", "tom"), await ask("job 98", "tom")
    assert text_of(hidden).replace("99", "N") == text_of(missing).replace("98", "N")
    assert "I find no" in text_of(await ask("case 4711", "tom"))


async def test_other_teams_records_are_hidden(desk, ask, build):
    desk.records.append(build["case"]("500", team="south"))
    assert "I find no case" in text_of(await ask("case 500", "anna"))
    assert "Case 500" in text_of(await ask("case 500", "otto"))


async def test_several_matches_are_asked_about_unless_one_is_exact(desk, ask, build):
    desk.records += [build["case"]("INC0004711", source="freshdesk"), build["case"]("INC1004711")]
    assert (await ask("case 4711")).reply.title == "Case 4711 · Freshdesk"
    spoken = await ask("case 004711")
    assert spoken.reply.title == "Which one?"
    assert spoken.reply.lines[0].startswith("/desk case INC0004711 · Freshdesk · Compressor")
    assert spoken.later is None


@pytest.mark.parametrize("line", ["case", "job", "case #", "show", "show me"])
async def test_a_question_without_a_number_shows_how_to_ask(line, ask):
    assert any("Like this: /desk" in text for text in (await ask(line)).reply.lines)
