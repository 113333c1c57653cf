"""Microsoft Teams, as far as more than one of us needs to know it: settings, limits, error codes. No SDK, no I/O."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote, urlsplit

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Unknown
from deskbell.core.ports import Limit
from deskbell.net.egress import is_loopback

PLATFORM = "teams"
CHANNEL_ID = "msteams"  # what the connector calls itself, in activities and in its keys' endorsements

# A channel (19:...@thread.tacv2), or a group chat (19:...@thread.v2)
ADDRESS = re.compile(r"19:[\w.:+/=-]{1,200}@(thread\.(tacv2|v2|skype)|unq\.gbl\.spaces)")
ADDRESS_HINT = "must be the channel's id, like 19:...@thread.tacv2, found in the channel's link"
_CHANNEL = re.compile(r"@thread\.(tacv2|skype)$")


@dataclass(frozen=True, slots=True)
class TeamsConf:
    """One bot registration. `tenants`: whose people are let in besides those of the bot's own."""

    app_id: str
    app_password: str = field(repr=False)
    tenant: str
    tenants: tuple[str, ...] = ()
    service_url: str = "https://smba.trafficmanager.net/teams/"  # until the room's own has been heard
    service_hosts: tuple[str, ...] = ("smba.trafficmanager.net",)  # where our answers may be sent
    login_url: str = "https://login.microsoftonline.com"
    openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    issuer: str = "https://api.botframework.com"
    scope: str = "https://api.botframework.com/.default"
    command: str = "/desk"
    timeout_s: float = 15.0
    per_second_in_conversation: int = 2
    per_half_minute_in_conversation: int = 55  # of the 60 that Teams allows
    per_hour_in_conversation: int = 1700  # of the 1800
    per_second: int = 25  # of the whole bot
    card_bytes: int = 28_000  # of a whole message: Microsoft's pages say 28, 40 and 100 KB
    allow_anonymous: bool = False  # for a test client on this very machine, which has no token
    proxy: str = ""


def limits(conf: TeamsConf) -> tuple[Limit, ...]:
    """https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit: 60 in 30 s and 1800 an hour too."""
    return (
        Limit("any", "destination", conf.per_second_in_conversation, timedelta(seconds=1)),
        Limit("any", "destination", conf.per_half_minute_in_conversation, timedelta(seconds=30)),
        Limit("any", "destination", conf.per_hour_in_conversation, timedelta(hours=1)),
        Limit("any", "account", conf.per_second, timedelta(seconds=1)),
    )


def problems(conf: TeamsConf) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings: (key, why)."""
    for key, why in (
        ("app_id", "is empty: without it anybody could speak as Teams"),
        ("app_password", "is empty: it is the client secret of the bot's registration"),
        ("tenant", "is empty: it is the directory (tenant) id of your organisation"),
    ):
        if not str(getattr(conf, key)).strip():
            yield key, why
    for key in ("service_url", "login_url", "openid_url"):
        if not _is_safe(getattr(conf, key)):
            yield key, "must be an https address"
    if not 4_000 <= conf.card_bytes <= 100_000:
        yield "card_bytes", "must be between 4000 and 100000"


def tenants(conf: TeamsConf) -> frozenset[str]:
    return frozenset((conf.tenant, *conf.tenants))


# ---------------------------------------------------------------- where messages live


def bot_id(conf: TeamsConf) -> str:
    return f"28:{conf.app_id}"


def has_threads(address: str) -> bool:
    """A channel has threads, each card is one; a group chat has none."""
    return _CHANNEL.search(address) is not None


def room_of(conversation: str) -> str:
    """The channel of a thread: `19:...@thread.tacv2;messageid=1` without what follows the semicolon."""
    return conversation.partition(";")[0]


def root_of(conversation: str) -> str:
    """The message that a thread begins with; nothing for a conversation that is no thread."""
    return conversation.partition(";messageid=")[2]


def thread(room: str, root: str) -> str:
    return f"{room};messageid={root}" if root and has_threads(room) else room


def message_link(conf: TeamsConf, conversation: str, message: str) -> str:
    """https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams"""
    room, tenant = quote(room_of(conversation), safe=""), quote(conf.tenant, safe="")
    return f"https://teams.microsoft.com/l/message/{room}/{quote(message, safe='')}?tenantId={tenant}"


def may_call(conf: TeamsConf, service_url: str) -> bool:
    """Whether our token may be sent there: only to Microsoft's hosts as configured, and never without TLS."""
    try:
        ours, given = urlsplit(conf.service_url), urlsplit(service_url)
        host, port = given.hostname or "", given.port
    except ValueError:
        return False
    if not host or given.username or given.password or not _is_safe(service_url):
        return False
    if (host, port) == (ours.hostname, ours.port):
        return True
    return host in conf.service_hosts and port in (None, 443)


def _is_safe(url: str) -> bool:
    """https, or this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


# ---------------------------------------------------------------- what is remembered


def service_key(room: str) -> str:
    """Where a room's or a chat's service was last heard to be."""
    return f"{PLATFORM}.service.{room}"


def user_key(account: str) -> str:
    """What is known of a person by their Entra object id: {"id": "29:...", "conversation": "a:..."}."""
    return f"{PLATFORM}.user.{account}"


def account_key(user: str) -> str:
    """The Entra object id of whom the connector calls 29:..."""
    return f"{PLATFORM}.account.{user}"


def team_key(team: str) -> str:
    """The rooms of ours that were heard of in a team, parted by blanks."""
    return f"{PLATFORM}.team.{team}"


# ---------------------------------------------------------------- what the connector's answers mean

# https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/send-proactive-messages and, for the
# codes, .../bots/build-conversational-capability#status-code-responses
FAULTS: Mapping[str, Fault] = {
    "BadArgument": Fault.PAYLOAD,
    "BadSyntax": Fault.PAYLOAD,
    "MessageSizeTooBig": Fault.PAYLOAD,
    "BotNotRegistered": Fault.AUTH,
    "Unauthorized": Fault.AUTH,
    "BotDisabledByAdmin": Fault.CONFIG,
    "NotEnoughPermissions": Fault.CONFIG,
    "InvalidBotApiHost": Fault.CONFIG,
    "BotNotInConversationRoster": Fault.TARGET,
    "ConversationBlockedByUser": Fault.TARGET,
    "ConversationNotFound": Fault.TARGET,
    "MessageWritesBlocked": Fault.TARGET,
    "ForbiddenOperationException": Fault.TARGET,
    "ActivityNotFoundInConversation": Fault.GONE,
}
_MEANING: Mapping[str, str] = {
    "Unauthorized": "the connector does not take our token",
    "BotNotRegistered": "the bot's registration is gone",
    "BotDisabledByAdmin": "an administrator of Teams has switched the app off",
    "BotNotInConversationRoster": "Deskbell is not installed there: add the app to the team or chat",
    "ConversationBlockedByUser": "the person has blocked Deskbell or removed it",
    "ConversationNotFound": "there is no such channel or chat any more",
    "ActivityNotFoundInConversation": "the message was deleted",
    "InvalidBotApiHost": "service_url is that of another cloud",
    "MessageSizeTooBig": "the message is too large",
}
_STATUS: Mapping[int, Fault] = {
    400: Fault.PAYLOAD,
    401: Fault.AUTH,
    403: Fault.TARGET,
    404: Fault.TARGET,
    405: Fault.CONFIG,
    413: Fault.PAYLOAD,
}
LATER = frozenset({412, 429, 502, 503, 504})  # documented as to be tried again
# The thread is out of reach, the room is not: say it in the room.
THREADLESS = frozenset({"ActivityNotFoundInConversation", "ConversationNotFound"})


def outcome(status: int, code: str, retry_after: str = "") -> Outcome:
    """What became of a call that the connector did not say yes to."""
    why = _why(status, code)
    if status in LATER:
        after = seconds(retry_after) if retry_after or status == 429 else None
        return Retry(why, after, limited=status == 429)
    if status >= 500:
        return Unknown(why)
    fault = FAULTS.get(code) or _STATUS.get(status)
    return Rejected(fault, why) if fault else Unknown(why)


def _why(status: int, code: str) -> str:
    said = f"{code} ({status})" if code else f"HTTP {status}, without a word"
    meaning = _MEANING.get(code, "")
    return f"Teams: {said}" + (f", {meaning}" if meaning else "")


def login_outcome(status: int, code: str, retry_after: str = "") -> Outcome:
    """What it means that no token was given. Nothing was sent, so that anything passing is tried again.

    https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    """
    if 400 <= status < 500 and status not in (408, 429):
        why = f"Microsoft gives us no token: {code or status}. Look at app_id, app_password and tenant"
        return Rejected(Fault.AUTH, why)
    after = seconds(retry_after) if retry_after else None
    return Retry(f"Microsoft gives us no token just now ({status})", after)


def seconds(retry_after: str) -> timedelta:
    """Retry-After in seconds; two where it makes no sense, an hour at most."""
    digits = retry_after.strip()
    return timedelta(seconds=min(max(int(digits), 1), 3600) if digits.isascii() and digits.isdigit() else 2)
