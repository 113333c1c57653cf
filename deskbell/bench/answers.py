"""What the vendors answer, as short as their SDKs will take it. Every message gets an id of its own."""

import base64
import itertools
import re
import time
from collections.abc import Callable
from typing import NamedTuple

import orjson

from deskbell.bench import made_up

# The mark of an alert in whatever is sent about it.
MARK = re.compile(rb"N(\d{8})")
_CONTENT = re.compile(rb'"content": *"(?:[^"\\]|\\.)*"')  # Discord says the message again


class Call(NamedTuple):
    """A request. `site`: the address under which the vendors are reached by whoever called."""

    method: str
    path: str
    body: bytes
    site: str

    @property
    def name(self) -> str:
        return self.path.partition("?")[0].rsplit("/", 1)[-1]


Answer = tuple[str, bytes]  # what it was: post, edit, or "" for all that is not counted; and the answer's body

_ids = itertools.count(1)
_OK = b'{"ok":true}'
# Nobody signs with it: no activity of Teams comes in here.
_KEY = {"kty": "RSA", "kid": "bench", "n": base64.urlsafe_b64encode(b"\xc5" * 256).decode().rstrip("="), "e": "AQAB"}


def slack(call: Call) -> Answer:
    name = call.name
    if name in ("chat.postMessage", "chat.update"):
        kind = "post" if name == "chat.postMessage" else "edit"
        ts = b"%d.%06d" % (1_700_000_000, next(_ids))
        return kind, b'{"ok":true,"channel":"C0DISPATCH","ts":"%b","message":{"ts":"%b"}}' % (ts, ts)
    if name == "auth.test":
        known = {"team_id": made_up.SLACK_TEAM, "user_id": made_up.SLACK_BOT_USER, "bot_id": made_up.SLACK_BOT}
        return "", orjson.dumps({"ok": True, "url": "https://sandbox.slack.com/", "team": "S", "user": "d", **known})
    if name in ("users.lookupByEmail", "users.info"):
        return "", b'{"ok":false,"error":"users_not_found"}'
    if name == "conversations.open":
        return "", b'{"ok":true,"channel":{"id":"D0ANA"}}'
    return "", _OK


def telegram(call: Call) -> Answer:
    name = call.name
    if name in ("sendMessage", "editMessageText"):
        said = b'{"ok":true,"result":{"message_id":%d,"date":%d,"chat":{"id":-1001000000001,"type":"supergroup"}}}'
        return "post" if name == "sendMessage" else "edit", said % (next(_ids), time.time())
    if name == "getMe":
        me = {"id": 7000000, "is_bot": True, "first_name": "Deskbell", "username": "deskbell_bot"}
        return "", orjson.dumps({"ok": True, "result": me})
    if name == "getWebhookInfo":
        info = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
        return "", orjson.dumps({"ok": True, "result": info})
    return "", b'{"ok":true,"result":true}'


def teams(call: Call) -> Answer:
    if call.path.endswith("/token"):
        return "", b'{"token_type":"Bearer","expires_in":86400,"access_token":"made-up-token-of-the-bench"}'
    if "openid" in call.path:
        return "", orjson.dumps({"issuer": "https://api.botframework.com", "jwks_uri": f"{call.site}/teams/keys"})
    if call.name == "keys":
        return "", orjson.dumps({"keys": [_KEY]})
    number = next(_ids)
    if call.method == "POST" and call.path.endswith("/v3/conversations"):
        said = b'{"id":"19:dispatch@thread.tacv2;messageid=%d","activityId":"%d"}' % (number, number)
        return "post", said
    return ("edit" if call.method == "PUT" else "post" if call.method == "POST" else ""), b'{"id":"%d"}' % number


def discord(call: Call) -> Answer:
    if "/channels/" in call.path and "/messages" in call.path and call.method in ("POST", "PATCH"):
        kind = "post" if call.method == "POST" else "edit"
        number = 900_000_000_000_100_000 + next(_ids)
        said = _CONTENT.search(call.body)
        return kind, b'{"id":"%d","channel_id":"900000000000009001",%b}' % (
            number,
            said[0] if said else b'"content":""',
        )
    if call.path.endswith("/commands"):
        return "", b"[]"
    me = {"id": made_up.DISCORD_APP, "username": "Deskbell", "bot": True, "verify_key": "", "flags": 0}
    return "", orjson.dumps(me)


VENDORS: dict[str, Callable[[Call], Answer]] = {
    "slack": slack,
    "teams": teams,
    "telegram": telegram,
    "discord": discord,
}
