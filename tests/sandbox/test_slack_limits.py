"""Each documented limit of Block Kit, messages and views, kept once and broken once."""

import pytest
from slack_sdk.errors import SlackApiError

from deskbell.sandbox.slack.blocks import check_blocks
from deskbell.sandbox.slack.views import check_view


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def button(**more):
    return {"type": "button", "action_id": "a", "text": plain("b")} | more


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def option(text="one", value="1", **more):
    return {"text": plain(text), "value": value} | more


def select(**more):
    return {"type": "static_select", "action_id": "s", "placeholder": plain("Pick"), "options": [option()]} | more


def section(**more):
    return {"type": "section", "text": mrkdwn("x")} | more


def confirm(**more):
    return {"title": plain("t"), "text": plain("x"), "confirm": plain("y"), "deny": plain("n")} | more


def field(**more):
    element = {"type": "plain_text_input", "action_id": "a"} | more
    return {"type": "input", "block_id": "b", "label": plain("l"), "element": element}


# (name, the most that is taken, how a block is made from so many characters or items)
LENGTHS = [
    ("section text", 3000, lambda n: section(text=mrkdwn("x" * n))),
    ("section field", 2000, lambda n: section(fields=[mrkdwn("x" * n)])),
    ("section fields", 10, lambda n: section(fields=[mrkdwn("x")] * n)),
    ("header text", 150, lambda n: {"type": "header", "text": plain("x" * n)}),
    ("context elements", 10, lambda n: {"type": "context", "elements": [mrkdwn("x")] * n}),
    ("actions elements", 25, lambda n: actions(*(button(action_id=f"a{i}") for i in range(n)))),
    ("button text", 75, lambda n: actions(button(text=plain("x" * n)))),
    ("button value", 2000, lambda n: actions(button(value="x" * n))),
    ("button url", 3000, lambda n: actions(button(url="x" * n))),
    ("action_id", 255, lambda n: actions(button(action_id="x" * n))),
    ("block_id", 255, lambda n: section(block_id="x" * n)),
    ("option text", 75, lambda n: actions(select(options=[option(text="x" * n)]))),
    ("option value", 150, lambda n: actions(select(options=[option(value="x" * n)]))),
    ("option description", 75, lambda n: actions(select(options=[option(description=plain("x" * n))]))),
    ("options", 100, lambda n: actions(select(options=[option()] * n))),
    ("overflow options", 5, lambda n: actions({"type": "overflow", "action_id": "o", "options": [option()] * n})),
    ("radio options", 10, lambda n: actions({"type": "radio_buttons", "action_id": "o", "options": [option()] * n})),
    ("checkbox options", 10, lambda n: actions({"type": "checkboxes", "action_id": "o", "options": [option()] * n})),
    ("placeholder", 150, lambda n: actions(select(placeholder=plain("x" * n)))),
    ("confirm title", 100, lambda n: actions(button(confirm=confirm(title=plain("x" * n))))),
    ("confirm text", 300, lambda n: actions(button(confirm=confirm(text=plain("x" * n))))),
    ("confirm button", 30, lambda n: actions(button(confirm=confirm(confirm=plain("x" * n))))),
    ("input label", 2000, lambda n: field() | {"label": plain("x" * n)}),
    ("input hint", 2000, lambda n: field() | {"hint": plain("x" * n)}),
    ("input max_length", 3000, lambda n: field(max_length=n)),
    ("markdown block", 12_000, lambda n: {"type": "markdown", "text": "x" * n}),
]


@pytest.mark.parametrize(("most", "make"), [row[1:] for row in LENGTHS], ids=[row[0] for row in LENGTHS])
def test_the_most_is_taken_and_one_more_is_not(most, make):
    assert check_blocks([make(most)]) == []
    assert check_blocks([make(most + 1)])


WRONG = [
    ("unknown block", {"type": "sections"}),
    ("unknown element", actions({"type": "buton", "text": plain("x")})),
    ("input in actions", actions({"type": "plain_text_input", "action_id": "a"})),
    ("unknown property", section(colour="red")),
    ("no text, no fields", {"type": "section"}),
    ("empty text", section(text=mrkdwn(""))),
    ("mrkdwn in a header", {"type": "header", "text": mrkdwn("x")}),
    ("mrkdwn on a button", actions(button(text=mrkdwn("x")))),
    ("unknown style", actions(button(style="warning"))),
    ("no options", actions(select(options=[]))),
    ("options and groups", actions(select(option_groups=[{"label": plain("g"), "options": [option()]}]))),
    ("foreign initial option", actions(select(initial_option=option("two", "2")))),
    ("number for text", section(text=5)),
    ("two of one action_id in a block", actions(button(), button())),
]


@pytest.mark.parametrize("block", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_blocks(block):
    assert check_blocks([block])


def test_one_action_id_in_two_blocks_is_allowed():
    assert check_blocks([actions(button()), actions(button())]) == []


def test_fifty_blocks_and_unique_ids():
    assert check_blocks([section()] * 50) == []
    assert check_blocks([section()] * 51)
    assert check_blocks([section(block_id="x"), section(block_id="x")])
    assert check_blocks([{"type": "markdown", "text": "x" * 7000}] * 2), "12,000 is for all markdown together"


def view(*blocks, **more):
    return {"type": "modal", "title": plain("t"), "submit": plain("s"), "blocks": list(blocks) or [section()]} | more


VIEWS = [
    ("title", 24, lambda n: view(title=plain("x" * n))),
    ("submit", 24, lambda n: view(submit=plain("x" * n))),
    ("close", 24, lambda n: view(close=plain("x" * n))),
    ("private_metadata", 3000, lambda n: view(private_metadata="x" * n)),
    ("callback_id", 255, lambda n: view(callback_id="x" * n)),
    ("blocks", 100, lambda n: view(*[section()] * n)),
]


@pytest.mark.parametrize(("most", "make"), [row[1:] for row in VIEWS], ids=[row[0] for row in VIEWS])
def test_views(most, make):
    assert check_view(make(most)) == []
    assert check_view(make(most + 1))


def test_a_form_with_inputs_needs_a_submit_button():
    form = view(field())
    assert check_view(form) == []
    del form["submit"]
    assert check_view(form)


# ------------------------------------------------------------------ the same through the SDK


async def test_the_sdk_hears_why(web):
    with pytest.raises(SlackApiError) as caught:
        await web.chat_postMessage(
            channel="C0DISPATCH", text="x", blocks=[{"type": "header", "text": plain("x" * 151)}]
        )
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    [why] = answer["response_metadata"]["messages"]
    assert why == "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"


async def test_long_texts(web, sb):
    posted = await web.chat_postMessage(channel="C0DISPATCH", text="x" * 40_001)
    assert len(sb.slack.messages("dispatch")[0].text) == 40_000, "a long post is cut"
    for text, wanted in (("x" * 4_000, None), ("x" * 4_001, "msg_too_long")):
        call = web.chat_update(channel="C0DISPATCH", ts=posted["ts"], text=text)
        if wanted is None:
            assert (await call)["ok"]
        else:
            with pytest.raises(SlackApiError, match=wanted):
                await call


async def test_attachments_and_markdown(web, sb):
    sb.slack.no_limits()
    for arguments, wanted in (
        ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"markdown_text": "x", "text": "y"}, "markdown_text_conflict"),
        ({"text": "x", "blocks": "none"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [section()] * 51}, "invalid_blocks"),
        ({"text": "x", "metadata": {"event_type": "x", "event_payload": {"a": "x" * 17_000}}}, "metadata_too_large"),
    ):
        with pytest.raises(SlackApiError, match=wanted):
            await web.api_call("chat.postMessage", json={"channel": "C0DISPATCH", **arguments})
