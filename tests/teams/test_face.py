"""Whatever stands in data: nothing of it comes alive in Teams, and no message is over its limits."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskbell.core.card import Button, Card, Note, Reply, Style, Tone
from deskbell.faces import teams as face
from deskbell.faces import teams_forms as forms
from deskbell.faces.teams_parts import Mention, address, bare, size, text_message
from deskbell.sandbox.teams.cards import check_card, inputs, readable, shown_actions, walk

HOSTILE = (
    "<at>everyone</at> <at>Ana Ruiz</at>",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "**bold** _it_ ~~no~~ `code` # head\n- list\n1. list",
    "{{DATE(2026-01-01T00:00:00Z,SHORT)}} {{TIME(x)}} {{{{",
    "${7*7} {{7*7}} {% for x in y %}",
    "<script>alert(1)</script><b>b</b><br/>&lt;at&gt;",
    "https://evil.example/ javascript:alert(1)",
    "\u202egnp.exe\u2066 \u200b\u200f",
    "\ud800 \udfff lone \udc00",
    "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301" * 50,
    "\x00\x07\x1b[31m\r\n\r\n",
    "x" * 1_000_000,
    '"' * 5_000,
    "\\" * 5_000,
    "<" * 5_000,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 500,
    "\ufdfa" * 3000,
    "",
    " ",
)
URLS = (
    "javascript:alert(1)",
    "https://user:pw@host.example/",
    "http://[::1",
    "//no.scheme",
    "ftp://files.example",
    "https://",
    "https://host.example/" + "a" * 4000,
    "https://host.example/ \n<at>x</at>",
    "https://h\u00e4user.example/\u00e4?q=\u00fc&x=1|2",
    "https://host.example/{{DATE(2026-01-01)}}",
)


def hostile_card(text, url=""):
    token = "A" * 28
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
            Button("ack", text, token, Style.PRIMARY),
            Button("reassign", text, token, form=True),
            Button("snooze", text, token, choices=tuple((f"{n}m", text) for n in range(4))),
            Button("sort", text, token, choices=tuple((f"{n}", text) for n in range(300))),
            Button("resolve", text, token, Style.DANGER, form=True),
            Button("note", text, token, form=True),
            Button("ack", text, token),
        ),
        url=url or text,
    )


def assert_harmless(message):
    """By the stand-in's strict rules, and by what each kind of text is read as."""
    assert size(message) <= 28_000
    assert message["summary"].strip()
    for card in [one["content"] for one in message.get("attachments", [])]:
        assert check_card(card) == []
        assert "{{" not in str(card)
        for part in walk(card):
            if part.get("type") == "TextBlock":
                assert part["text"].startswith("Who takes it?") or "<at>" not in part["text"]
            if part.get("type") == "Action.OpenUrl":
                assert re.match(r"https?://[^\s<>{}|\\]+$", part["url"])
        for one in inputs(card):
            assert one.get("value") is None
    if "text" in message:
        assert message["textFormat"] == "plain"
        message["text"].encode()
    assert "entities" not in message


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive_on_a_card(text):
    for tone in (Tone.HIGH, Tone.RESOLVED):
        card = Card(**{**_as_dict(hostile_card(text)), "tone": tone})
        assert_harmless(face.card(card))
        assert_harmless(face.message(face.personal(card, text), "x"))
        assert_harmless(face.plain_card(card))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive_in_notes_replies_and_forms(text):
    card = hostile_card(text)
    assert_harmless(face.note(Note(text, text)))
    assert_harmless(
        face.note(Note(text, text, direct="ben", buttons=card.buttons), (), "https://teams.microsoft.com/l")
    )
    assert_harmless(face.reply(Reply(text, (text,) * 60, card, text)))
    assert_harmless(face.reply(Reply(text, (text,) * 60, None, text, buttons=card.buttons[:1])))
    people = [(f"p{n}", text, text) for n in range(40)]
    assert_harmless(face.message(forms.reassign(card, "t", people), "x"))
    assert_harmless(face.message(forms.connect(text or "x", "t", card), "x"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_ring_holds_no_mention_but_ours(text):
    message = text_message(text, [Mention("Ben", "aad-ben"), Mention(text, "aad-x"), Mention(text)])
    names = [one["text"] for one in message["entities"]]
    assert names[0] == "<at>Ben</at>"
    assert len(names) == 2
    tags = re.findall(r"<[^>]*>", message["text"])
    assert set(tags) <= {"<at>", "</at>", "<br/>"}
    assert message["text"].count("<at>") == 2
    assert not set("<>&[]()*_~`#") & set(bare(text))


@pytest.mark.parametrize("url", URLS)
def test_a_link_leads_where_it_says_or_nowhere(url):
    assert_harmless(face.card(hostile_card("x", url)))
    target = address(url)
    assert target == "" or target.startswith(("https://host.example/", "https://h"))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400), st.text(max_size=200))
def test_whatever_comes_is_harmless(text, url):
    assert_harmless(face.card(hostile_card(text, url)))
    assert_harmless(face.note(Note(text)))
    assert_harmless(face.reply(Reply(text, (text, url), None, text)))


def test_text_is_shown_as_it_is():
    card = hostile_card("2 < 3 & *4* [x](y)")
    assert "2 < 3 & *4* [x](y)" in "\n".join(readable(face.live(card)))
    message = text_message("2 < 3 & more\nand", [Mention("Ben", "b")])
    assert html.unescape(message["text"]).endswith("2 < 3 & more<br/>and")


def test_the_buttons_stand_in_rows_with_their_words_and_tokens():
    buttons = tuple(Button("ack", f"Button {n}", f"token-{n}") for n in range(8))
    card = Card("D-1", Tone.HIGH, "s", "t", "u", buttons=buttons)
    shown = face.live(card)

    assert [one["title"] for one in shown_actions(shown)] == [one.label for one in buttons]
    first = shown_actions(shown)[0]
    assert first["data"] == {"desk": "ack", "token": "token-0"}
    assert first["fallback"]["data"] == first["data"]
    assert first["fallback"]["type"] == "Action.Submit"
    assert all(len(part["actions"]) <= 3 for part in [*shown["body"], shown] if "actions" in part)


def test_what_does_not_fit_is_left_out_from_the_end():
    card = Card("D-1", Tone.HIGH, "s", "t", "u", facts=(("a", "x" * 300),) * 8, trail=("y" * 250,) * 3)
    whole, small = face.card(card), face.card(card, budget=6_000)
    assert "y" * 200 in str(whole)
    assert "y" * 200 not in str(small)
    assert size(small) <= 6_000


@pytest.mark.parametrize(
    ("verb", "data", "args"),
    [
        ("ack", {}, {}),
        ("snooze", {"choice": "nonsense"}, {"span": None}),
        ("reassign", {"input": "person", "person": "ben"}, {"person": "ben"}),
        ("reassign", {"input": "person", "person": ""}, None),
        ("reassign", {"input": ["x"], "person": "ben"}, None),
        ("resolve", {"quick": "q", "text": "t", "q": "Fixed", "t": " new valve "}, {"reason": "Fixed: new valve"}),
        ("resolve", {"quick": "q", "text": "t"}, None),
        ("note", {"text": "t", "t": 5}, {"text": "5"}),
        ("sort", {"input": "choice.1", "choice.1": "x"}, {"choice": "x"}),
    ],
)
def test_what_comes_back_in_a_form(verb, data, args):
    assert forms.args_of(verb, data) == args


def _as_dict(card):
    return {name: getattr(card, name) for name in Card.__dataclass_fields__}
