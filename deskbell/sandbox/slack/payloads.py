"""The payloads Slack sends when people act. https://docs.slack.dev/reference/interaction-payloads"""

from typing import Any

from deskbell.sandbox import credentials
from deskbell.sandbox.slack.hub import Answering, Slack, Trigger
from deskbell.sandbox.slack.messages import Message
from deskbell.sandbox.slack.views import View
from deskbell.sandbox.slack.workspace import Channel, User
from deskbell.sandbox.web import Json

TEAM_DOMAIN = "sandbox"
VERIFICATION = "sandbox-verification"  # the old token field; nobody should look at it


def person(user: User) -> Json:
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team}


def place(channel: Channel) -> Json:
    return {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name}


def common(kind: str, user: User, trigger: Trigger) -> Json:
    return {
        "type": kind,
        "user": person(user),
        "api_app_id": credentials.SLACK_APP,
        "token": VERIFICATION,
        "trigger_id": trigger.id,
        "team": {"id": credentials.SLACK_TEAM, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def container(message: Message) -> Json:
    out: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_for is not None,
    }
    return out | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def state_of(action: Json) -> Json:
    """A button holds no state; a select does."""
    if action["type"] in ("button", "overflow"):
        return {"values": {}}
    kept = {name: part for name, part in action.items() if name == "type" or name.startswith("selected")}
    return {"values": {action["block_id"]: {action["action_id"]: kept}}}


def block_actions(slack: Slack, user: User, message: Message, action: Json, trigger: Trigger, url: Answering) -> Json:
    out = common("block_actions", user, trigger)
    out |= {"container": container(message), "channel": place(slack.workspace.channels[message.channel])}
    if message.ephemeral_for is None:
        out["message"] = message.wire(metadata=True) | slack.workspace.thread_facts(message)
    return out | {"state": state_of(action), "response_url": slack.url + url.path, "actions": [action]}


def view_actions(user: User, view: View, action: Json, trigger: Trigger) -> Json:
    out = common("block_actions", user, trigger) | {"container": {"type": "view", "view_id": view.id}}
    return out | {"view": view.wire(), "state": {"values": view.values}, "actions": [action]}


def view_submission(user: User, view: View, trigger: Trigger) -> Json:
    return common("view_submission", user, trigger) | {"view": view.wire(), "response_urls": []}


def view_closed(user: User, view: View, trigger: Trigger, *, cleared: bool) -> Json:
    out = common("view_closed", user, trigger) | {"view": view.wire(), "is_cleared": cleared}
    del out["trigger_id"]
    return out


def suggestion(user: User, where: Json, action_id: str, block_id: str, typed: str, trigger: Trigger) -> Json:
    out = common("block_suggestion", user, trigger) | where
    del out["trigger_id"]
    return out | {"action_id": action_id, "block_id": block_id, "value": typed}


def slash_command(
    slack: Slack, user: User, channel: Channel, command: str, text: str, trigger: Trigger, url: Answering
) -> dict[str, str]:
    """Form fields, https://docs.slack.dev/interactivity/implementing-slash-commands"""
    return {
        "token": VERIFICATION,
        "team_id": credentials.SLACK_TEAM,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": place(channel)["name"],
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": credentials.SLACK_APP,
        "is_enterprise_install": "false",
        "response_url": slack.url + url.path,
        "trigger_id": trigger.id,
    }


def event_callback(slack: Slack, event: Json) -> Json:
    return {
        "token": VERIFICATION,
        "team_id": credentials.SLACK_TEAM,
        "api_app_id": credentials.SLACK_APP,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev0{slack.number():08d}",
        "event_time": int(slack.clock.time()),
        "authorizations": [{"team_id": credentials.SLACK_TEAM, "user_id": credentials.SLACK_BOT_USER, "is_bot": True}],
    }


# ------------------------------------------------------------------ what a person chose


def label(option: Json) -> str:
    return str(option["text"]["text"])


def options_of(element: Json) -> list[Json]:
    offered = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        offered += group["options"]
    return offered


def choose(element: Json, wanted: str) -> Json | None:
    """An option of a select by value or by what it says."""
    return next((one for one in options_of(element) if wanted in (one.get("value"), label(one))), None)


def chosen(element: Json, selected: Any) -> Json | None:
    """The state of a filled-in element; None when that cannot be chosen here."""
    kind = str(element["type"])
    if kind in ("static_select", "overflow", "radio_buttons"):
        option = choose(element, str(selected))
        return None if option is None else {"type": kind, "selected_option": option}
    if kind == "external_select":
        return {"type": kind, "selected_option": selected} if isinstance(selected, dict) else None
    if kind in ("checkboxes", "multi_static_select"):
        found = [choose(element, str(one)) for one in selected]
        return None if None in found else {"type": kind, "selected_options": found}
    field = SELECTED.get(kind, "value")
    return {"type": kind, field: selected if selected is None or isinstance(selected, list | int) else str(selected)}


SELECTED = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}


def action_of(slack: Slack, block: Json, element: Json, selected: Any) -> Json | None:
    """One entry of `actions`; None when `selected` is nothing this element offers."""
    out: Json = {"action_id": element["action_id"], "block_id": block.get("block_id", "")}
    if element["type"] == "button":
        out |= {name: element[name] for name in ("text", "value", "style", "url") if name in element}
        out["type"] = "button"
    else:
        state = chosen(element, selected)
        if state is None:
            return None
        out |= state
    return out | {"action_ts": f"{slack.clock.time():.6f}"}
