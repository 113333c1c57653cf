"""The ways in which vendors prove a call that need more than a digest of the body: forms, keys, certificates, tokens.

Each is data, as those of `inbound`, and keeps its rule: over what came, compared in constant time, every secret tried.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from deskbell.net.inbound import MOST_SHOWN, Call, Genuine

_FORM = "application/x-www-form-urlencoded"


def _digest(secret: str, text: str, algorithm: str) -> bytes:
    return base64.b64encode(hmac.new(secret.encode(), text.encode("utf-8", "surrogatepass"), algorithm).digest())


def _fits(given: Iterable[str], made: Iterable[bytes]) -> bool:
    """Whether any of those shown is any of those made; each is compared."""
    shown = [one.strip().encode("utf-8", "surrogatepass") for one in given]
    fits = [hmac.compare_digest(one, other) for one in made for other in shown]
    return any(fits)


def _with_and_without_port(url: str) -> tuple[str, ...]:
    """The address both ways: some proxies tell the port that goes without saying, and some don't."""
    parts = urlsplit(url)
    port = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    bare = parts.netloc.removesuffix(port)
    hosts = (parts.netloc, bare, bare + port) if ":" not in bare else (parts.netloc,)
    return tuple(dict.fromkeys(parts._replace(netloc=host).geturl() for host in hosts))


@dataclass(frozen=True, slots=True)
class TwilioSigned:
    """HMAC over the whole address and every field of the form, sorted. A JSON body's SHA-256 stands in the query.

    Without `X-Twilio-Webhooks-Signature-Settings` it is SHA-1 with the account's token; with it, what it names.
    https://www.twilio.com/docs/usage/webhooks/webhooks-security
    """

    header: str = "x-twilio-signature"
    settings: str = "x-twilio-webhooks-signature-settings"

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:  # noqa: ARG002
        algorithm = self._algorithm(call.header(self.settings))
        fields = self._fields(call) if algorithm else None
        if fields is None:
            return None
        texts = [url + fields for url in _with_and_without_port(call.url)]
        made = [_digest(secret, text, algorithm) for secret in secrets for text in texts]
        return Genuine() if _fits([call.header(self.header)], made) else None  # no time in it: what it says has an id

    def _algorithm(self, said: str) -> str:
        if not said:
            return "sha1"
        named = dict(part.strip().partition("=")[::2] for part in said.split(","))
        return {"HMAC_SHA256": "sha256", "HMAC_SHA1": "sha1", "": "sha1"}.get(named.get("algorithm", ""), "")

    def _fields(self, call: Call) -> str | None:
        """What follows the address; None where the body is not the one that was signed."""
        wanted = dict(parse_qsl(call.query)).get("bodySHA256")
        if wanted is not None:
            whole = hashlib.sha256(call.body).hexdigest().encode()
            return "" if hmac.compare_digest(whole, wanted.encode("utf-8", "surrogatepass")) else None
        if not call.header("content-type").startswith(_FORM):
            return None if call.body else ""
        try:
            fields = call.form
        except ValueError:
            return None
        return "".join(name + value for name, value in sorted(set(fields)))


@dataclass(frozen=True, slots=True)
class PlivoSigned:
    """V3 over the address, the form and a nonce; V2, where that alone is there, over the address and the nonce.

    https://www.plivo.com/docs/messaging/concepts/signature-validation
    """

    header: str = "x-plivo-signature-v3"
    second: str = "x-plivo-signature-v2"
    once: bool = True  # a nonce that came before signs nothing any more: V2 says nothing of the form

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:  # noqa: ARG002
        third = call.header(self.header)
        header = self.header if third else self.second
        shown, nonce = call.header(header), call.header(f"{header}-nonce")
        text = self._third(call) if third else call.address
        if text is None or not nonce:
            return None
        joined = f"{text}.{nonce}" if third else text + nonce
        made = [_digest(secret, joined, "sha256") for secret in secrets]
        if not _fits(shown.split(",")[:MOST_SHOWN], made):
            return None
        return Genuine(hashlib.sha256(nonce.encode("utf-8", "surrogatepass")).hexdigest())

    def _third(self, call: Call) -> str | None:
        try:
            fields = call.form if call.method == "POST" else []
        except ValueError:
            return None
        query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(call.query, keep_blank_values=True)))
        body = "".join(name + value for name, value in sorted(fields))
        if not query and not body:
            return call.address
        return f"{call.address}?{query}" + ("." if query and body else "") + body


@dataclass(frozen=True, slots=True)
class InForm:
    """Mailgun: a digest of the time and a token, all three in the body itself. `under`: where in a JSON body.

    What it says besides is not signed, so that each proof counts `once`.
    """

    header: str = ""
    once: bool = True
    under: str = "signature"
    window_s: float = 300.0

    def check(self, call: Call, secrets: Sequence[str], now: float) -> Genuine | None:
        stamp, token, shown = self._said(call)
        if not re.fullmatch(r"\d{9,12}", stamp) or abs(now - int(stamp)) > self.window_s or not token:
            return None
        signed = (stamp + token).encode("utf-8", "surrogatepass")
        made = [hmac.new(secret.encode(), signed, "sha256").hexdigest().encode() for secret in secrets]
        return Genuine(hashlib.sha256(signed).hexdigest()) if _fits([shown], made) else None

    def _said(self, call: Call) -> tuple[str, str, str]:
        try:
            if call.header("content-type").startswith("application/json"):
                found = call.data
                found = found.get(self.under) if isinstance(found, dict) else None
            else:
                found = dict(call.form)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            return "", "", ""
        stamp, token, shown = (str(found.get(name, "")) for name in ("timestamp", "token", "signature"))
        return stamp, token, shown
