"""A notice as a mail, the same whoever carries it: SMTP, Gmail, Graph, SendGrid, Mailgun."""

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, parseaddr
from typing import Final

from channels.markup import html
from channels.service import Address, Notice
from deskbell.core.sizes import Size, fit

ADDRESS: Final = Address(re.compile(r"([^@\s<>,]+@[^@\s<>,]+)?"), "is a mail address, or empty: for people only")
_SUBJECT = Size(120)
_TEXT = Size(20_000)


def subject(notice: Notice) -> str:
    return fit(notice.line, _SUBJECT, (notice.ref,))


def text(notice: Notice) -> str:
    return fit(notice.text, _TEXT, (notice.link, notice.url, notice.ref))


def body(notice: Notice) -> str:
    """As HTML, with the way to answer as a link of its own."""
    if notice.html:
        return notice.html
    link = f'<p><a href="{html(notice.link)}">Open {html(notice.ref)}</a></p>' if notice.link else ""
    return f"<p>{html(text(notice))}</p>{link}"


def message_id(notice: Notice, sender: str) -> str:
    """The same at each try: a twin of a message with the same id is dropped by many. An answer names it, and with it
    the token, where it is one person's own.
    """
    token = f"+{notice.token}" if notice.token else ""
    return f"<{notice.key}{token}@{domain(sender)}>"


def own_address(address: str, token: str) -> str:
    """With the token behind a plus: it arrives where the rest of the address does."""
    name, plain = parseaddr(address)
    local, _, where = plain.rpartition("@")
    return formataddr((name, f"{local}+{token}@{where}"))


def headers(notice: Notice, sender: str, reply_to: str = "") -> dict[str, str]:
    """Mail programs show an alert's messages together, and nobody's holiday notice answers them."""
    return ({"Reply-To": reply_to} if reply_to else {}) | {
        "References": f"<{notice.about}@{domain(sender)}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }


def mime(notice: Notice, sender: str, reply_to: str = "") -> EmailMessage:
    """As RFC 5322 has it, without a date."""
    message = EmailMessage(SMTP)
    message["From"] = sender
    message["To"] = notice.to
    message["Subject"] = subject(notice)
    message["Message-ID"] = message_id(notice, sender)
    for name, value in headers(notice, sender, reply_to).items():
        message[name] = value
    message.set_content(text(notice))
    message.add_alternative(body(notice), subtype="html")
    # The library draws lots for what parts the parts; the same message looks the same at each try.
    message.set_boundary(f"=={notice.key}")
    return message


def domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]
