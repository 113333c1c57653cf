"""Answers to mails, which are read from a mailbox: what was written to us, by whom, and once."""

from email.message import EmailMessage

import pytest
import structlog

from channels.vendors.smtp import SERVICE, SmtpConf
from deskbell.sandbox.mailbox import PASSWORD, USER
from deskbell.vendors import mailbox

BEN = "ben@example.org"
QUOTE = "\n\nOn Sun, Nov 22, 2026 at 3:36 PM Deskbell <\ndesk@example.org> wrote:\n> [P1] D-1 Too warm\n> ack\n"


@pytest.fixture
def people():
    return {"ben": {"smtp": BEN}}


@pytest.fixture
def password():
    return PASSWORD


@pytest.fixture
def channels(sandbox, password):
    box = {"imap_host": "127.0.0.1", "imap_port": sandbox.mailbox.port, "imap_security": "plain"}
    return {"smtp": {"address": "", "imap_user": USER, "imap_password": password} | box}


async def rung(house):
    """The mail that Ben got, of an alert that nobody has."""
    await house.raised()
    await house.rung("ben")
    await house.acted("unack")
    return house.told("smtp")[-1].fields


def answer(text, mail=None, *, sender=BEN, number="1", **more):
    """As a mail program answers `mail`; None: as somebody writes who has not got one."""
    made = EmailMessage()
    made["From"], made["Message-ID"] = f"Somebody <{sender}>", f"<{number}@phone.example.org>"
    made["To"] = mail["headers"]["reply-to"] if mail else "desk@example.org"
    if mail:
        made["In-Reply-To"] = mail["headers"]["message-id"]
    for name, value in more.items():
        made[name.replace("_", "-")] = value
    made.set_content(text + QUOTE)
    return made.as_bytes()


async def read(house, *mails):
    for mail in mails:
        house.sandbox.mailbox.put(mail)
    await house.daemon.asker.ask("smtp")
    await house.settled()


async def test_an_answer_acknowledges_once_although_it_is_read_twice(house):
    mail = await rung(house)
    assert "Reply ACK 1" in mail["text"]
    house.sandbox.mailbox.stuck = True
    with structlog.testing.capture_logs() as logs:
        await read(house, answer("Ack.", mail))
    assert house.alert().acked_by == "ben"
    assert any("not now" in log.get("why", "") for log in logs)
    assert house.sandbox.mailbox.seen == set()
    await house.acted("unack")
    house.sandbox.mailbox.stuck = False
    await read(house)
    assert house.open, "it was an answer to what was before"
    assert house.sandbox.mailbox.seen == {1}


async def test_what_was_read_is_marked_only_once_it_is_kept(house, monkeypatch):
    mail = await rung(house)
    kept = house.daemon.asker._take

    async def crash(*said):
        await kept(*said)
        raise RuntimeError("the machine stops here")

    monkeypatch.setattr(house.daemon.asker, "_take", crash)
    await read(house, answer("ack", mail))
    assert house.sandbox.mailbox.seen == set()
    monkeypatch.undo()
    await read(house)
    assert house.sandbox.mailbox.seen == {1}
    assert [entry.verb for entry in house.entries("ack") if entry.actor == "ben"] == ["ack"]


async def test_the_address_alone_tells_which_mail_is_answered(house):
    """Programs and servers may change the names of mails."""
    mail = await rung(house)
    made = answer("ack", mail, number="2").replace(b"In-Reply-To", b"X-Was")
    await read(house, made)
    assert house.alert().acked_by == "ben"


MACHINES = (
    {"Auto_Submitted": "auto-replied (vacation)"},
    {"Precedence": "Bulk"},
    {"X_Auto_Response_Suppress": "All"},
    {"Return_Path": "<>"},
    {"sender": "desk@example.org"},
)


async def test_machines_and_we_ourselves_say_nothing(house):
    mail = await rung(house)
    before = len(house.told("smtp"))
    away = [answer("ack 1", mail, number=str(number), **marks) for number, marks in enumerate(MACHINES)]
    await read(house, *away)
    assert house.open
    assert len(house.told("smtp")) == before, "and are not answered"
    assert house.sandbox.mailbox.seen == {1, 2, 3, 4, 5}


async def test_a_sender_is_believed_of_whom_the_mail_was_sent_to_alone(house):
    mail = await rung(house)
    token = mail["headers"]["reply-to"].partition("+")[2].partition("@")[0]
    await read(
        house,
        answer("ack 1", number="forged"),
        answer("ack 1", mail, sender="mallory@example.org", number="forwarded"),
        answer("ack 1", mail, number="guessed").replace(token.encode(), b"A" * 22),
    )
    assert house.open
    assert house.sandbox.mailbox.seen == {1, 2, 3}
    await read(house, answer("ack 1", mail, sender=BEN.upper(), number="4"))
    assert house.alert().acked_by == "ben"


@pytest.mark.parametrize("password", ["wrong-password"])
async def test_a_refused_login_is_told_and_stops_nothing(house, password):
    mail = await rung(house)
    with structlog.testing.capture_logs() as logs:
        await read(house, answer("ack", mail))
    (why,) = {log["why"] for log in logs if log["event"] == "not_answered"}
    assert "refuses the login" in why
    assert password not in str(logs)
    assert house.open
    assert not house.daemon.stopping.is_set()


async def test_a_mailbox_that_is_full_is_read_a_part_at_a_time_whatever_is_in_it(house):
    mail = await rung(house)
    trap = b"To: " + b"a," * 40_000 + b"\r\n\r\nack 1"
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(900))
    await read(house, b"", b"\xff\x00", trap, b"From: ben@example.org\r\n" + nested, *[b"From: x@y.z\r\n\r\nhi"] * 16)
    assert len(house.sandbox.mailbox.seen) == mailbox.MOST
    await read(house, answer("ack", mail))
    assert house.alert().acked_by == "ben"
    assert len(house.sandbox.mailbox.seen) == mailbox.MOST + 1


def said(raw):
    return mailbox.words([("7", raw)], ["Deskbell <desk@example.org>"])


@pytest.mark.parametrize(
    ("body", "own"),
    [
        ("on my way\nBen\n-- \nsent from a phone", "on my way\nBen"),
        ("Ack\n\nAm So., 22. Nov. 2026 um 15:36 Uhr schrieb Deskbell <d@example.org>:\n> x", "Ack"),
        ("\nok\n\n________________________________\nFrom: Deskbell", "ok"),
        ("> only a quote", ""),
        ("on time\nall wrote it down", "on time\nall wrote it down"),
    ],
)
def test_what_stands_above_the_quote_is_what_was_written(body, own):
    (words,) = said(b"From: a@b.c\nMessage-ID: <1@x>\n\n" + body.encode())
    assert (words.text, words.sender, words.id) == (own, "a@b.c", "<1@x>")


def test_a_mail_without_a_plain_text_is_read_all_the_same():
    head = b"From: a@b.c\nContent-Type: text/html; charset=utf-8\n\n"
    (words,) = said(head + b"<head><style>p{}</style></head><body><p>Ack&nbsp;1</p><blockquote>ack 2</blockquote>")
    assert words.text == "Ack\u00a01"
    assert words.id == "7", "it has no name of its own"


def test_a_mailbox_elsewhere_is_read_encrypted_alone():
    conf = SmtpConf(
        "mail.example.org", "desk@example.org", imap_host="imap.example.org", imap_user="a", imap_password="b"
    )
    (ask,) = SERVICE.asks
    assert ask.base(conf, "").startswith("tls://")
    assert not ask.ready(SmtpConf("mail.example.org", "desk@example.org"))
