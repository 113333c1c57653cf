"""That nothing in a card can come alive that came from data, that no limit is ever passed, and who is rung."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskbell.core.card import Button, Card, Note, Reply, Style, Tone
from deskbell.faces import discord as face
from deskbell.faces import discord_forms as forms
from deskbell.faces.discord_text import fit, inert, link, size
from deskbell.sandbox.discord.checks import check_message, embed_texts
from deskbell.sandbox.discord.components import check_modal
from deskbell.sandbox.discord.world import plain

TOKEN = "A" * 28
ROLE = "900000000000009101"
CARD = Card(
    ref="D-12",
    tone=Tone.CRITICAL,
    state="P1 act now",
    title="Technician late",
    summary="Marco Bianchi is 25 min late at Northgate Dairy, J-4711",
    facts=(("Customer", "Northgate Dairy"), ("Window", "13:00 to 14:00")),
    trail=("14:02 Ana Ruiz acknowledged", "14:05 Ben Okafor took it"),
    warning="unverified, data from 13:52",
    buttons=(
        Button("ack", "Acknowledge", "TOKEN-A", Style.PRIMARY),
        Button("escalate", "Escalate", "TOKEN-C", Style.DANGER),
        Button("snooze", "Snooze", "TOKEN-D", choices=(("15m", "15 min"), ("1h", "1 hour"))),
    ),
    url="https://fieldservice.example.org/jobs/4711",
    mentions=("ben", "nobody"),
)


def account(person):
    return {"ben": "900000000000000002"}.get(person, "")


def name(person):
    return {"nobody": "No Account"}.get(person, person)


def shown(card, **more):
    return face.card(card, account, name, **more)


# ---------------------------------------------------------------- how it looks


def test_a_live_card():
    made = shown(CARD, role=ROLE, rings=True)

    first, called = made["content"].split("\n")
    assert first == "🔴 Marco Bianchi is 25 min late at Northgate Dairy, J-4711 · D-12, P1 act now"
    assert called == f"<@&{ROLE}> <@900000000000000002> No Account"
    assert made["embeds"] == [
        {
            "title": "🔴 P1 act now",
            "description": "⚠ unverified, data from 13:52\n"
            "**Customer** Northgate Dairy\n"
            "**Window** 13:00 to 14:00\n"
            "-# 14:02 Ana Ruiz acknowledged\n"
            "-# 14:05 Ben Okafor took it\n"
            "🔗 [fieldservice.example.org](<https://fieldservice.example.org/jobs/4711>)",
            "color": 0xED4245,
            "footer": {"text": "D-12 · Technician late"},
        }
    ]
    buttons = made["components"][0]["components"]
    assert [(one["label"], one["style"], one["custom_id"]) for one in buttons] == [
        ("Acknowledge", 1, "desk:TOKEN-A"),
        ("Escalate", 4, "desk:TOKEN-C"),
        ("Snooze", 2, "desk:TOKEN-D"),
    ]
    assert made["allowed_mentions"] == {"parse": [], "users": ["900000000000000002"], "roles": [ROLE]}


def test_an_edit_rings_nobody():
    made = shown(CARD, role=ROLE)

    assert "<@900000000000000002>" in made["content"]
    assert made["allowed_mentions"] == {"parse": []}


def test_the_role_is_for_the_most_severe_alone():
    for tone in set(Tone) - {Tone.CRITICAL}:
        assert ROLE not in str(shown(replace(CARD, tone=tone), role=ROLE, rings=True))
    assert "<@&" not in str(shown(CARD, rings=True))
    assert ROLE not in str(shown(replace(CARD, mentions=()), role=ROLE, rings=True))


def test_a_ring_calls_the_role_and_a_line_of_the_story_nobody():
    ring = face.note(Note("Escalated", "D-12", ("ben",), broadcast=True), account, name, role=ROLE)
    line = face.note(Note("Ana noted: hello", "D-12"), account, name, role=ROLE)

    assert ring["content"] == f"Escalated\n<@&{ROLE}> <@900000000000000002>"
    assert ring["allowed_mentions"]["roles"] == [ROLE]
    assert line["allowed_mentions"] == {"parse": [], "users": [], "roles": [], "replied_user": False}


@pytest.mark.parametrize("tone", list(Tone))
def test_every_state_has_a_colour_an_icon_and_a_word(tone):
    made = shown(replace(CARD, tone=tone, state="the word"))

    assert made["embeds"][0]["title"] == f"{face.ICONS[tone]} the word"
    assert made["embeds"][0]["color"] == face.COLOURS[tone]
    assert made["content"].startswith(face.ICONS[tone])
    assert "the word" in made["content"]


def test_states_differ_in_colour_and_in_icon():
    assert len(set(face.COLOURS.values())) == len(set(face.ICONS.values())) == len(Tone)


def test_rows_of_five():
    buttons = tuple(Button("ack", f"Ack {n}", f"T{n}") for n in range(30))

    assert [len(row["components"]) for row in shown(replace(CARD, buttons=buttons))["components"]] == [5] * 5


def test_two_buttons_with_one_token_are_one():
    buttons = (Button("ack", "Ack", "T"), Button("ack", "Again", "T"))

    assert len(shown(replace(CARD, buttons=buttons))["components"][0]["components"]) == 1


def test_a_short_answer_is_words_and_a_long_one_is_an_embed():
    short = face.reply(Reply(title="On duty", lines=("a", "b"), footer="that is all"))
    long = face.reply(Reply(title="Alerts", lines=tuple(f"line {n} " + "x" * 60 for n in range(100)), footer="next"))

    assert short["content"] == "**On duty**\na\nb\n-# that is all"
    assert (short["flags"], short["embeds"]) == (face.EPHEMERAL, [])
    assert long["content"] == "**Alerts**"
    assert "more." in long["embeds"][0]["description"].splitlines()[-1]
    assert long["embeds"][0]["footer"]["text"] == "next"


def test_an_address_alone_on_a_line_can_be_tapped():
    made = face.reply(Reply(lines=("https://deskbell.example.org/a/1", "see https://evil.example")))

    assert made["content"] == "[deskbell.example.org](<https://deskbell.example.org/a/1>)\nsee https\\://evil.example"


def test_custom_ids_go_there_and_back():
    menu = forms.menu("D-12", TOKEN, "r", (("15m", "15 min"),))
    custom_id = menu["components"][0]["components"][0]["custom_id"]

    assert forms.pressed(custom_id) == forms.Pressed(TOKEN, "r", "15m")
    assert forms.pressed(f"desk:{TOKEN}") == forms.Pressed(TOKEN)
    assert forms.pressed("other") is None
    assert len(custom_id) <= 100


def test_what_a_form_says():
    assert forms.args_of("resolve", {"quick": "Fixed", "answer": " new valve "}) == {"reason": "Fixed: new valve"}
    assert forms.args_of("note", {"answer": "called"}) == {"text": "called"}
    assert forms.args_of("resolve", {"quick": "", "answer": " "}) is None


# ---------------------------------------------------------------- hostile data

HOSTILE = (
    "@everyone @here <@900000000000000001> <@!900000000000000001> <@&900000000000009101> <#900000000000009001>",
    "</desk ack:1> <t:1700000000:R> <:boom:1> <a:boom:1> <id:guide>",
    "**bold** *it* __under__ _it_ ~~gone~~ ||spoiler|| `code` ```block```",
    "[Acknowledge](https://evil.example) [x](<https://evil.example>) <https://evil.example>",
    "https://evil.example http://evil.example steam://run/1 discord.gg/evil discord.com/invite/evil",
    "# big\n## less\n-# small\n> quote\n>>> quotes\n- item\n* item\n1. item",
    "\\*half\\ escaped\\\\* \\",
    ":fire: :skull:",
    "\u202egnp.exe\u2066 \u200b\u200f",
    "\ud800 \udfff lone \udc00",
    "a" + "\u0301" * 500,
    "\x00\x07\x1b[31m\r\n\r\n",
    "javascript:alert(1)",
    "x" * 1_000_000,
    "*" * 5_000,
    "<" * 5_000,
    "\\" * 5_000,
    "👩‍👩‍👧‍👦" * 500,
    "",
    " ",
)
URLS = (
    "javascript:alert(1)",
    "https://evil.example/) [Acknowledge](https://more.evil",
    "https://evil.example/><@900000000000000001>",
    "http://[::1",
    "//no.scheme",
    "ftp://files.example",
    "https://",
    "https://host.example/" + "a" * 4000,
    "https://host.example/ \n<@1>",
    "https://evil.example http://more.evil",
    "https://*bold*.example/_x_",
    "https://häuser.example/ä?q=ü&x=1|2",
)

# Discord's own markdown, as far as something would come alive: what a backslash precedes is only itself.
_ESCAPED = re.compile(r"\\[^0-9A-Za-z\s]")
_LIVE = {
    "mention": re.compile(r"<(@[!&]?\d|#\d|/|t:|a?:\w|id:)"),
    "everyone": re.compile(r"@(everyone|here)"),
    "link": re.compile(r"(?i)\b(https?|steam)://"),
    "masked link": re.compile(r"\[[^\]]*\]\("),
    "invitation": re.compile(r"(?i)discord(app)?\.(gg|com|new|me)/"),
    "style": re.compile(r"\*|`|~~|\|\||__|_\w"),
    "start of a line": re.compile(r"(?m)^\s*(#{1,3} |-# |>{1,3} |[-+*] |\d+\. )"),
    "emoji": re.compile(r":[\w+-]{2,}:"),
}


def alive(text):
    """What of this text Discord would make something of."""
    rest = _ESCAPED.sub("\x1a", text)
    return [kind for kind, pattern in _LIVE.items() if pattern.search(rest)]


def test_the_judge_is_awake():
    for text in HOSTILE[:6] + HOSTILE[7:8]:
        assert alive(text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(text):
    assert alive(fit(text, 2000)) == []
    assert size(fit(text, 100)) <= 100


@given(st.text(alphabet=st.sampled_from("\\*_~|`<>@#:[]()-+.1 \nahttps/everyoneh\u00e9\U0001f534"), max_size=200))
@settings(max_examples=400)
def test_no_text_at_all_comes_alive(text):
    assert alive(inert(text)) == []
    if "\\" not in text:
        assert plain(inert(text)) == text  # and people read what was written


@given(st.text(max_size=300), st.integers(1, 120))
def test_no_text_is_too_long(text, limit):
    made = fit(text, limit)

    assert size(made) <= limit
    assert alive(made) == []


def hostile_card(text, url=""):
    return Card(
        ref=text,
        tone=Tone.HIGH,
        state=text,
        title=text,
        summary=text,
        facts=((text, text),) * 30,
        trail=(text,) * 30,
        warning=text,
        buttons=tuple(Button("ack", text, f"{n}{TOKEN}") for n in range(40)),
        url=url or text,
        mentions=tuple(f"{text}{n}" for n in range(120)),
    )


@pytest.mark.parametrize("tone", [Tone.HIGH, Tone.RESOLVED])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_card_is_a_card(text, tone):
    made = face.card(replace(hostile_card(text), tone=tone), lambda _: "", lambda person: person, rings=True)

    check_message(made)
    assert made["allowed_mentions"]["users"] == []
    assert "<@" not in _ESCAPED.sub("", made["content"])
    for part in made["embeds"][0]["description"].split("\n"):
        if part == f"\U0001f517 {link(text)}":
            continue
        assert alive(part.removeprefix("-# ").replace("**", "")) in ([], ["style"])


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_answers_notes_and_forms_stay_below_every_limit(text):
    people = [(f"{n}", text, text) for n in range(40)]
    made = [
        face.reply(Reply(title=text, lines=(text,) * 60, footer=text, card=hostile_card(text))),
        face.reply(Reply(title=text, lines=(text,) * 60, footer=text)),
        face.note(Note(text, text, tuple(map(str, range(200)))), lambda n: f"9{int(n):017}", name, role=ROLE),
        face.note(Note(text, text, direct="ben"), account, name, card_url="https://discord.com/channels/1/2/3"),
        face.plain_card(hostile_card(text)),
        face.whisper(text),
        forms.picker(text[:20], TOKEN, "r", people),
    ]
    for one in made:
        check_message(one)
    assert list(check_modal(forms.resolve(text, TOKEN))) == list(check_modal(forms.note(text, TOKEN))) == []


@pytest.mark.parametrize("url", URLS)
def test_links_lead_where_they_say(url):
    made = link(url)

    assert made == "" or re.fullmatch(r"\[[^\[\]()<>]+\]\(<https?://[^<>()\s\[\]*_]+>\)", made)
    check_message(shown(hostile_card("x", url)))


def test_only_accounts_are_called():
    """An account that is no number, from whatever mistake, is no mention."""
    made = face.card(CARD, lambda _: "everyone", name, rings=True)

    assert "<@" not in made["content"]
    assert made["allowed_mentions"]["users"] == []


def test_everything_of_an_embed_can_be_read():
    assert "D-12 · Technician late" in embed_texts(shown(CARD)["embeds"][0])
