"""The grammar by itself: what a typed line means, on any chat."""

from datetime import timedelta

import pytest

from bot.commands import COMMANDS, commands_markdown
from bot.grammar import (
    BY_WORD,
    Filter,
    Line,
    Named,
    Problem,
    read_filter,
    read_line,
    read_named,
    read_raised,
    read_ref,
    read_span,
    usage,
)
from bot.names import find_person
from deskbell.core.access import Person, Role
from deskbell.core.alert import MOVES, Severity, Verb

VERBS = (
    *("list", "show", "case", "job", "why", "whynot"),
    *("ack", "unack", "take", "reassign", "send", "escalate", "snooze", "resolve", "reopen", "note"),
    *("undo", "reveal", "tell", "sent", "new", "silence", "silences", "unsilence", "oncall"),
    *("cover", "swap", "override", "vacation", "quiet", "prefs", "test", "feed"),
    *("link", "health", "whoami", "help"),
)


def test_the_table_has_every_verb_once_and_an_example_of_each():
    assert [spec.verb for spec in COMMANDS] == list(VERBS)
    assert {spec.move for spec in COMMANDS if spec.move} == set(Verb)
    for spec in COMMANDS:
        assert spec.help
        for example in spec.examples:
            line = read_line(example, "/desk")
            assert isinstance(line, Line)
            assert line.spec is spec


def test_no_two_commands_share_a_word():
    assert len(BY_WORD) == sum(1 + len(spec.aliases) for spec in COMMANDS)


def test_a_change_needs_the_roles_of_its_move():
    assert all(spec.roles == MOVES[spec.move].roles for spec in COMMANDS if spec.move)


@pytest.mark.parametrize(
    ("text", "verb", "rest"),
    [
        ("ack D-12", "ack", "D-12"),
        ("  ACK    d12  ", "ack", "d12"),
        ("/ack 12", "ack", "12"),
        ("/Ack@DeskbellBot 12", "ack", "12"),
        ("/desk ack 12", "ack", "12"),
        ("desk list", "list", ""),
        ("ack: 12", "ack", "12"),
        ("", "help", ""),
        ("/desk", "help", ""),
        ("?", "help", ""),
        ("D-12", "show", "D-12"),
        ("#12", "show", "D-12"),
        ("d-12 resolve all good", "resolve", "D-12 all good"),
        ("D-12 ack", "ack", "D-12"),
        ("close 12 done", "resolve", "12 done"),
        ("acknowledge 12", "ack", "12"),
        ("\u202eack\u200b 12\u0000", "ack", "12"),
        ("note 12 one\ntwo", "note", "12 one\ntwo"),
    ],
)
def test_a_line_means(text, verb, rest):
    line = read_line(text, "/desk")
    assert isinstance(line, Line)
    assert (line.spec.verb, line.rest) == (verb, rest)


@pytest.mark.parametrize(
    ("text", "guess"), [("akc 12", "ack"), ("resovle D-12 x", "resolve"), ("snoze 1 2", "snooze"), ("lst", "list")]
)
def test_a_slip_is_met_with_the_nearest_command(text, guess):
    problem = read_line(text, "/desk")
    assert isinstance(problem, Problem)
    assert f"Did you mean {guess}?" in problem.text


def test_nonsense_is_met_with_all_commands():
    problem = read_line("<!channel>xyzzy", "/desk")
    assert isinstance(problem, Problem)
    assert all(spec.verb in problem.text for spec in COMMANDS if not spec.hidden)


def test_a_flood_is_refused_before_it_is_read():
    problem = read_line("note D-12 " + "x" * 1_000_000, "/desk")
    assert isinstance(problem, Problem)
    assert "too long" in problem.text


@pytest.mark.parametrize(
    ("text", "ref", "rest"),
    [
        ("D-12", "D-12", ""),
        ("d12 rest of it", "D-12", "rest of it"),
        ("12", "D-12", ""),
        ("#12 x", "D-12", "x"),
        ("D\u201312 x", "D-12", "x"),
        ("d 12 x", "D-12", "x"),
        ("alert 12", "D-12", ""),
        ("D-0012", "D-12", ""),
        ("D-12x", "", "D-12x"),
        ("D-", "", "D-"),
        ("-", "", "-"),
        ("1.5", "", "1.5"),
        ("9" * 16, "", "9" * 16),
        ("\u0661\u0662", "", "\u0661\u0662"),
        ("D-12; DROP TABLE alerts", "", "D-12; DROP TABLE alerts"),
    ],
)
def test_a_ref_is_read(text, ref, rest):
    assert read_ref(text) == (ref, rest)


@pytest.mark.parametrize(
    ("text", "minutes", "rest"),
    [
        ("30m", 30, ""),
        ("30", 30, ""),
        ("1h30m parts", 90, "parts"),
        ("1h 30m waiting for parts", 90, "waiting for parts"),
        ("2 hours", 120, ""),
        ("for 45 min please", 45, "please"),
        ("1 day", 1440, ""),
        ("1D", 1440, ""),
        ("90s", 1.5, ""),
        ("30 customers wait", 30, "customers wait"),
        ("soon", None, "soon"),
        ("", None, ""),
        ("-5m", None, "-5m"),
        ("9" * 2000 + "d", None, "9" * 2000 + "d"),
    ],
)
def test_a_span_is_read(text, minutes, rest):
    assert read_span(text) == (None if minutes is None else timedelta(minutes=minutes), rest)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@ana", Named(name="ana")),
        ("ana", Named(name="ana")),
        ("to Ana Ruiz", Named(name="Ana Ruiz")),
        ('"Ana Ruiz"', Named(name="Ana Ruiz")),
        ("\u201cAna Ruiz\u201d", Named(name="Ana Ruiz")),
        ("<@U123>", Named(account="U123")),
        ("to <@U123|ana>", Named(account="U123")),
        ("<@!4711>", Named(account="4711")),
        ("", None),
        ("@", None),
        ("   ", None),
    ],
)
def test_a_colleague_is_read(text, named):
    assert read_named(text) == named


PEOPLE = {
    key: Person(key, name, mail, frozenset({Role.AGENT}))
    for key, name, mail in (
        ("ana", "Ana Ruiz", "ana.ruiz@firm.test"),
        ("anna", "Anna Weiß", "aw@firm.test"),
        ("ruiz2", "Beto Ruiz", ""),
        ("jose", "José Núñez", ""),
    )
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ana", "ana"),
        ("ANA RUIZ", "ana"),
        ("ana.ruiz@firm.test", "ana"),
        ("ana.ruiz", "ana"),
        ("weiss", "anna"),
        ("beto", "ruiz2"),
        ("jose nunez", "jose"),
        ("núñez", "jose"),
        ("bet", "ruiz2"),
    ],
)
def test_a_name_finds_its_person(name, found):
    assert find_person(name, PEOPLE) == PEOPLE[found]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ruiz", "Which ruiz? ana (Ana Ruiz), ruiz2 (Beto Ruiz)."),
        ("an", "Which an?"),
        ("josse", "Did you mean jose (José Núñez)?"),
        ("xyzzy", "There are: ana"),
        ("", "I know no colleague"),
    ],
)
def test_an_unclear_name_is_asked_about(name, words):
    problem = find_person(name, PEOPLE)
    assert isinstance(problem, Problem)
    assert words in problem.text


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("", Filter()),
        ("mine", Filter(mine=True)),
        ("open 2", Filter(open=True, page=2)),
        ("OPEN page 2", Filter(open=True, page=2)),
        ("team", Filter(own_teams=True)),
        ("team north", Filter(team="north")),
        ("North", Filter(team="north")),
        ("team far east 3", Filter(team="Far East", page=3)),
        ("source freshdesk mine", Filter(source="freshdesk", mine=True)),
        ("freshdesk", Filter(source="freshdesk")),
        ("team mine", Filter(own_teams=True, mine=True)),
        ("0", Filter()),
    ],
)
def test_a_filter_is_read_and_can_be_said_again(rest, found):
    names = (["freshdesk"], ["north", "Far East"])
    assert read_filter(rest, *names) == found
    assert read_filter(f"{found.words} {found.page}", *names) == found


@pytest.mark.parametrize("rest", ["bogus", "source bogus", "source", "team north bogus", "9999999", "-1"])
def test_an_unknown_filter_names_what_there_is(rest):
    problem = read_filter(rest, ["freshdesk"], ["north"])
    assert isinstance(problem, Problem)
    assert "Teams: north. Sources: freshdesk." in problem.text


def test_an_own_alert_is_read():
    raised = read_raised('P1 team="far east" about=J-4711 gas leak\nmore\nlines')
    assert (raised.title, raised.text) == ("gas leak", "more\nlines")
    assert (raised.severity, raised.team, raised.about) == (Severity.P1, "far east", "J-4711")
    assert read_raised("pump P4 down").title == "pump P4 down"
    assert read_raised("p2: pump down").severity is Severity.P2
    long = read_raised("word " * 100)
    assert len(long.title) <= 120
    assert long.text == ("word " * 100).strip()
    assert isinstance(read_raised("P1 "), Problem)
    assert isinstance(read_raised("title\n" + "x" * 1001), Problem)


def test_the_readme_table_has_a_row_for_each_command():
    rows = commands_markdown("/bell").splitlines()[2:]
    shown = [spec for spec in COMMANDS if not spec.hidden]
    assert all(f"`/bell {spec.verb}" in row for spec, row in zip(shown, rows, strict=True))
    assert usage(BY_WORD["snooze"], "/bell") == "/bell snooze ALERT TIME [REASON]"
