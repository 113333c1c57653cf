"""What an app says back: the payload of an acknowledgement, and response URLs."""

from typing import Any

from aiohttp import web

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.api import Args, SlackError
from deskbell.sandbox.slack.chat import Content, read_content
from deskbell.sandbox.slack.hub import Answering, Slack
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.web import Json, read_json, reply

USES, SECONDS = 5, 30 * 60  # https://docs.slack.dev/interactivity/handling-user-interaction#message_responses


def said(slack: Slack, url: Answering, body: Json, via: str) -> Message | None:
    """Do what the answer asks for. SlackError when it is malformed."""
    args = Args(body)
    content = read_content(slack, args)
    original = url.message
    if args.flag("delete_original") and original is not None:
        original.deleted = True
        slack.pulse.beat()
        return original
    if content.empty:
        raise SlackError("no_text")
    if args.flag("replace_original") and original is not None:
        return _replace(slack, original, content)
    more: Json = {"blocks": [], "attachments": []} | content.given() | {"thread_ts": body.get("thread_ts")}
    if args.text("response_type") == "in_channel":
        message = slack.workspace.say(url.channel, credentials.SLACK_BOT_USER, content.text, **more)
        slack.was_posted(message)
        return message
    message = slack.workspace.whisper(url.channel, url.user, content.text, **more)
    slack.was_whispered(message, via)
    if url.trigger is not None and not message.action_ids:
        slack.expect_none(url.trigger)  # a refusal: what was done would come with a way to take it back
    return message


def _replace(slack: Slack, original: Message, content: Content) -> Message:
    original.change(slack.clock.time(), text=content.text, **content.given())
    if original.ephemeral_for is None:
        slack.was_edited(original)
    return original


def refusal(slack: Slack, url: Answering | None) -> str:
    if url is None:
        return "invalid_url"
    if slack.clock.time() - url.at > SECONDS:
        return "expired_url"
    return "used_url" if url.uses >= USES else ""


async def respond(slack: Slack, request: web.Request) -> web.StreamResponse:
    """POST to a response_url."""
    url = slack.answering.get(request.path)
    error = refusal(slack, url)
    if error or url is None:
        slack.ledger.note("slack", "rejected", method="response_url", error=error)
        return reply({"ok": False, "error": error}, 404)
    try:
        body: Any = await read_json(request)
    except ValueError:
        return reply({"ok": False, "error": "invalid_payload"}, 400)
    try:
        url.uses += 1
        said(slack, url, body if isinstance(body, dict) else {}, "response_url")
    except SlackError as wrong:
        slack.ledger.note("slack", "rejected", method="response_url", error=wrong.error)
        return reply(wrong.answer(), 400)
    return reply({"ok": True})
