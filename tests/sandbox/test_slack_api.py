"""The Web API through the real SDK: what is answered, and what is refused."""

import pytest
from slack_sdk.errors import SlackApiError

from deskbell.sandbox import credentials


async def refused(call):
    """The error Slack answers with."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def error(call):
    return (await refused(call))["error"]


async def test_who_am_i(web, sb):
    answer = await web.auth_test()
    assert (answer["team_id"], answer["user_id"]) == (credentials.SLACK_TEAM, credentials.SLACK_BOT_USER)
    assert "chat:write" in answer.headers["x-oauth-scopes"]


@pytest.mark.parametrize(
    ("token", "wanted"), [("xoxb-stolen", "invalid_auth"), ("xapp-sandbox", "not_allowed_token_type")]
)
async def test_wrong_token(sb, kit, token, wanted):
    assert await error(kit.web_client(sb, token).auth_test()) == wanted


async def test_the_bot_token_opens_no_socket(web):
    assert await error(web.apps_connections_open(app_token=credentials.SLACK_BOT_TOKEN)) == "not_allowed_token_type"


async def test_missing_scope_is_named(web, sb):
    sb.slack.scopes.discard("users:read.email")
    answer = await refused(web.users_lookupByEmail(email="ana@example.org"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "users:read.email")


async def test_post_update_delete(web, sb, kit):
    posted = await web.chat_postMessage(
        channel="#dispatch", text="one", blocks=[kit.section()], metadata=kit.card_metadata()
    )
    assert posted["channel"] == "C0DISPATCH"
    assert posted["message"]["blocks"][0]["block_id"]
    await web.chat_update(channel="C0DISPATCH", ts=posted["ts"], text="two")
    [message] = sb.slack.messages("dispatch")
    assert (message.text, message.edits[0].text, len(message.edits)) == ("two", "one", 1)
    assert message.blocks, "text alone keeps the blocks"
    assert message.metadata == kit.card_metadata()
    await web.chat_delete(channel="C0DISPATCH", ts=posted["ts"])
    assert sb.slack.messages("dispatch") == []
    assert await error(web.chat_update(channel="C0DISPATCH", ts=posted["ts"], text="3")) == "message_not_found"
    assert await error(web.chat_delete(channel="C0DISPATCH", ts=posted["ts"])) == "message_not_found"


async def test_form_bodies_are_read_too(http, sb, kit):
    form = {
        "channel": "C0DISPATCH",
        "text": "x",
        "blocks": '[{"type":"divider"}]',
        "token": credentials.SLACK_BOT_TOKEN,
    }
    assert (await http.post("/slack/api/chat.postMessage", data=form)).json()["ok"]
    broken = form | {"blocks": "[{"}
    assert (await http.post("/slack/api/chat.postMessage", data=broken)).json()["error"] == "invalid_blocks_format"
    assert (await http.post("/slack/api/no.such")).json()["error"] == "unknown_method"
    assert (await http.post("/slack/api/auth.test")).json()["error"] == "not_authed"


async def test_where_one_may_write(web, sb):
    assert await error(web.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    sb.slack.remove_bot("support")
    assert await error(web.chat_postMessage(channel="C0SUPPORT", text="x")) == "not_in_channel"
    await web.conversations_join(channel="C0SUPPORT")
    assert (await web.chat_postMessage(channel="C0SUPPORT", text="x"))["ok"]
    sb.slack.archive("ops")
    assert await error(web.chat_postMessage(channel="C0OPS", text="x")) == "is_archived"
    assert await error(web.chat_postMessage(channel="C0DISPATCH", text=" ")) == "no_text"


async def test_another_persons_message_is_not_ours(web, sb):
    said = await sb.slack.type("ana", "dispatch", "good morning")
    ts = said.message.ts
    assert await error(web.chat_update(channel="C0DISPATCH", ts=ts, text="x")) == "cant_update_message"
    assert await error(web.chat_delete(channel="C0DISPATCH", ts=ts)) == "cant_delete_message"


async def test_threads(web, sb):
    parent = (await web.chat_postMessage(channel="C0DISPATCH", text="parent"))["ts"]
    reply = (await web.chat_postMessage(channel="C0DISPATCH", text="reply", thread_ts=parent))["ts"]
    assert [m.text for m in sb.slack.messages("dispatch", thread=parent)] == ["reply"]
    thread = await web.conversations_replies(channel="C0DISPATCH", ts=parent)
    assert [row["text"] for row in thread["messages"]] == ["parent", "reply"]
    assert thread["messages"][0]["reply_count"] == 1
    call = web.chat_postMessage(channel="C0DISPATCH", text="x", thread_ts=reply)
    assert await error(call) == "cannot_reply_to_message"
    assert await error(web.conversations_replies(channel="C0DISPATCH", ts="1.1")) == "thread_not_found"


async def test_history_is_newest_first_and_shows_metadata_when_asked(web, sb, kit):
    sb.slack.no_limits()
    stamps = [
        (await web.chat_postMessage(channel="C0DISPATCH", text=str(n), metadata=kit.card_metadata(f"D-{n}")))["ts"]
        for n in range(5)
    ]
    page = await web.conversations_history(channel="C0DISPATCH", limit=2, oldest=stamps[0], include_all_metadata=True)
    assert [row["text"] for row in page["messages"]] == ["4", "3"]
    assert page["messages"][0]["metadata"]["event_payload"]["alert"] == "D-4"
    following = await web.conversations_history(
        channel="C0DISPATCH", limit=2, oldest=stamps[0], cursor=page["response_metadata"]["next_cursor"]
    )
    assert [row["text"] for row in following["messages"]] == ["2", "1"]
    assert "metadata" not in following["messages"][0]
    assert not following["has_more"], "oldest itself is left out"
    assert await error(web.conversations_history(channel="C0DISPATCH", limit=1000)) == "invalid_limit"


async def test_people(web):
    assert (await web.users_lookupByEmail(email="ANA@example.org"))["user"]["id"] == "U0ANA"
    assert await error(web.users_lookupByEmail(email="olga@example.org")) == "users_not_found"
    assert (await web.users_info(user="U0OLGA"))["user"]["deleted"]
    assert await error(web.users_info(user="U0NOBODY")) == "user_not_found"
    assert len((await web.users_list())["members"]) > 10
    assert (await web.usergroups_users_list(usergroup="S0ONCALL"))["users"] == ["U0BEN"]


async def test_direct_messages(web, sb):
    opened = await web.conversations_open(users="U0BEN")
    assert opened["channel"]["id"] == "D0BEN"
    await web.chat_postMessage(channel="D0BEN", text="your turn")
    assert sb.slack.messages("D0BEN")[0].text == "your turn"
    assert await error(web.conversations_open(users="U0OLGA")) == "user_disabled"
    assert await error(web.conversations_open(users="U0NOBODY")) == "user_not_found"


async def test_channels(web, sb):
    listed = await web.conversations_list(limit=2)
    assert len(listed["channels"]) == 2
    assert listed["response_metadata"]["next_cursor"]
    assert (await web.conversations_info(channel="C0OPS"))["channel"]["is_member"]
    assert "U0ANA" in (await web.conversations_members(channel="C0OPS"))["members"]


async def test_whispers_are_in_no_history(web, sb):
    await web.chat_postEphemeral(channel="C0DISPATCH", user="U0DAN", text="only you")
    assert [m.text for m in sb.slack.ephemerals("dan")] == ["only you"]
    assert sb.slack.ephemerals("ana") == []
    assert (await web.conversations_history(channel="C0DISPATCH"))["messages"] == []
    sb.slack.workspace.channel("dispatch").members.discard("U0DAN")
    assert await error(web.chat_postEphemeral(channel="C0DISPATCH", user="U0DAN", text="x")) == "user_not_in_channel"


async def test_permalink(web):
    ts = (await web.chat_postMessage(channel="C0DISPATCH", text="x"))["ts"]
    assert ts.replace(".", "") in (await web.chat_getPermalink(channel="C0DISPATCH", message_ts=ts))["permalink"]
    assert await error(web.chat_getPermalink(channel="C0DISPATCH", message_ts="1.0")) == "message_not_found"


@pytest.mark.parametrize(
    "metadata",
    [{"event_type": "x"}, {"event_type": "", "event_payload": {}}, {"event_type": "x", "event_payload": []}, ["x"]],
)
async def test_metadata_has_its_shape(web, metadata):
    call = web.api_call("chat.postMessage", json={"channel": "C0DISPATCH", "text": "x", "metadata": metadata})
    assert await error(call) == "invalid_metadata_format"


# ------------------------------------------------------------------ what rings people


@pytest.mark.parametrize(
    ("text", "live"),
    [
        ("<!channel> come", ["!channel"]),
        ("<@U0ANA> and <!subteam^S0ONCALL|@oncall>", ["@U0ANA", "!subteam^S0ONCALL"]),
        ("&lt;!channel&gt; @here", []),
    ],
)
async def test_live_mentions_are_found(web, sb, kit, text, live):
    await web.chat_postMessage(channel="C0DISPATCH", text="x", blocks=[kit.section(text)])
    assert sb.slack.messages("dispatch")[0].mentions == live


async def test_plain_text_rings_nobody(web, sb, kit):
    header = {"type": "header", "text": kit.plain("<!channel>")}
    await web.chat_postMessage(channel="C0DISPATCH", text="quiet", blocks=[header])
    assert sb.slack.messages("dispatch")[0].mentions == []


async def test_parse_full_makes_bare_words_live(web, sb):
    await web.chat_postMessage(channel="C0DISPATCH", text="@channel", parse="full")
    assert sb.slack.messages("dispatch")[0].mentions == ["@channel"]


# ------------------------------------------------------------------ rates and trouble


async def test_one_message_a_second_in_a_channel(web, sb):
    for number in range(3):
        await web.chat_postMessage(channel="C0DISPATCH", text=str(number))
    answer = await refused(web.chat_postMessage(channel="C0DISPATCH", text="4"))
    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")
    assert (await web.chat_postMessage(channel="C0SUPPORT", text="other room"))["ok"]
    sb.clock.advance(1)
    assert (await web.chat_postMessage(channel="C0DISPATCH", text="4"))["ok"]
    assert sb.ledger.count("slack", "ratelimited") == 1


async def test_edits_are_counted_in_the_workspace(web, sb):
    ts = (await web.chat_postMessage(channel="C0DISPATCH", text="x"))["ts"]
    for number in range(60):
        await web.chat_update(channel="C0DISPATCH", ts=ts, text=str(number))
    assert (await refused(web.chat_update(channel="C0DISPATCH", ts=ts, text="x"))).status_code == 429


async def test_an_answer_can_get_lost(web, sb):
    sb.slack.faults.set("lost", where="chat.postMessage", times=1)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - aiohttp names it in several ways
        await web.chat_postMessage(channel="C0DISPATCH", text="there")
    assert not isinstance(caught.value, SlackApiError)
    assert [m.text for m in sb.slack.messages("dispatch")] == ["there"]
    assert (await web.chat_postMessage(channel="C0DISPATCH", text="again"))["ok"]


async def test_refusals_on_demand(web, sb):
    sb.slack.faults.set("429", where="chat.postMessage C0OPS", times=1, retry_after=7)
    assert (await refused(web.chat_postMessage(channel="C0OPS", text="x"))).headers["Retry-After"] == "7"
    sb.slack.faults.set("token_revoked", times=1)
    assert await error(web.auth_test()) == "token_revoked"
    sb.slack.faults.set("done:fatal_error", where="chat.postMessage", times=1)
    assert await error(web.chat_postMessage(channel="C0OPS", text="done all the same")) == "fatal_error"
    assert sb.slack.messages("ops")[0].text == "done all the same"
    sb.slack.faults.set("500", seconds=10)
    with pytest.raises(SlackApiError):
        await web.auth_test()
    sb.clock.advance(11)
    assert (await web.auth_test())["ok"]
