"""Typed commands from the line to the reply, every verb, every role, and what hostile people type."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.commands import COMMANDS, Commands, commands_markdown
from bot.ports import Said
from deskbell.core.access import holds
from deskbell.core.alert import Severity, Status

README = Path(__file__).resolve().parents[2] / "README.md"


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


# ---------------------------------------------------------------- what changes an alert

CHANGES = {
    "ack": ("ack D-12", {}, Status.ACKED),
    "take": ("take d12", {}, Status.ACKED),
    "reassign": ('reassign 12 "Anna Weiß"', {"person": "anna"}, Status.ACKED),
    "escalate": ("escalate #12 nobody answers", {"reason": "nobody answers"}, Status.OPEN),
    "snooze": ("snooze 12 1h 30m parts come", {"span": timedelta(minutes=90), "reason": "parts come"}, Status.OPEN),
    "resolve": ("resolve D-12 customer called back", {"reason": "customer called back"}, Status.RESOLVED),
    "note": ("note 12 called\n them", {"text": "called them"}, Status.OPEN),
    "unack": ("unack 12", {}, Status.OPEN),
    "reopen": ("reopen 12", {}, Status.OPEN),
}
BEFORE = {"unack": Status.ACKED, "reopen": Status.RESOLVED}


def test_every_changing_verb_is_tried_here():
    elsewhere = {"undo", "reveal", "tell", "send"}  # tests/desk and tests/customers have those
    assert {*CHANGES, *elsewhere} == {spec.verb for spec in COMMANDS if spec.move}


@pytest.mark.parametrize("verb", CHANGES)
async def test_a_change_is_made(verb, desk, ask):
    line, args, after = CHANGES[verb]
    desk.add(replace(desk.store[12], status=BEFORE.get(verb, Status.OPEN)))
    spoken = await ask(line)
    assert [(i.verb, i.ref, dict(i.args), i.kind) for i in desk.acted] == [(verb, "D-12", args, "command")]
    assert (desk.acted[0].platform, desk.acted[0].account, desk.acted[0].workspace) == ("slack", "U-ana", "T1")
    assert desk.store[12].status is after
    assert desk.store[12].version == 2
    assert "Ana Ruiz" in text_of(spoken)


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("who", ["ana", "anna", "jose", "tom", "vera", "carl", "otto", "root", "none"])
async def test_a_change_is_made_by_those_whose_role_allows_it(verb, who, desk, ask):
    line, _, _ = CHANGES[verb]
    desk.add(replace(desk.store[12], status=BEFORE.get(verb, Status.OPEN)))
    spec = next(spec for spec in COMMANDS if spec.verb == verb)
    await ask(line, who)
    allowed = holds(desk.people[who], spec.roles)
    assert (desk.store[12].version == 2) is allowed
    assert len(desk.acted) == 1  # a refusal too has gone through the desk, and so into the audit


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ack", "Which alert?"),
        ("ack D-12 D-13", "one alert and nothing else"),
        ("ack all", "Which alert?"),
        ("ack D-12; resolve D-13 x", "Which alert?"),
        ("reassign D-12", "To whom?"),
        ("reassign D-12 xyzzy", "I know no colleague"),
        ("reassign D-12 <@UNOBODY>", "an admin must link"),
        ("snooze D-12", "For how long?"),
        ("snooze D-12 soon", "For how long?"),
        ("resolve D-12", "Say in a few words why"),
        ("resolve D-12 \u200b\u202e ", "Say in a few words why"),
        ("note 12", "Write the note"),
        ("note 12 " + "x" * 2001, "too long"),
        ("unack", "Which alert?"),
    ],
)
async def test_a_bad_argument_shows_the_usage_and_an_example_and_changes_nothing(line, words, desk, ask):
    spoken = await ask(line)
    verb = line.split()[0]
    assert words in spoken.reply.lines[0]
    assert any(text.startswith(f"Like this: /desk {verb} ") for text in spoken.reply.lines)
    assert spoken.reply.footer.startswith(f"/desk {verb} ALERT")
    assert desk.acted == []


async def test_a_colleague_is_found_by_account_name_and_me(desk, ask):
    for typed, found in (("<@UANA>", "ana"), ("@jose", "jose"), ("me", "otto"), ("to ana.ruiz@firm.test", "ana")):
        desk.add(replace(desk.store[12], assignee="", status=Status.OPEN))
        await ask(f"reassign 12 {typed}", "otto")
        assert desk.acted[-1].args == {"person": found}
        assert desk.store[12].assignee == found


async def test_the_answer_of_a_refusal_reaches_the_person(desk, ask):
    assert "already acknowledged" in text_of(await ask("ack 12") and await ask("ack 12", "otto"))
    assert "There is no alert D-999" in text_of(await ask("ack 999"))
    assert "from 1m to 7d" in text_of(await ask("snooze 12 9d"))


async def test_the_same_message_twice_changes_once(desk):
    commands, said = Commands(desk), Said("slack", "U-ana", key="same")
    first, second = await commands.run("ack 12", said), await commands.run("ack 12", said)
    assert text_of(first) == text_of(second)
    assert desk.store[12].version == 2


# ---------------------------------------------------------------- strangers and roles


@pytest.mark.parametrize("line", ["list", "show 12", "case 4711", "help", "whoami", "", "xyzzy", "new x", "oncall"])
async def test_a_stranger_learns_how_to_be_linked_and_nothing_else(line, desk, ask):
    spoken = await ask(line, "stranger")
    assert "ask a Deskbell admin for a code" in text_of(spoken)
    assert "U-stranger" in text_of(spoken)
    assert spoken == await ask("show 999999", "stranger")
    assert desk.acted == []


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("resolve D-12 customer called back", {"reason": "customer called back"}),
        ("snooze D-12 30m parts", {"span": timedelta(minutes=30), "reason": "parts"}),
        ("note D-12 called", {"text": "called"}),
        ("snooze D-12 for ever", {}),
        ("ack D-12", {}),
    ],
)
async def test_what_a_stranger_wants_is_handed_on_whole(line, args, desk, ask):
    """It is carried out when they are linked; without its words it would be refused then."""
    await ask(line, "stranger")

    assert dict(desk.acted[-1].args) == args


@pytest.mark.parametrize("verb", CHANGES)
async def test_a_stranger_who_tries_to_change_something_is_audited_and_told_the_same(verb, desk, ask):
    spoken = await ask(CHANGES[verb][0], "stranger")
    assert spoken == await ask("list", "stranger")
    assert [i.verb for i in desk.acted] == [verb]
    assert desk.store[12].version == 1


@pytest.mark.parametrize("who", ["ana", "anna", "jose", "tom", "vera", "carl", "otto", "root"])
async def test_help_lists_what_the_role_allows(who, desk, ask):
    spoken = await ask("help", who)
    listed = {re.match(r"/desk (\w+)", line)[1] for line in spoken.reply.lines}
    assert listed == {spec.verb for spec in COMMANDS if not spec.hidden and holds(desk.people[who], spec.roles)}


@pytest.mark.parametrize("spec", COMMANDS, ids=lambda spec: spec.verb)
async def test_help_tells_about_each_command(spec, ask):
    spoken = await ask(f"help {spec.verb}")
    assert spoken.reply.title.startswith(f"/desk {spec.verb}")
    assert all(f"/desk {example}" in text_of(spoken) for example in spec.examples)


@pytest.mark.parametrize("line", ["list", "show 12", "case 4711", "job 12", "new x", "oncall"])
async def test_a_person_without_a_role_is_told_which_is_needed(line, ask):
    assert "Your role does not allow" in text_of(await ask(line, "none"))


async def test_help_about_a_slip_and_about_nonsense(ask):
    assert (await ask("help snoze")).reply.title.startswith("/desk snooze")
    assert "I don't know" in text_of(await ask("help xyzzy"))
    assert "Yours don't allow it" in text_of(await ask("help ack", "vera"))


async def test_health(ask):
    told = text_of(await ask("health", "tom"))
    assert "Freshdesk: read 12 s ago; 34 cards, half within 3 s, 95 % within 9 s, 99 % within 3 min" in told
    assert "Schedule: can't be read: HTTP 500; no cards in a day (goal 2 min)" in told
    assert "3 alerts are open; to be sent: 1, 2 given up." in told


async def test_whoami(ask):
    told = text_of(await ask("whoami", "tom"))
    assert "Tom Field (tom)" in told
    assert "technician" in told
    assert "fieldwork T-7" in told


async def test_oncall(desk, ask):
    assert (await ask("oncall")).reply.lines == ("dispatch: Ana Ruiz", "night: nobody")
    assert (await ask("/oncall Dispatch")).reply.lines == ("dispatch: Ana Ruiz",)
    assert "Rotas: dispatch, night" in text_of(await ask("oncall moon"))
    assert (await ask("oncall dispatch 8:00")).reply.title == "On duty 08:00"
    assert "neither a rota nor a moment" in text_of(await ask("oncall dispatch 25:00"))
    desk.rotas = {}
    assert "No rota" in text_of(await ask("oncall"))


# ---------------------------------------------------------------- alerts of one's own


async def test_new_raises_an_alert(desk, ask):
    assert (
        text_of(await ask("new P1 team=north about=J-12 gas leak\nsecond line")).strip() == "D-100 is open and rings."
    )
    ((caller, key), (_, asked)), *_ = desk.raised.items()
    assert (caller, key) == ("ana", "key-0")
    assert (asked["title"], asked["text"], asked["subject"]) == ("gas leak", "second line", "J-12")
    assert (asked["severity"], asked["team"], asked["person"].id) == (Severity.P1, "north", "ana")


async def test_new_belongs_to_the_persons_only_team(desk, ask):
    await ask("new pump down", "anna")
    assert next(iter(desk.raised.values()))[1]["team"] == "north"


@pytest.mark.parametrize(
    ("who", "line", "words"),
    [
        ("ana", "new", "what is wrong"),
        ("ana", "new P1", "what is wrong"),
        ("ana", "new team=moon x", "There are: north, south"),
        ("anna", "new team=south x", "There are: north"),
        ("vera", "new x", "Your role does not allow new"),
        ("tom", "new x", "Your role does not allow new"),
        ("carl", "new x", "Your role does not allow new"),
    ],
)
async def test_new_is_refused(who, line, words, desk, ask):
    assert words in text_of(await ask(line, who))
    assert desk.raised == {}


# ---------------------------------------------------------------- whatever people type

HOSTILE = [
    "<!channel> @everyone {{7*7}}",
    "note 12 <!channel> {{7*7}} \u202eevil\u202c \ud800 <script>alert(1)</script>",
    "reassign 12 <@U123|<@U456>>",
    "reassign 12 " + "a" * 2000,
    "ack " + "9" * 2900,
    "snooze 12 " + "9" * 2900,
    "list " + "team " * 500,
    "list " + "\u0661" * 50,
    "case ' OR 1=1 --",
    "case %_",
    "help " + "\u0300" * 1000,
    "new " + "\n" * 1000,
    "new P1 team=" + '"' * 900,
    "\x00\x01\x02",
    "/" * 2000,
    "@" * 2000,
    "🔥" * 1000,
    "ack\t12",
    "x" * 5_000_000,
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: repr(line[:24]))
@pytest.mark.parametrize("who", ["ana", "tom", "vera", "stranger"])
async def test_hostile_lines_get_an_answer(line, who, ask):
    spoken = await ask(line, who)
    told = text_of(spoken)
    assert told.strip()
    assert not re.search("[\ud800-\udfff\u202a-\u202e\x00]", told)
    assert len(told) < 4000


_PARTS = st.one_of(
    st.sampled_from([spec.verb for spec in COMMANDS]),
    st.sampled_from(["12", "D-12", "13", "@ana", "<@UANA>", "30m", "mine", "team", "north", "P1", "team=", '"', "\n"]),
    st.text(max_size=30),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.lists(_PARTS, max_size=8).map(" ".join), who=st.sampled_from(["ana", "anna", "tom", "vera", "nobody"]))
def test_any_line_gets_an_answer_of_its_own(line, who, build):
    desk = build["usual"]()
    spoken = asyncio.run(Commands(desk)._run(line, Said("slack", f"U-{who}", key="k")))
    assert text_of(spoken).strip()
    if spoken.later:
        assert asyncio.run(spoken.later())


async def test_a_failure_inside_is_told_and_never_raised(desk, ask):
    desk.failing = RuntimeError("the database is gone")
    told = text_of(await ask("list"))
    assert "Something went wrong on my side" in told
    assert "database" not in told


def test_the_readme_has_the_table():
    match = (
        re.search(r"<!-- commands -->\n(.*?)\n<!-- /commands -->", README.read_text(), re.DOTALL)
        if README.exists()
        else None
    )
    if match is None:
        pytest.skip("no README with a commands table yet")
    assert match[1].strip() == commands_markdown().strip()


async def test_link_gives_a_code_to_whoever_is_known(ask):
    assert "code-of-ana" in text_of(await ask("link"))


async def test_link_with_a_code_connects_whoever_says_it(ask):
    for who in ("ana", "stranger"):
        assert text_of(await ask("link k3v9", who)).strip() == f"U-{who} said k3v9"


async def test_what_is_silenced_is_read_from_the_line(desk):
    line = 'silence rule=technician_late site="Plant 4*" severity=P3,p4 2h road closed'
    said = (await Commands(desk).run(line, Said("slack", "U-ana", key="k"))).reply
    assert said.lines == ("14 alerts of last week would have matched.",)
    matchers = {"rule": ("technician_late",), "site": ("Plant 4*",), "severity": ("P3", "p4")}
    assert desk.hushed == [("ana", matchers, timedelta(hours=2), "road closed")]


async def test_a_silence_without_a_time_is_only_looked_at(desk):
    said = (await Commands(desk).run("silence customer=Hansen*", Said("slack", "U-ana", key="k"))).reply
    assert desk.hushed == [("ana", {"customer": ("Hansen*",)}, None, "")]
    assert said.footer == "To hold them: /desk silence customer=Hansen* 2h REASON"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("silence", "Say what is to be held"),
        ("silence rule=*", "not everything"),
        ("silence colour=red 2h", "I know no field"),
        ("silence team=north soon", "For how long?"),
        ("unsilence", "Which one?"),
        ("unsilence S-x", "Which one?"),
        ("unsilence S-9", "S-9: so be it."),
        ("unsilence s3", "S-3: so be it."),
        ("silences", "S-3 team=north, until"),
    ],
)
async def test_other_lines_about_silences(desk, line, words):
    said = (await Commands(desk).run(line, Said("slack", "U-ana", key="k"))).reply
    assert words in " ".join(said.lines)


async def test_who_may_not_silence_is_told_so(desk):
    said = (await Commands(desk).run("silence team=north 2h because", Said("slack", "U-tom", key="k"))).reply
    assert "Your role does not allow silence" in said.lines[0]
    assert not desk.hushed
