"""What people do: taps, forms, commands, and how they reach an app through the real Socket Mode client."""

import asyncio

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.results import Refused


@pytest.fixture
async def card(web, kit):
    select = {"type": "static_select", "action_id": "desk.snooze", "options": [kit.option("1 h", "60")]}
    blocks = [kit.section(), kit.actions(kit.button(), kit.button("desk.resolve", "Resolve"), select)]
    return (await web.chat_postMessage(channel="C0DISPATCH", text="J-1", blocks=blocks, metadata=kit.card_metadata()))[
        "ts"
    ]


async def test_a_tap_carries_everything(sb, app, card):
    tap = await sb.slack.tap("ana", "dispatch", card, "desk.ack")
    assert tap.acked
    got = app.last
    assert got["user"] == {"id": "U0ANA", "username": "ana", "name": "ana", "team_id": credentials.SLACK_TEAM}
    assert got["container"]["message_ts"] == got["message"]["ts"] == card
    assert got["message"]["metadata"]["event_payload"]["alert"] == "D-1"
    assert got["channel"] == {"id": "C0DISPATCH", "name": "dispatch"}
    [action] = got["actions"]
    assert (action["action_id"], action["value"], action["type"]) == ("desk.ack", "token", "button")
    assert got["trigger_id"] == tap.trigger_id
    assert got["response_url"] == tap.response_url


async def test_a_select_says_what_was_chosen(sb, app, card):
    await sb.slack.tap("ana", "dispatch", card, "desk.snooze", selected="1 h")
    assert app.last["actions"][0]["selected_option"]["value"] == "60"
    with pytest.raises(Refused, match="not on offer"):
        await sb.slack.tap("ana", "dispatch", card, "desk.snooze", selected="2 h")


async def test_only_what_is_there_can_be_tapped(sb, app, card):
    with pytest.raises(Refused, match=r"there is no desk\.nope"):
        await sb.slack.tap("ana", "dispatch", card, "desk.nope")
    with pytest.raises(Refused, match="sees no message"):
        await sb.slack.tap("ana", "dispatch", "1.1", "desk.ack")
    sb.slack.workspace.channel("dispatch").members.discard("U0DAN")
    with pytest.raises(Refused, match="not in dispatch"):
        await sb.slack.tap("dan", "dispatch", card, "desk.ack")


async def test_forged_values_can_be_sent_on_purpose(sb, app, card):
    await sb.slack.tap("ana", "dispatch", card, "desk.ack", force={"value": "forged"})
    assert app.last["actions"][0]["value"] == "forged"
    await sb.slack.tap("ana", "dispatch", card, "desk.gone", force={"value": "stale"})
    assert app.last["actions"][0]["action_id"] == "desk.gone"


async def test_nobody_answers(sb, card):
    tap = await sb.slack.tap("ana", "dispatch", card, "desk.ack")
    assert (tap.acked, tap.ack.error) == (False, "operation_timeout")
    assert sb.ledger.count("slack", "failed") == 1


async def test_a_tap_not_acknowledged_in_three_seconds_has_failed(sb, app, card, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.slack.delivery.ACK_SECONDS", 0.05)
    app.acks = False
    tap = await sb.slack.tap("ana", "dispatch", card, "desk.ack")
    assert not tap.acked
    assert len(app.got) == 1, "Slack does not send it again"


async def test_the_ledger_times_a_tap_to_its_edit(sb, app, card, web):
    async def edit(request):
        await web.chat_update(channel="C0DISPATCH", ts=card, text="done")

    app.then = edit
    tap = await sb.slack.tap("ana", "dispatch", card, "desk.ack")
    assert await tap.wait_edit()
    assert len(sb.ledger.tap_to_edit_ms) == 1


# ------------------------------------------------------------------ forms


def opener(app, web, view):
    async def then(request):
        if request.payload.get("type") == "block_actions":
            await web.views_open(trigger_id=request.payload["trigger_id"], view=view)

    app.then = then


async def test_a_form_is_opened_filled_and_closed(sb, app, web, card, kit):
    opener(app, web, kit.modal(kit.text_input(), private_metadata="D-1", callback_id="resolve"))
    tap = await sb.slack.tap("ana", "dispatch", card, "desk.resolve")
    view = await tap.wait_view()
    with pytest.raises(Refused, match="required field is empty"):
        await sb.slack.submit("ana", view.id, {})
    done = await sb.slack.submit("ana", view.id, {"reason": "fixed"})
    assert (done.acked, done.closed, done.errors) == (True, True, {})
    sent = app.last["view"]
    assert sent["state"]["values"] == {"why": {"reason": {"type": "plain_text_input", "value": "fixed"}}}
    assert (sent["private_metadata"], sent["callback_id"]) == ("D-1", "resolve")
    with pytest.raises(Refused, match="no open form"):
        await sb.slack.submit("ana", view.id, {"reason": "twice"})


async def test_errors_keep_the_form_open(sb, app, web, card, kit):
    opener(app, web, kit.modal(kit.text_input()))
    view = await (await sb.slack.tap("ana", "dispatch", card, "desk.resolve")).wait_view()
    app.answer = lambda request: {"response_action": "errors", "errors": {"why": "say more"}}
    done = await sb.slack.submit("ana", view.id, {"why": "x"})
    assert (done.errors, done.closed, view.open) == ({"why": "say more"}, False, True)
    app.answer = lambda request: {"response_action": "errors", "errors": {"nope": "say more"}}
    assert not (await sb.slack.submit("ana", view.id, {"why": "x"})).acked, "errors must name a block of the form"


async def test_update_and_push_and_clear(sb, app, web, card, kit):
    opener(app, web, kit.modal(kit.text_input()))
    view = await (await sb.slack.tap("ana", "dispatch", card, "desk.resolve")).wait_view()
    app.answer = lambda request: {"response_action": "update", "view": kit.modal(kit.section("sure?"))}
    done = await sb.slack.submit("ana", view.id, {"why": "x"})
    assert done.view is view
    assert view.body["blocks"][0]["text"]["text"] == "sure?"
    app.answer = lambda request: {"response_action": "push", "view": kit.modal(kit.section("on top"))}
    pushed = (await sb.slack.submit("ana", view.id)).view
    assert (pushed.previous, pushed.root) == (view.id, view.root)
    app.answer = lambda request: {"response_action": "clear"}
    assert (await sb.slack.submit("ana", pushed.id)).closed
    assert sb.slack.open_views("U0ANA") == []


async def open_error(web, trigger_id, view):
    with pytest.raises(SlackApiError) as caught:
        await web.views_open(trigger_id=trigger_id, view=view)
    return caught.value.response["error"]


async def test_a_trigger_opens_one_form_within_three_seconds(sb, app, web, card, kit):
    form = kit.modal(kit.section())
    first = (await sb.slack.tap("ana", "dispatch", card, "desk.ack")).trigger_id
    await web.views_open(trigger_id=first, view=form)
    assert await open_error(web, first, form) == "exchanged_trigger_id"
    assert await open_error(web, "1.2.made-up", form) == "invalid_trigger_id"
    second = (await sb.slack.tap("ana", "dispatch", card, "desk.ack")).trigger_id
    assert await open_error(web, second, kit.modal(kit.section(), title=kit.plain("x" * 25))) == "invalid_arguments"
    sb.clock.advance(3.1)
    assert await open_error(web, second, form) == "expired_trigger_id"


async def test_views_update_guards_against_a_stale_hash(sb, app, web, card, kit):
    trigger = (await sb.slack.tap("ana", "dispatch", card, "desk.ack")).trigger_id
    opened = (await web.views_open(trigger_id=trigger, view=kit.modal(kit.section())))["view"]
    await web.views_update(view_id=opened["id"], hash=opened["hash"], view=kit.modal(kit.section("new")))
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await web.views_update(view_id=opened["id"], hash=opened["hash"], view=kit.modal(kit.section()))


async def test_cancelling_is_told_only_when_asked_for(sb, app, web, card, kit):
    opener(app, web, kit.modal(kit.section(), notify_on_close=True))
    view = await (await sb.slack.tap("ana", "dispatch", card, "desk.resolve")).wait_view()
    await sb.slack.close("ana", view.id)
    assert app.last["type"] == "view_closed"


async def test_typing_into_an_external_select(sb, app, web, card, kit):
    element = {"type": "external_select", "action_id": "who", "min_query_length": 2}
    block = {"type": "input", "block_id": "b", "label": kit.plain("Who"), "element": element}
    opener(app, web, kit.modal(block))
    view = await (await sb.slack.tap("ana", "dispatch", card, "desk.resolve")).wait_view()
    app.then, app.answer = None, lambda request: {"options": [kit.option("Ben", "ben")]}
    assert (await sb.slack.suggest("ana", "who", "b", view_id=view.id)).options == []
    found = await sb.slack.suggest("ana", "who", "be", view_id=view.id)
    assert app.last["type"] == "block_suggestion"
    assert app.last["value"] == "be"
    app.answer = lambda request: None
    done = await sb.slack.submit("ana", view.id, {"who": found.options[0]})
    assert done.closed


# ------------------------------------------------------------------ commands and response URLs


async def test_a_command_and_its_answer(sb, app):
    app.answer = lambda request: {"text": "three open alerts"}
    typed = await sb.slack.type("ana", "dispatch", "/desk note @ben <b> & co")
    assert (typed.acked, typed.text) == (True, "three open alerts")
    fields = app.last
    assert (fields["command"], fields["text"]) == ("/desk", "note <@U0BEN|ben> &lt;b&gt; &amp; co")
    assert (fields["user_id"], fields["channel_id"]) == ("U0ANA", "C0DISPATCH")
    with pytest.raises(Refused, match="not a valid command"):
        await sb.slack.type("ana", "dispatch", "/nope")


async def test_a_malformed_answer_is_an_error_to_the_person(sb, app, kit):
    app.answer = lambda request: {"blocks": [kit.actions(kit.button(), kit.button())]}
    typed = await sb.slack.type("ana", "dispatch", "/desk help")
    assert (typed.acked, typed.ack.error) == (False, "invalid_command_response")


async def test_a_response_url_works_five_times_in_half_an_hour(sb, app):
    typed = await sb.slack.type("ana", "dispatch", "/desk list")
    hook = AsyncWebhookClient(typed.response_url, trust_env_in_session=False, retry_handlers=[])
    for _ in range(5):
        assert (await hook.send(text="more")).status_code == 200
    assert (await hook.send(text="more")).body == '{"ok":false,"error":"used_url"}'
    assert len(typed.ephemerals) == 5
    late = await sb.slack.type("ana", "dispatch", "/desk list")
    sb.clock.advance(1801)
    answer = await AsyncWebhookClient(late.response_url, trust_env_in_session=False).send(text="x")
    assert (answer.status_code, "expired_url" in answer.body) == (404, True)


async def test_a_response_url_may_replace_and_delete_the_original(sb, app, card):
    tap = await sb.slack.tap("ana", "dispatch", card, "desk.ack")
    hook = AsyncWebhookClient(tap.response_url, trust_env_in_session=False)
    await hook.send(text="new words", replace_original=True)
    assert sb.slack.messages("dispatch")[0].text == "new words"
    await hook.send(text="for all", response_type="in_channel")
    assert [m.text for m in sb.slack.messages("dispatch")] == ["new words", "for all"]
    await hook.send(delete_original=True)
    assert [m.text for m in sb.slack.messages("dispatch")] == ["for all"]


# ------------------------------------------------------------------ connections


async def test_each_envelope_goes_to_one_connection(sb, app, card, web, kit):
    other = kit.App(web)
    await other.socket.connect()
    for _ in range(4):
        assert (await sb.slack.tap("ana", "dispatch", card, "desk.ack")).acked
    assert (len(app.got), len(other.got)) == (2, 2)
    await other.socket.close()


async def test_a_disconnect_makes_the_client_come_back(sb, app, card):
    assert await sb.slack.sockets.disconnect("refresh_requested", close_after=0.2) == 1
    assert await sb.slack.pulse.until(lambda: sb.slack.sockets.opened == 2, 5)
    assert await sb.slack.pulse.until(lambda: len(sb.slack.sockets.connections) == 1, 5)
    assert (await sb.slack.tap("ana", "dispatch", card, "desk.ack")).acked


async def test_a_cut_connection_loses_the_tap(sb, app, card, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.slack.delivery.ACK_SECONDS", 0.3)
    app.acks = False
    assert sb.slack.sockets.connections
    tap = asyncio.create_task(sb.slack.tap("ana", "dispatch", card, "desk.ack"))
    await sb.slack.pulse.until(lambda: app.got, 2)
    sb.slack.sockets.drop()
    assert not (await tap).acked


async def test_a_deaf_connection_answers_nothing(sb, app, card, monkeypatch):
    monkeypatch.setattr("deskbell.sandbox.slack.delivery.ACK_SECONDS", 0.05)
    sb.slack.sockets.deafen()
    assert not (await sb.slack.tap("ana", "dispatch", card, "desk.ack")).acked
    assert app.got == []


async def test_ten_connections_at_most(sb, web):
    from aiohttp import ClientSession

    async with ClientSession() as session:
        held = []
        for number in range(11):
            url = (await web.apps_connections_open(app_token=credentials.SLACK_APP_TOKEN))["url"]
            held.append(await session.ws_connect(url))
            hello = (await held[-1].receive()).json()
            assert hello["type"] == ("disconnect" if number == 10 else "hello")
        assert hello["reason"] == "too_many_websockets"
        with pytest.raises(Exception, match="401"):
            await session.ws_connect(url)  # an address works once
        for socket in held:
            await socket.close()


async def test_events_are_sent_again(sb, app):
    assert (await sb.slack.event({"type": "channel_archive", "channel": "C0OPS"})).acked
    assert app.got[-1].type == "events_api"
    assert app.last["event"]["type"] == "channel_archive"
