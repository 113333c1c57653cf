"""Mail by SMTP, called as `Http` is: one request is one message to one address, and its answer has SMTP's own code.

https://www.rfc-editor.org/rfc/rfc5321. The library waits, so it does in threads of its own, a few at a time.
"""

import asyncio
import smtplib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from deskbell.net import auth as auths
from deskbell.net.answers import PLAIN, CallFailed, Dialect, Gap, Reply
from deskbell.net.auth import Auth, Basic, NoAuth
from deskbell.net.egress import Forbidden, is_loopback
from deskbell.net.http import Limits, Timeouts, tls

_THREADS = 2


class Smtp:
    """`base_url` is starttls://host:587, tls://host:465, or plain://host:25 for this machine (or with `allow_http`)."""

    def __init__(
        self,
        name: str,
        base_url: str,
        auth: Auth | None = None,
        *,
        dialect: Dialect = PLAIN,
        allow_http: bool = False,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        self.name, self.dialect = name, dialect
        self._way, self._host, self._port = parts.scheme, parts.hostname or "", parts.port or 0
        if self._way == "plain" and not (allow_http or is_loopback(self._host)):
            raise Forbidden(f"{self._host}: mail would not be encrypted; use security = starttls or tls")
        self._auth, self._timeouts = auth or NoAuth(), timeouts or Timeouts()
        self._kept = (limits or Limits()).text_kept
        self._threads = ThreadPoolExecutor(_THREADS, "smtp")
        auths.learn(self._auth)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, method: str, path: str, *, json: Mapping[str, str], **_: Any) -> Reply:  # noqa: ARG002 - as of HTTP
        """`json` has `sender`, `to`, and the `message` with all headers but the date. Raises CallFailed, as Http."""
        try:
            async with asyncio.timeout(self._timeouts.whole):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, json)
        except TimeoutError as error:
            raise CallFailed(Gap.NO_ANSWER, f"{self.name} did not answer in time") from error

    def _send(self, mail: Mapping[str, str]) -> Reply:
        try:
            server = self._connect()
        except smtplib.SMTPResponseException as error:
            return self._reply(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            raise CallFailed(Gap.NOT_SENT, f"{self.name} can't be reached ({error})") from error
        try:
            return self._hand_over(server, mail)
        finally:
            server.close()

    def _connect(self) -> smtplib.SMTP:
        seconds = self._timeouts.read
        if self._way == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=seconds, context=tls())
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=seconds)
        if self._way == "starttls":
            server.starttls(context=tls())
        if isinstance(self._auth, Basic):
            _log_in(server, self._auth)
        return server

    def _hand_over(self, server: smtplib.SMTP, mail: Mapping[str, str]) -> Reply:
        """Until the message itself has been sent, nothing has happened."""
        try:
            server.ehlo_or_helo_if_needed()
            for code, said in (server.mail(mail["sender"]), server.rcpt(mail["to"])):
                if code not in (250, 251):
                    return self._reply(code, said)
        except (OSError, smtplib.SMTPException) as error:
            raise CallFailed(Gap.NOT_SENT, f"{self.name} broke off ({error})") from error
        dated = f"Date: {formatdate(usegmt=True)}\r\n{mail['message']}".encode("utf-8", "replace")
        try:
            return self._reply(*server.data(dated))
        except smtplib.SMTPDataError as error:
            return self._reply(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            raise CallFailed(Gap.NO_ANSWER, f"{self.name} broke off ({error})") from error

    def _reply(self, code: int, said: bytes | str) -> Reply:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return Reply(status=code, headers={}, text=text[: self._kept])


def _log_in(server: smtplib.SMTP, auth: Basic) -> None:
    """Once: the library's own way tries each method it knows, which would count as so many wrong passwords."""
    server.ehlo_or_helo_if_needed()
    if "PLAIN" not in server.esmtp_features.get("auth", "").split():
        server.login(auth.user, auth.password)
        return
    server.user, server.password = auth.user, auth.password
    server.auth("PLAIN", server.auth_plain)
