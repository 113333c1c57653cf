"""What a card looks like, and that nothing in it can come alive that came from data."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from deskbell.core.card import Button, Card, Note, Reply, Style, Tone
from deskbell.faces import slack as face
from deskbell.sandbox.slack.blocks import check_blocks
from deskbell.sandbox.slack.messages import Message

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
        Button("reassign", "Reassign…", "TOKEN-B", form=True),
        Button("escalate", "Escalate", "TOKEN-C", Style.DANGER),
        Button("snooze", "Snooze", "TOKEN-D", choices=(("15m", "15 min"), ("1h", "1 hour"))),
        Button("resolve", "Resolve…", "TOKEN-E", form=True),
    ),
    url="https://fieldservice.example.org/jobs/4711",
    mentions=("ben",),
)


def mention(person):
    return {"ben": "<@U0BEN>"}.get(person, face.inert(person))


def plain(text):
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def test_a_live_card():
    shown = face.card(CARD, mention)

    assert shown["text"] == "🔴 Marco Bianchi is 25 min late at Northgate Dairy, J-4711 · D-12, P1 act now"
    assert shown["blocks"] == [
        {"type": "header", "text": plain("🔴 P1 act now")},
        {"type": "section", "text": plain("Marco Bianchi is 25 min late at Northgate Dairy, J-4711")},
        {"type": "context", "elements": [plain("⚠ unverified, data from 13:52")]},
        {
            "type": "section",
            "fields": [mrkdwn("*Customer*\nNorthgate Dairy"), mrkdwn("*Window*\n13:00 to 14:00")],
        },
        {"type": "section", "text": mrkdwn("<@U0BEN>")},
        {"type": "context", "elements": [plain("14:02 Ana Ruiz acknowledged\n14:05 Ben Okafor took it")]},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "desk.ack",
                    "text": plain("Acknowledge"),
                    "value": "TOKEN-A",
                    "style": "primary",
                },
                {"type": "button", "action_id": "desk.reassign", "text": plain("Reassign…"), "value": "TOKEN-B"},
                {
                    "type": "button",
                    "action_id": "desk.escalate",
                    "text": plain("Escalate"),
                    "value": "TOKEN-C",
                    "style": "danger",
                },
                {
                    "type": "static_select",
                    "action_id": "desk.snooze",
                    "placeholder": plain("Snooze"),
                    "options": [
                        {"text": plain("15 min"), "value": "TOKEN-D|15m"},
                        {"text": plain("1 hour"), "value": "TOKEN-D|1h"},
                    ],
                },
                {"type": "button", "action_id": "desk.resolve", "text": plain("Resolve…"), "value": "TOKEN-E"},
            ],
        },
        {
            "type": "context",
            "elements": [
                plain("D-12 · Technician late"),
                mrkdwn("<https://fieldservice.example.org/jobs/4711|fieldservice.example.org>"),
            ],
        },
    ]


def test_a_resolved_card_is_small_and_offers_what_is_left():
    buttons = (Button("reopen", "Reopen", "R"), Button("reveal", "Reveal", "V"))
    card = replace(CARD, tone=Tone.RESOLVED, state="Resolved by Ana Ruiz at 14:20", buttons=buttons)

    shown = face.card(card, mention)

    assert shown["blocks"][0]["text"]["text"].startswith("✅ Resolved by Ana Ruiz at 14:20\nMarco Bianchi")
    actions = [
        element["action_id"]
        for block in shown["blocks"]
        for element in block.get("elements", [])
        if "action_id" in element
    ]
    assert actions == ["desk.reopen", "desk.reveal"]
    assert shown["blocks"][1]["elements"] == [plain("Customer: Northgate Dairy · Window: 13:00 to 14:00")]
    assert len(shown["blocks"]) == 5
    assert "<@" not in str(shown)


@pytest.mark.parametrize("tone", list(Tone))
def test_every_state_has_an_icon_and_a_word(tone):
    shown = face.card(replace(CARD, tone=tone, state="the word"), mention)

    first = shown["blocks"][0]["text"]["text"]
    assert "the word" in first
    assert ord(first[0]) > 0x2000
    assert "the word" in shown["text"]


def test_two_buttons_of_a_kind_have_names_of_their_own():
    buttons = tuple(Button("ack", f"Ack {n}", f"T{n}") for n in range(3))

    shown = face.card(replace(CARD, buttons=buttons), mention)

    names = [e["action_id"] for b in shown["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert len(set(names)) == 3
    assert {face.verb_of(name) for name in names} == {"ack"}


# ---------------------------------------------------------------- hostile data

HOSTILE = (
    "<!channel> <!here> <!everyone> <!subteam^S123>",
    "<@U0ANA> <@W0ANA|ana> <#C0OPS|ops>",
    "@everyone @channel @here",
    "{{7*7}} {% for x in y %} ${7*7}",
    "*bold* _it_ ~gone~ `code` ```block``` > quote",
    ":fire: :skull:",
    "<https://evil.example|Acknowledge> https://evil.example",
    "\u202egnp.exe\u2066 \u200b\u200f",
    "\ud800 \udfff lone \udc00",
    "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301" * 50,
    "\x00\x07\x1b[31m\r\n\r\n",
    "&lt;!channel&gt; &amp;",
    "javascript:alert(1)",
    "x" * 1_000_000,
    "&" * 5_000,
    "<" * 5_000,
    "👩‍👩‍👧‍👦" * 500,
    "",
    " ",
)
URLS = (
    "javascript:alert(1)",
    "https://evil.example/|label>",
    "https://evil.example/<!channel>",
    "http://[::1",
    "//no.scheme",
    "ftp://files.example",
    "https://",
    "https://host.example/" + "a" * 4000,
    "https://host.example/ \n<@U0ANA>",
    "https://häuser.example/ä?q=ü&x=1|2",
)


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
        buttons=(
            Button("ack", text, text.encode("utf-8", "replace").decode()[:100] or "t"),
            Button("snooze", text, "t", choices=((text.encode("utf-8", "replace").decode(), text),) * 120),
        ),
        url=url or text,
    )


def every_text(node):
    """(type, text) of each text object."""
    if isinstance(node, dict):
        if node.get("type") in ("plain_text", "mrkdwn"):
            yield node["type"], node["text"], node
        for value in node.values():
            yield from every_text(value)
    if isinstance(node, list):
        for value in node:
            yield from every_text(value)


OUR_LINK = re.compile(r"<https?://[^<>|\s]+\|[^<>|]+>")


def assert_harmless(shown):
    """Within the limits by the vendor's SDK and by the stand-in, and with nothing live in it."""
    assert check_blocks(shown["blocks"]) == []
    for block in shown["blocks"]:
        Block.parse(block).to_dict()
    assert len(shown["blocks"]) <= face.BLOCKS
    assert 0 < len(shown["text"]) <= face.TEXT
    for kind, text, node in every_text(shown["blocks"]):
        text.encode()
        if kind == "mrkdwn":
            assert node["verbatim"] is True
            rest = OUR_LINK.sub("", text)
            assert "<" not in rest
            assert ">" not in rest
            assert "`" not in rest
            assert not re.search(r"(?<!\w)~|~(?!\w)", rest)
        else:
            assert node["emoji"] is False
    assert "<" not in shown["text"]
    assert ">" not in shown["text"]
    shown["text"].encode()
    message = Message("C", "1", "U", shown["text"], 0.0, blocks=shown["blocks"])
    assert message.mentions == []


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive_on_a_card(text):
    card = hostile_card(text)
    for tone in (Tone.HIGH, Tone.RESOLVED):
        assert_harmless(face.card(replace(card, tone=tone), face.inert))
    refused = face.plain_card(card)
    assert refused["blocks"] == []
    assert len(refused["text"]) <= face.TEXT
    assert "<" not in refused["text"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive_in_a_note_or_a_reply(text):
    assert_harmless(face.note(Note(text, text), face.inert, text))
    assert_harmless(face.reply(Reply(text, (text,) * 60, hostile_card(text), text)))
    assert_harmless(face.whisper(text))


@pytest.mark.parametrize("url", URLS)
def test_a_link_leads_where_it_says_or_nowhere(url):
    assert_harmless(face.card(hostile_card("x", url), face.inert))
    assert face.link(url) == "" or OUR_LINK.fullmatch(face.link(url))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400), st.text(max_size=200))
def test_whatever_comes_is_harmless(text, url):
    assert_harmless(face.card(hostile_card(text, url), face.inert))
    assert_harmless(face.note(Note(text), face.inert))
    assert_harmless(face.reply(Reply(text, (text, url), None, text)))


def test_only_our_own_mentions_are_live():
    shown = face.note(Note("Escalated <@U0ANA>", "D-12", mentions=("ben", "<@U0EVIL>")), mention)

    message = Message("C", "1", "U", shown["text"], 0.0, blocks=shown["blocks"])
    assert message.mentions == ["@U0BEN"]


# ---------------------------------------------------------------- small things


def test_what_is_inside_a_word_stays_to_be_copied():
    assert face.inert("J_4711 a*b 10:30:15 https://x_y.example/a_b") == "J_4711 a*b 10:30:15 https://x_y.example/a_b"
    assert face.inert("*bold*") == "\u2217bold\u2217"
    assert face.inert("a & b < c") == "a &amp; b &lt; c"


def test_a_reply_of_lines_is_one_section_and_its_address_can_be_tapped():
    shown = face.reply(
        Reply("Case 4711", ("Pump is down", "with Ana", "https://desk.example.org/4711"), footer="as of 14:02")
    )

    assert [block["type"] for block in shown["blocks"]] == ["section", "section", "section", "context"]
    assert shown["blocks"][1]["text"]["text"] == "Pump is down\nwith Ana"
    assert shown["blocks"][2]["text"]["text"] == "<https://desk.example.org/4711|desk.example.org>"


def test_a_long_reply_says_that_there_is_more():
    shown = face.reply(Reply("List", tuple("x" * 2900 for _ in range(30))))

    assert shown["blocks"][-1]["text"]["text"] == "… and more."
    assert_harmless(shown)


def test_an_empty_reply_says_something():
    assert_harmless(face.reply(Reply()))


def test_a_verb_is_read_off_an_action():
    assert face.verb_of("desk.ack") == "ack"
    assert face.verb_of("desk.ack.2") == "ack"


def test_the_stand_in_would_refuse_what_is_too_long():
    """The checker that these tests rely on does check."""
    block = {"type": "header", "text": plain("x" * 151)}
    assert check_blocks([block])
