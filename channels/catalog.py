"""The ways out, one row each. Nothing is imported until a configuration names it: an SDK costs half a second."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from channels.service import Service
from deskbell.core.ports import Channel


@dataclass(frozen=True, slots=True)
class Row:
    """What people call it, and where its class is."""

    title: str
    module: str
    factory: str

    def load(self) -> Callable[..., Channel]:
        """The class; its arguments are its own affair, and the daemon's."""
        return cast("Callable[..., Channel]", getattr(import_module(self.module), self.factory))


CHANNELS: Mapping[str, Row] = {
    "slack": Row("Slack", "channels.slack", "SlackChannel"),
    "teams": Row("Microsoft Teams", "channels.teams", "TeamsChannel"),
    "telegram": Row("Telegram", "channels.telegram", "TelegramChannel"),
    "discord": Row("Discord", "channels.discord", "DiscordChannel"),
    "workflows": Row("Teams by a Workflows webhook", "channels.workflows", "WorkflowsChannel"),
    "webhook": Row("Webhook", "channels.webhook", "WebhookChannel"),
}

# The vendors that are a file of channels/vendors each, by its name.
SERVICES = (
    "activecampaign",
    "apprise",
    "asana",
    "bamboohr",
    "bird",
    "clicksend",
    "fcm",
    "freshdesk",
    "gmail",
    "google_chat",
    "google_chat_app",
    "http",
    "hubspot",
    "intercom",
    "mailgun",
    "messagebird",
    "messenger",
    "monday",
    "outlook",
    "pagerduty",
    "pipedrive",
    "pipedrive_deal",
    "plivo",
    "plivo_call",
    "power_automate",
    "pusher",
    "pusher_beams",
    "pushover",
    "responsys",
    "salesforce",
    "sendgrid",
    "servicenow",
    "smtp",
    "sns",
    "trello",
    "twilio",
    "twilio_call",
    "whatsapp",
    "zendesk",
    "zoho_cliq",
    "zoho_crm",
)


def service(name: str) -> Service:
    """The vendor of this name."""
    return cast("Service", import_module(f"channels.vendors.{name}").SERVICE)
