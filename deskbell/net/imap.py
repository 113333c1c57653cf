"""A mailbox that is read by IMAP, called as `Http` is. https://www.rfc-editor.org/rfc/rfc3501

The library waits, so it does in a thread of its own.
"""

import asyncio
import contextlib
import imaplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from deskbell.net import auth as auths
from deskbell.net.answers import CallFailed, Gap, Reply
from deskbell.net.auth import Auth, Basic
from deskbell.net.egress import Forbidden, is_loopback
from deskbell.net.http import Timeouts, tls


class Imap:
    """`base_url` is tls://host:993, or plain://host:143 for this machine."""

    def __init__(
        self, name: str, base_url: str, auth: Auth | None = None, *, timeouts: Timeouts | None = None, **_: Any
    ) -> None:
        parts = urlsplit(base_url)
        self.name = f"{name}, mailbox {parts.hostname}"
        self._way, self._host, self._port = parts.scheme, parts.hostname or "", parts.port or 0
        if self._way == "plain" and not is_loopback(self._host):
            raise Forbidden(f"{self._host}: its mails would not be encrypted; use imap_security = tls")
        self._auth, self._timeouts = auth, timeouts or Timeouts()
        self._threads = ThreadPoolExecutor(1, "imap")
        if auth is not None:
            auths.learn(auth)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, method: str, path: str, *, json: Mapping[str, Any], **_: Any) -> Reply:
        """`path` is the folder. GET: up to `most` unread mails since `since` (22-Nov-2026), the first `bytes` of each,
        as {validity, mails: [(uid, bytes)]}; they stay unread. POST: the `uids` have been read, where `validity` still
        holds. Raises CallFailed.
        """
        work = self._read if method == "GET" else self._mark
        try:
            async with asyncio.timeout(self._timeouts.whole):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work, path, json)
        except TimeoutError as error:
            raise CallFailed(Gap.NO_ANSWER, f"{self.name} did not answer in time") from error

    def _read(self, folder: str, wanted: Mapping[str, Any]) -> Reply:
        with self._open(folder) as box:
            found = _told(box.uid("SEARCH", "UNSEEN", "SINCE", wanted["since"]))
            uids = (found[0] or b"").decode("ascii").split() if found else []
            what = f"(BODY.PEEK[]<0.{wanted['bytes']}>)"
            mails = [(uid, _body(_told(box.uid("FETCH", uid, what)))) for uid in uids[: wanted["most"]]]
            return Reply(200, {}, {"validity": _validity(box), "mails": mails})

    def _mark(self, folder: str, wanted: Mapping[str, Any]) -> Reply:
        with self._open(folder) as box:
            if _validity(box) == wanted["validity"]:  # or else these numbers are other mails' by now
                _told(box.uid("STORE", ",".join(wanted["uids"]), "+FLAGS.SILENT", r"(\Seen)"))
            return Reply(200, {})

    @contextlib.contextmanager
    def _open(self, folder: str) -> Iterator[imaplib.IMAP4]:
        try:
            box = self._connect()
        except (OSError, imaplib.IMAP4.error) as error:
            raise CallFailed(Gap.NOT_SENT, f"{self.name} can't be reached ({error})") from error
        try:
            self._log_in(box)
            _told(box.select(_quoted(folder)))
            yield box
            box.logout()
        except (OSError, ValueError, imaplib.IMAP4.error) as error:
            raise CallFailed(Gap.NO_ANSWER, f"{self.name}: {_why(error)}") from error
        finally:
            with contextlib.suppress(OSError):  # it is closed already
                box.shutdown()

    def _connect(self) -> imaplib.IMAP4:
        seconds = self._timeouts.read
        if self._way == "plain":
            return imaplib.IMAP4(self._host, self._port, timeout=seconds)
        context: ssl.SSLContext = tls()
        return imaplib.IMAP4_SSL(self._host, self._port, ssl_context=context, timeout=seconds)

    def _log_in(self, box: imaplib.IMAP4) -> None:
        if not isinstance(self._auth, Basic):
            return
        try:
            box.login(self._auth.user, self._auth.password)
        except imaplib.IMAP4.abort:
            raise
        except (ValueError, imaplib.IMAP4.error) as error:
            why = f"{self.name} refuses the login: {_why(error)}. Check imap_user and imap_password"
            raise CallFailed(Gap.NOT_SENT, why, refused=True) from error


def _told(answer: tuple[str, Sequence[Any]]) -> Sequence[Any]:
    """What a command brought; ValueError with the server's words where it was refused."""
    status, data = answer
    if status != "OK":
        raise ValueError(_text(data[0] if data else status))
    return data


def _body(parts: Sequence[Any]) -> bytes:
    """Of one mail; empty where it has gone meanwhile."""
    return next((bytes(part[1]) for part in parts if isinstance(part, tuple)), b"")


def _validity(box: imaplib.IMAP4) -> str:
    """The numbers of mails hold as long as this stays the same."""
    _, told = box.response("UIDVALIDITY")
    return _text(told[0]) if told and told[0] else ""


def _why(error: Exception) -> str:
    return _text(error.args[0]) if error.args else type(error).__name__


def _text(said: object) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
