"""What a card looks like, and that nothing in it can come alive that came from data."""
# ruff: noqa: RUF001 - the Hebrew letters are meant

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskbell.core.card import FIRST_LINE, Button, Card, Note, Reply, Style, Tone
from deskbell.faces import telegram as face
from deskbell.faces import telegram_menus as menus
from deskbell.sandbox.telegram.api import ApiError
from deskbell.sandbox.telegram.entities import TEXT, live, part, read, units
from deskbell.sandbox.telegram.keyboards import read_markup

TOKEN = "A" * 28
BUTTONS = (
    Button("ack", "Acknowledge", "TOKEN-A", Style.PRIMARY),
    Button("reassign", "Reassign…", "TOKEN-B", form=True),
    Button("escalate", "Escalate", "TOKEN-C", Style.DANGER),
    Button("snooze", "Snooze", "TOKEN-D", choices=(("15m", "15 min"), ("1h", "1 hour"))),
    Button("resolve", "Resolve…", "TOKEN-E", form=True),
)
OPEN = Card(
    ref="D-12",
    tone=Tone.CRITICAL,
    state="P1 act now",
    title="Technician late",
    summary="Marco Bianchi is 25 min late at Northgate Dairy, J-4711",
    facts=(("Customer", "Northgate Dairy"), ("Window", "13:00 to 14:00")),
    buttons=BUTTONS,
    url="https://fieldservice.example.org/jobs/4711",
    mentions=("ben",),
)
REOPEN = (Button("reopen", "Reopen", "TOKEN-R"),)


def mention(person):
    return face.person({"ben": "700000002"}.get(person, ""), {"ben": "Ben Okafor"}.get(person, person))


# ---------------------------------------------------------------- golden cards

GOLDEN = {
    "open": (
        OPEN,
        (
            "🔴 <b>Marco Bianchi is 25 min late at Northgate Dairy, J-4711</b>\n"
            "P1 act now · <code>D-12</code> · Technician late\n"
            "\n"
            "<b>Customer:</b> Northgate Dairy\n"
            "<b>Window:</b> 13:00 to 14:00\n"
            "\n"
            '🔔 <a href="tg://user?id=700000002">Ben Okafor</a>\n'
            "\n"
            '<a href="https://fieldservice.example.org/jobs/4711">fieldservice.\u2060example.\u2060org</a>'
        ),
    ),
    "acked": (
        replace(
            OPEN,
            tone=Tone.ACKED,
            state="Acknowledged by Ana Ruiz at 14:02",
            trail=("14:02 Ana Ruiz acknowledged",),
            facts=(),
            url="",
            mentions=(),
        ),
        (
            "👀 <b>Marco Bianchi is 25 min late at Northgate Dairy, J-4711</b>\n"
            "Acknowledged by Ana Ruiz at 14:02 · <code>D-12</code> · Technician late\n"
            "\n"
            "<blockquote>14:02 Ana Ruiz acknowledged</blockquote>"
        ),
    ),
    "reassigned": (
        replace(
            OPEN,
            tone=Tone.ACKED,
            state="Acknowledged by Ben Okafor at 14:05",
            facts=(("With", "Ben Okafor"),),
            trail=("14:02 Ana Ruiz acknowledged", "14:05 Ana Ruiz gave it to Ben Okafor"),
            url="",
            mentions=(),
        ),
        (
            "👀 <b>Marco Bianchi is 25 min late at Northgate Dairy, J-4711</b>\n"
            "Acknowledged by Ben Okafor at 14:05 · <code>D-12</code> · Technician late\n"
            "\n"
            "<b>With:</b> Ben Okafor\n"
            "\n"
            "<blockquote>14:02 Ana Ruiz acknowledged\n14:05 Ana Ruiz gave it to Ben Okafor</blockquote>"
        ),
    ),
    "escalated": (
        replace(OPEN, state="P1 act now, escalated to level 2", facts=(), url="", mentions=("ben", "carla")),
        (
            "🔴 <b>Marco Bianchi is 25 min late at Northgate Dairy, J-4711</b>\n"
            "P1 act now, escalated to level 2 · <code>D-12</code> · Technician late\n"
            "\n"
            '🔔 <a href="tg://user?id=700000002">Ben Okafor</a> carla'
        ),
    ),
    "snoozed": (
        replace(OPEN, tone=Tone.SNOOZED, state="Snoozed until 15:00", facts=(), url="", mentions=()),
        (
            "💤 <b>Marco Bianchi is 25 min late at Northgate Dairy, J-4711</b>\n"
            "Snoozed until 15:00 · <code>D-12</code> · Technician late"
        ),
    ),
    "resolved": (
        replace(
            OPEN,
            tone=Tone.RESOLVED,
            state="Resolved by Ana Ruiz at 14:20",
            trail=("14:02 Ana Ruiz acknowledged", "14:20 Ana Ruiz resolved: fixed"),
            buttons=REOPEN,
        ),
        (
            "✅ <b>Marco Bianchi is 25 min late at Northgate Dairy, J-4711</b>\n"
            "Resolved by Ana Ruiz at 14:20 · <code>D-12</code> · Technician late\n"
            "<b>Customer:</b> Northgate Dairy · <b>Window:</b> 13:00 to 14:00\n"
            "<blockquote>14:20 Ana Ruiz resolved: fixed</blockquote>\n"
            '<a href="https://fieldservice.example.org/jobs/4711">fieldservice.\u2060example.\u2060org</a>'
        ),
    ),
    "unverified": (
        replace(OPEN, warning="unverified, data from 13:52", facts=(), url="", mentions=()),
        (
            "🔴 <b>Marco Bianchi is 25 min late at Northgate Dairy, J-4711</b>\n"
            "P1 act now · <code>D-12</code> · Technician late\n"
            "⚠️ <i>unverified, data from 13:52</i>"
        ),
    ),
    "hostile": (
        replace(
            OPEN,
            summary="<b>@ana</b> /ack D-99 https://evil.example #now 10.0.0.1 & ana@evil.example +4915112345678",
            facts=(("<i>", "</b><a href='x'>y</a>"),),
            url="javascript:alert(1)",
            mentions=(),
        ),
        (
            "🔴 <b>&lt;b&gt;@\u2060ana&lt;<code>/b</code>&gt; <code>/ack</code> D-99 "
            "https:\u2060/<code>/evil</code>.\u2060example #\u2060now 10.\u20600.\u20600.1 &amp; "
            "ana@\u2060evil.\u2060example +\u20604915112345678</b>\n"
            "P1 act now · <code>D-12</code> · Technician late\n"
            "\n"
            "<b>&lt;i&gt;:</b> &lt;<code>/b</code>&gt;&lt;a href=&#39;x&#39;&gt;y&lt;<code>/a</code>&gt;"
        ),
    ),
    "rtl": (
        replace(OPEN, summary="\u202eאיחור של טכנאי\u202c במפעל J-4711", facts=(), url="", mentions=()),
        "🔴 <b>איחור של טכנאי במפעל J-4711</b>\nP1 act now · <code>D-12</code> · Technician late",
    ),
    "emoji": (
        replace(OPEN, summary="🔥 Boiler 👷🏽 room, J-4711 🇩🇪", facts=(), url="", mentions=()),
        "🔴 <b>🔥 Boiler 👷🏽 room, J-4711 🇩🇪</b>\nP1 act now · <code>D-12</code> · Technician late",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_card(name):
    card, expected = GOLDEN[name]

    shown = face.card(card, mention)

    assert shown["text"] == expected
    assert shown["parse_mode"] == "HTML"
    assert_harmless(shown)


def test_a_storm_and_a_long_text_keep_what_matters():
    names = tuple((f"Job {n}", f"J-47{n:02} " + "late " * 200) for n in range(30))
    card = replace(OPEN, facts=names, trail=("14:02 " + "x" * 400,) * 9, summary="s" * 500)

    shown = face.card(card, mention)

    words, _ = read(shown["text"], "HTML")
    assert units(words) <= TEXT
    assert len(words.splitlines()[0]) <= FIRST_LINE
    assert "P1 act now · D-12" in words
    assert "Job 0:" in words
    assert_harmless(shown)


def test_the_first_line_is_fit_for_a_lock_screen():
    first = read(face.card(OPEN)["text"], "HTML")[0].splitlines()[0]

    assert first == "🔴 Marco Bianchi is 25 min late at Northgate Dairy, J-4711"
    assert units(first) <= FIRST_LINE


def test_the_buttons_stand_in_their_order_two_in_a_row_with_undo_below():
    card = replace(OPEN, undo=Button("undo", "Undo", "TOKEN-U"))

    rows = face.card(card)["reply_markup"]["inline_keyboard"]

    assert rows == [
        [
            {"text": "Acknowledge", "callback_data": "TOKEN-A", "style": "primary"},
            {"text": "Reassign…", "callback_data": "TOKEN-B|m"},
        ],
        [
            {"text": "Escalate", "callback_data": "TOKEN-C", "style": "danger"},
            {"text": "Snooze", "callback_data": "TOKEN-D|m"},
        ],
        [{"text": "Resolve…", "callback_data": "TOKEN-E|m"}],
        [{"text": "Undo", "callback_data": "TOKEN-U"}],
    ]


def test_an_edit_mentions_nobody():
    assert "tg://user" not in face.card(OPEN)["text"]


@pytest.mark.parametrize("tone", list(Tone))
def test_every_state_has_an_icon_and_a_word(tone):
    text = face.card(replace(OPEN, tone=tone, state="the word"))["text"]

    assert ord(text[0]) > 0x2000
    assert "the word" in text


def test_a_note_rings_and_leads_to_its_card():
    shown = face.note(
        Note("Nobody has it", "D-12", mentions=("ben",), buttons=BUTTONS[:1]), mention, "https://t.me/c/1/2"
    )

    assert shown["text"] == '🔔 <a href="tg://user?id=700000002">Ben Okafor</a>\nNobody has it'
    assert shown["reply_markup"]["inline_keyboard"] == [
        [{"text": "Acknowledge", "callback_data": "TOKEN-A", "style": "primary"}],
        [{"text": "Open the card", "url": "https://t.me/c/1/2"}],
    ]


def test_our_own_commands_can_be_copied_from_a_reply():
    shown = face.reply(Reply("Alerts", ("P1 D-12 pump",), footer="/desk list mine 2"))

    words, found = read(shown["text"], "HTML")
    assert words == "Alerts\n\nP1 D-12 pump\n\n/desk list mine 2"
    assert "/desk" in [part(words, one) for one in found if one.type == "code"]


def test_a_long_reply_says_that_there_is_more():
    shown = face.reply(Reply("List", tuple("x" * 900 for _ in range(30)), footer="the end"))

    words, _ = read(shown["text"], "HTML")
    assert "… and more." in words
    assert words.endswith("the end")
    assert_harmless(shown)


def test_a_reply_may_hold_a_card_with_its_buttons():
    shown = face.reply(Reply(card=OPEN, buttons=(Button("undo", "Undo", "TOKEN-U"),)))

    labels = [button["text"] for row in shown["reply_markup"]["inline_keyboard"] for button in row]
    assert labels == ["Acknowledge", "Reassign…", "Escalate", "Snooze", "Resolve…", "Undo"]


# ---------------------------------------------------------------- hostile data

HOSTILE = (
    "@ana @everyone @deskbell_bot",
    "/ack D-1 /start@deskbell_bot /desk",
    "#hashtag $USD +49 151 12345678 +4915112345678",
    "https://evil.example http://localhost:80/x tg://resolve?domain=x ftp://a.b",
    "evil.example www.evil.example/path?x=1 häuser.example пример.рф 10.0.0.1 1.2.3.4:80/x a.b.c.d",
    "ana@example.org mailto:ana@example.org",
    "<b>bold</b><a href='https://evil.example'>Acknowledge</a><tg-spoiler>x</tg-spoiler>",
    "</b></code></blockquote></a>",
    '<a href="tg://user?id=700000001">Ana</a>',
    "&lt;b&gt; &amp;lt; &#60;b&#62; &bogus; &",
    "*bold* _it_ ~gone~ `code` [x](https://evil.example) ||spoiler||",
    "\u202egnp.exe\u2066 \u200b\u200f\u2060",
    "a\u2060@ana /\u2060ack",
    "\ud800 \udfff lone \udc00",
    "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301" * 50,
    "\x00\x07\x1b[31m\r\n\r\n",
    "{{7*7}} {% for x in y %} ${7*7}",
    "x" * 1_000_000,
    "&" * 5_000,
    "<" * 5_000,
    "@a" * 5_000,
    "/a " * 5_000,
    "a.b" * 3_000,
    "👩‍👩‍👧‍👦" * 3_000,
    "",
    " ",
)
URLS = (
    "javascript:alert(1)",
    'https://evil.example/"onclick=x',
    "https://evil.example/'><b>",
    "http://[::1",
    "//no.scheme",
    "tg://user?id=1",
    "https://",
    "https://host.example/" + "a" * 4000,
    "https://host.example/ \n<b>",
    "https://häuser.example/ä?q=ü&x=1|2",
)


def hostile_card(text, url=""):
    safe = text.encode("utf-8", "replace").decode()
    return Card(
        ref=text,
        tone=Tone.HIGH,
        state=text,
        title=text,
        summary=text,
        facts=((text, text),) * 30,
        trail=(text,) * 30,
        warning=text,
        buttons=(
            Button("ack", text, safe[:100] or "t"),
            Button("snooze", text, "t", choices=((safe, text),) * 20),
        ),
        url=url or text,
        undo=Button("undo", text, safe[:10] or "t"),
    )


OURS = {"bold", "italic", "code", "blockquote", "text_link", "text_mention"}


def assert_harmless(shown):
    """Within the limits by the stand-in's rules, and with nothing live in it but our own links and mentions."""
    shown["text"].encode()
    words, found = read(shown["text"], shown.get("parse_mode", ""))
    assert words
    assert units(words) <= TEXT
    assert {entity.type for entity in found} <= (OURS if "parse_mode" in shown else set())
    read_markup(shown["reply_markup"])
    for entity in found:
        if entity.type == "text_link":
            assert re.fullmatch(r"https?://[^\s\"'<>]+", entity.url)
    # What is inside our own links and code does not count; anything else may not be live.
    marked = [e for e in found if e.type in ("code", "text_link", "text_mention")]
    for entity in live(words):
        inside = any(o.offset <= entity.offset and entity.offset + entity.length <= o.offset + o.length for o in marked)
        assert inside, part(words, entity)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive_on_a_card(text):
    card = hostile_card(text)
    for tone in (Tone.HIGH, Tone.RESOLVED):
        assert_harmless(face.card(replace(card, tone=tone), lambda person: face.person("", person)))
    assert_harmless(face.plain_card(card))
    assert units(face.first_line(card)) <= FIRST_LINE * 2


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive_in_a_note_or_a_reply(text):
    note = Note(text, text, mentions=(text,) * 30)
    assert_harmless(face.note(note, lambda person: face.person("1", person)))
    assert_harmless(face.plain_note(note))
    assert_harmless(face.reply(Reply(text, (text,) * 60, hostile_card(text), text)))
    assert_harmless(face.unmarked(face.reply(Reply(text, (text,) * 60, None, text))))
    assert len(face.toast(text)) <= face.TOAST


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive_in_a_menu_or_a_prompt(text):
    safe = text.encode("utf-8", "replace").decode()
    for rows in (
        menus.people(TOKEN, [(safe, text, text)] * 20, 1),
        menus.spans(TOKEN, ((safe[:30], text),)),
        menus.reasons(TOKEN),
    ):
        read_markup({"inline_keyboard": rows})
    assert_harmless(menus.prompt("resolve", text, TOKEN, "deskbell_bot", "1", text))


@pytest.mark.parametrize("url", URLS)
def test_a_link_leads_where_it_says_or_nowhere(url):
    assert_harmless(face.card(hostile_card("x", url)))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400), st.text(max_size=200))
def test_whatever_comes_is_harmless(text, url):
    assert_harmless(face.card(hostile_card(text, url)))
    assert_harmless(face.note(Note(text), lambda person: face.person("", person)))
    assert_harmless(face.reply(Reply(text, (text, url), None, text)))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="@#$+/.:ab1 \u2060&;<>", max_size=60))
def test_no_mixture_of_signs_comes_alive(text):
    assert_harmless(face.reply(Reply(lines=(text,))))
    assert_harmless(face.unmarked(face.reply(Reply(lines=(text,)))))


# ---------------------------------------------------------------- choices


def test_a_choice_is_read_as_it_was_offered():
    people = ["ana", "ben", "a-very-long-identifier-that-does-not-fit-into-a-button"]
    for person in people:
        data = menus.read(f"{TOKEN}|{menus.person_code(person)}")
        assert len(f"{TOKEN}|{menus.person_code(person)}".encode()) <= face.DATA
        assert menus.args_of(data, people) == {"person": person}
    assert menus.args_of(menus.read(f"{TOKEN}|uevil"), people) is None
    assert menus.args_of(menus.read(TOKEN), people) == {}
    assert menus.args_of(menus.read(f"{TOKEN}|c15m"), people)["span"].total_seconds() == 900


def test_a_page_beyond_the_last_is_the_last():
    people = [(f"p{n}", f"Person {n}", "") for n in range(9)]

    rows = menus.people(TOKEN, people, 99)

    assert [row[0]["text"] for row in rows] == ["Person 8", "\u2039 Previous", "\u2039 Back"]


def test_only_links_to_our_own_bot_carry_something():
    assert menus.payload_of(menus.start_link("deskbell_bot", TOKEN), "deskbell_bot") == TOKEN
    for url in ("https://t.me/other_bot?start=x", "https://evil.example/deskbell_bot?start=x", "http://[::1", ""):
        assert menus.payload_of(url, "deskbell_bot") == ""


def test_the_stand_in_would_refuse_what_is_wrong():
    """The checker that these tests rely on does check."""
    with pytest.raises(ApiError):
        read_markup({"inline_keyboard": [[{"text": "x", "callback_data": "x" * 65}]]})
    assert [one.type for one in live("@ana_b /ack https://evil.example ana@evil.example #tag")] != []
