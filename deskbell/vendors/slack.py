"""Slack, as far as more than one of us needs to know it: settings, limits, error codes, signature. No SDK, no I/O."""

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry, Unknown
from deskbell.core.ports import Limit

PLATFORM = "slack"
ADDRESS = re.compile(r"[CGD][A-Z0-9]{2,}")
ADDRESS_HINT = "must be the channel's id (C0...), found at the end of the channel's link"
HOST = "https://slack.com/api/"
# Where response URLs live; Slack's own answers come from nowhere else.
RESPONSE_HOST = "hooks.slack.com"

# What the app must be allowed to do, and what makes it better. https://docs.slack.dev/reference/scopes
SCOPES = ("chat:write", "commands", "im:write", "users:read", "users:read.email")
# To see whether a room is fit for posting, and to look up a message whose answer was lost.
HISTORY_SCOPES = ("channels:read", "groups:read", "channels:history", "groups:history", "im:history")
JOIN_SCOPE = "channels:join"


class Way(StrEnum):
    """How taps and commands reach us: over a WebSocket that we open, or as requests to a public address of ours."""

    SOCKET = "socket"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class SlackConf:
    """One Slack workspace. Secrets are kept out of the representation.

    `signing_secrets` are needed in HTTP mode alone: the newest first, the old one beside it while it is rotated.
    `proxy` is used as given; nothing is taken from the environment, so that a stand-in on this machine stays reachable.
    """

    bot_token: str = field(repr=False)
    app_token: str = field(default="", repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    way: Way = Way.SOCKET
    base_url: str = HOST
    command: str = "/desk"
    case_command: str = "/case"
    oncall_command: str = "/oncall"
    timeout_s: float = 15.0
    posts_per_second: int = 1  # in one channel
    edits_per_minute: int = 50  # in the whole workspace
    sockets: int = 2  # one drops now and then, and what is tapped in the gap is not sent again
    proxy: str = ""


def problems(conf: SlackConf) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings: (key, why)."""
    if conf.way is Way.HTTP and not any(conf.signing_secrets):
        yield "signing_secrets", 'is needed with way = "http": without it anybody could tap buttons'
    if conf.way is Way.SOCKET and not conf.app_token:
        yield "app_token", 'is needed with way = "socket"; it begins with xapp-'


def limits(conf: SlackConf) -> tuple[Limit, ...]:
    """https://docs.slack.dev/apis/web-api/rate-limits: a message a second and channel; chat.update is tier 3."""
    return (
        Limit("post", "destination", conf.posts_per_second, timedelta(seconds=1)),
        Limit("edit", "account", conf.edits_per_minute, timedelta(minutes=1)),
    )


# ---------------------------------------------------------------- what its answers mean

# Each method's page has its list: https://docs.slack.dev/reference/methods/chat.postMessage#errors
_TARGET = """channel_not_found not_in_channel is_archived user_not_found users_not_found user_disabled user_not_visible
    user_not_in_channel messages_tab_disabled restricted_action restricted_action_read_only_channel
    restricted_action_thread_only_channel restricted_action_non_threadable_channel restricted_action_thread_locked
    posting_to_channel_denied ekm_access_denied cannot_reply_to_message thread_not_found cannot_dm_bot
    invalid_user_combination method_not_supported_for_channel_type"""
_PAYLOAD = """invalid_blocks invalid_blocks_format block_mismatch msg_too_long msg_blocks_too_long too_many_attachments
    attachment_payload_limit_exceeded markdown_text_conflict no_text invalid_arguments invalid_arg_name invalid_json
    json_not_object invalid_post_type invalid_form_data metadata_too_large invalid_metadata_format
    invalid_metadata_schema view_too_large duplicate_external_id"""
_AUTH = """invalid_auth not_authed account_inactive token_revoked token_expired no_permission org_login_required
    access_denied app_access_restricted team_access_not_granted two_factor_setup_required"""
_CONFIG = """missing_scope not_allowed_token_type metadata_must_be_sent_from_app message_limit_exceeded
    enterprise_is_restricted unknown_method method_deprecated deprecated_endpoint accesslimited"""
_GONE = """message_not_found cant_update_message edit_window_closed update_failed cant_delete_message is_inactive"""
LIMITED = frozenset({"ratelimited", "rate_limited"})
LATER = frozenset({"request_timeout", "external_channel_migrating", "team_added_to_org"})
# These may have partly succeeded, says the page of every method, `service_unavailable` among them.
UNSURE = frozenset({"fatal_error", "internal_error", "service_unavailable"})

FAULTS: Mapping[str, Fault] = {
    code: fault
    for fault, codes in {
        Fault.TARGET: _TARGET,
        Fault.PAYLOAD: _PAYLOAD,
        Fault.AUTH: _AUTH,
        Fault.CONFIG: _CONFIG,
        Fault.GONE: _GONE,
    }.items()
    for code in codes.split()
}
# The thread is out of reach, the room is not: say it in the room.
THREADLESS = frozenset(
    {
        "cannot_reply_to_message",
        "thread_not_found",
        "message_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
    }
)
_MEANING: Mapping[str, str] = {
    "channel_not_found": "there is no such channel, or it is private and Deskbell is not in it",
    "not_in_channel": "Deskbell is not in the channel: invite it there",
    "is_archived": "the channel is archived",
    "invalid_auth": "the bot token is not valid",
    "not_authed": "there is no bot token",
    "token_revoked": "the bot token was revoked",
    "token_expired": "the bot token has expired",
    "account_inactive": "the app was removed from the workspace",
    "missing_scope": "the app lacks a permission",
    "message_not_found": "the message was deleted",
}
# 503 is no certain no either: it may come from a gateway that lost the answer.
_CERTAIN: Mapping[int, Fault] = {401: Fault.AUTH, 403: Fault.AUTH, 404: Fault.CONFIG, 413: Fault.PAYLOAD}


def outcome(status: int, error: str, retry_after: str = "", needed: str = "") -> Outcome:
    """What became of a call that Slack did not say yes to. An error that no page names is tried again, not given up."""
    if status == 429 or error in LIMITED:
        return Retry("Slack: rate limit", seconds(retry_after), limited=True)
    why = _why(status, error, needed)
    if error in FAULTS:
        return Rejected(FAULTS[error], why)
    if error in UNSURE or status >= 500:
        return Unknown(why)
    if not error and status in _CERTAIN:
        return Rejected(_CERTAIN[status], why)
    # A 200 that is not Slack's: somebody stands between us, and nobody can tell how far the request came.
    return Retry(why, seconds(retry_after) if retry_after else None) if error else Unknown(why)


def _why(status: int, error: str, needed: str) -> str:
    said = error or f"HTTP {status}, without a word"
    meaning = _MEANING.get(error, "")
    scope = f" ({needed})" if needed else ""
    return f"Slack: {said}" + (f", {meaning}{scope}" if meaning else scope)


def seconds(retry_after: str) -> timedelta:
    """Retry-After as Slack writes it, whole seconds; a second where it makes no sense, an hour at most."""
    digits = retry_after.strip()
    return timedelta(seconds=min(max(int(digits), 1), 3600) if digits.isascii() and digits.isdigit() else 1)


# ---------------------------------------------------------------- is it really Slack?

# https://docs.slack.dev/authentication/verifying-requests-from-slack
SIGNATURE_HEADER = "x-slack-signature"
TIMESTAMP_HEADER = "x-slack-request-timestamp"
WINDOW_S = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    base = b":".join((b"v0", timestamp.encode(), body))
    return "v0=" + hmac.digest(secret.encode(), base, "sha256").hex()


def genuine(secrets: Iterable[str], timestamp: str, signature: str, body: bytes, now: float) -> bool:
    """Whether Slack sent these bytes, within the last five minutes. Every secret is tried, in constant time."""
    if not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > WINDOW_S:
        return False
    given = signature.encode("utf-8", "replace")
    matches = [hmac.compare_digest(sign(secret, timestamp, body).encode(), given) for secret in secrets if secret]
    return any(matches)
