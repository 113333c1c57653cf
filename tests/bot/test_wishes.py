"""Lines about shifts and rings: what is read from them, and what is wrong with them in words."""

from datetime import time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.commands import Commands
from bot.grammar import COMMANDS, DUTY
from deskbell.core.duty import Cover, Place, Swap, Vacation
from deskbell.core.prefs import Quiet, Rung, SetLadder, SetQuiet, Show, Subscribe, Trial

MINUTE = timedelta(minutes=1)
READ = {
    "cover me 18:00-22:00": Cover("18:00-22:00"),
    "cover 18:00-22:00": Cover("18:00-22:00"),
    "cover me fri 18:00 to sat 8:00 @anna": Cover("fri 18:00 to sat 8:00", "anna"),
    'cover me 18:00-22:00 "José Núñez"': Cover("18:00-22:00", "jose"),
    "cover me 18:00-22:00 <@UANA>": Cover("18:00-22:00", "ana"),
    "swap fri 18:00-22:00 anna sat 18:00-22:00": Swap("fri 18:00-22:00", "anna", "sat 18:00-22:00"),
    "override dispatch @anna fri 18:00-22:00": Place("dispatch", "anna", "fri 18:00-22:00"),
    "override anna 18:00-22:00": Place("", "anna", "18:00-22:00"),
    "override me 18:00-22:00": Place("", "jose", "18:00-22:00"),
    "vacation 2026-12-24 to 2026-12-31": Vacation("2026-12-24 to 2026-12-31"),
    "vacation off": Vacation(None),
    "quiet 22:00-07:00": SetQuiet(Quiet(time(22), time(7))),
    "quiet 22-7": SetQuiet(Quiet(time(22), time(7))),
    "quiet off": SetQuiet(None),
    "prefs": Show(),
    "prefs high slack, sms 5m, call 10m": SetLadder(
        True, (Rung("slack"), Rung("sms", 5 * MINUTE), Rung("call", 10 * MINUTE))
    ),
    "prefs low telegram": SetLadder(False, (Rung("telegram"),)),
    "prefs high usual": SetLadder(True, ()),
    "test": Trial(),
    "test sms": Trial("sms"),
    "test 482913": Trial(code="482913"),
    "feed": Subscribe(),
    "feed off": Subscribe(on=False),
}


@pytest.mark.parametrize(("line", "wish"), READ.items(), ids=READ)
async def test_a_line_is_read_as_it_is_meant(desk, said, line, wish):
    await Commands(desk).run(line, said("jose"))
    assert desk.asked == [("jose", wish)]


def test_each_of_these_commands_is_read():
    assert {spec.verb for spec in COMMANDS if spec.topic == DUTY} == {line.split()[0] for line in READ}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("cover me", "From when to when?"),
        ("cover me tonight", "From when to when?"),
        ("cover me 18:00-22:00 nobody-here", "I know no colleague"),
        ("cover me 18:00-22:00 <@UNOBODY>", "I don't know that colleague yet"),
        ("swap fri 18:00-22:00", "Your times, a colleague"),
        ("swap 18:00-22:00 anna", "Your times, a colleague"),
        ("override dispatch 18:00-22:00 anna", "Who, and from when to when?"),
        ("override dispatch an 18:00-22:00", "Which an?"),
        ("vacation", "From which day to which?"),
        ("quiet", "From when to when, by your own clock?"),
        ("quiet 25:00-07:00", "From when to when, by your own clock?"),
        ("quiet 07:00-07:00", "From when to when, by your own clock?"),
        ("prefs high", "high or low"),
        ("prefs loud slack", "high or low"),
        ("prefs high slack, slack", "At most 6 ways"),
        ("prefs high slack 10m, sms 5m", "At most 6 ways"),
        ("prefs high slack 3d", "At most 6 ways"),
        ("test sms now", "One way, or the code"),
        ("feed please", "Nothing, or off."),
    ],
)
async def test_what_can_not_be_read_is_said_with_an_example(desk, said, line, told):
    spoken = await Commands(desk).run(line, said("jose"))
    assert told in spoken.reply.lines[0]
    assert spoken.reply.lines[1].startswith("Like this: /desk ")
    assert not desk.asked


async def test_who_has_no_shifts_is_refused(desk, said):
    spoken = await Commands(desk).run("cover me 18:00-22:00", said("vera"))
    assert "Your role does not allow cover" in spoken.reply.lines[0]
    spoken = await Commands(desk).run("override anna 18:00-22:00", said("otto"))
    assert "Your role does not allow override" in spoken.reply.lines[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([spec.verb for spec in COMMANDS if spec.topic == DUTY]), st.text(max_size=80))
async def test_any_text_behind_them_gets_an_answer(build, verb, text):
    from bot.ports import Said

    spoken = await Commands(build["usual"]()).run(f"{verb} {text}", Said("slack", "U-jose", key="k"))
    assert spoken.reply.lines
    assert "Something went wrong" not in spoken.reply.lines[0]
