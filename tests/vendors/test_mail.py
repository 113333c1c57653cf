"""Mail, against a mail server that is not ours: encryption, login, refusals, and what arrives."""

import asyncio
import ssl
from email import message_from_bytes, policy
from functools import partial

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from channels.catalog import service
from channels.engine import VendorChannel
from channels.vendors.smtp import SmtpConf
from deskbell.core.outcome import Fault, Rejected, Retry, Sent, Unknown
from deskbell.core.ports import Destination
from deskbell.net.http import tls
from deskbell.torture.certificates import issue
from tests.vendors.conftest import CARD, LINK, identity

ROOM = Destination("there", "smtp", "duty@example.org")


class Mailbox:
    """Takes what comes; `says` is what it says instead, by command."""

    def __init__(self):
        self.envelopes = []
        self.says = {}

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's own name
        if "RCPT" in self.says:
            return self.says["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the same
        if self.says.get("DATA") == "hang up":
            server.transport.abort()
            return "250 nobody hears this"
        if "DATA" in self.says:
            return self.says["DATA"]
        self.envelopes.append(envelope)
        return "250 2.0.0 queued as 12"

    def login(self, server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"desk", b"sesame-open"), handled=False)


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    return issue(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def trusting(papers, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(papers.authority))
    tls.cache_clear()
    yield
    tls.cache_clear()


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
async def serve(mailbox):
    """Starts a mail server; its port. `whole`: encrypted from the first byte."""
    running = []

    async def started(context=None, *, whole=None, needs_login=True):
        more = {"tls_context": context, "require_starttls": context is not None, "auth_require_tls": whole is None}
        talk = partial(SMTP, mailbox, authenticator=mailbox.login, auth_required=needs_login, **more)
        server = await asyncio.get_running_loop().create_server(talk, "127.0.0.1", 0, ssl=whole)
        running.append(server)
        return server.sockets[0].getsockname()[1]

    yield started
    for server in running:
        server.close()


@pytest.fixture
async def channel_to():
    made = []

    async def nobody(_person):
        return None

    def channel(port, **more):
        given = {"security": "starttls", "user": "desk", "password": "sesame-open"} | more
        conf = SmtpConf("127.0.0.1", "Deskbell <desk@example.org>", port, **given)
        made.append(VendorChannel("smtp", service("smtp"), conf, nobody, {}, lambda _ref: LINK))
        return made[-1]

    yield channel
    for one in made:
        await one.close()


async def test_a_mail_arrives_encrypted_and_as_people_read_it(papers, trusting, serve, mailbox, channel_to):
    channel = channel_to(await serve(papers.good()))
    assert isinstance(await channel.post(ROOM, CARD, identity()), Sent)
    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("desk@example.org", ["duty@example.org"])
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert CARD.summary in message["Subject"]
    assert message["Date"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body(("plain",)).get_content().splitlines()[-1] == LINK
    assert f'<a href="{LINK}">Open D-4821</a>' in message.get_body(("html",)).get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # it does not know that all of it is encrypted
async def test_tls_from_the_first_byte(papers, trusting, serve, mailbox, channel_to):
    channel = channel_to(await serve(whole=papers.good()), security="tls")
    assert isinstance(await channel.post(ROOM, CARD, identity()), Sent)
    assert len(mailbox.envelopes) == 1


@pytest.mark.parametrize("bad", ["wrong_host", "expired", "self_signed"])
async def test_nothing_is_told_to_whoever_shows_bad_papers(bad, papers, trusting, serve, mailbox, channel_to):
    channel = channel_to(await serve(papers.bad[bad]))
    outcome = await channel.post(ROOM, CARD, identity())
    assert isinstance(outcome, Retry)
    assert "certificate" in outcome.why.lower()
    assert not mailbox.envelopes


async def test_a_server_without_encryption_gets_no_password(serve, mailbox, channel_to):
    outcome = await channel_to(await serve(needs_login=False)).post(ROOM, CARD, identity())
    assert isinstance(outcome, Retry)
    assert "STARTTLS" in outcome.why


async def test_a_login_that_is_refused(papers, trusting, serve, channel_to):
    outcome = await channel_to(await serve(papers.good()), password="wrong-one").post(ROOM, CARD, identity())
    assert outcome == Rejected(Fault.AUTH, outcome.why)
    assert "wrong-one" not in outcome.why


@pytest.mark.parametrize(
    ("command", "said", "wanted"),
    [
        ("RCPT", "550 5.1.1 no such user", Fault.TARGET),
        ("RCPT", "450 4.7.1 greylisted, come back", None),
        ("DATA", "552 5.3.4 too big", Fault.PAYLOAD),
        ("DATA", "451 4.3.0 not now", None),
        ("DATA", "554 5.7.1 looks like spam", Fault.PAYLOAD),
    ],
)
async def test_what_a_refusal_means(command, said, wanted, papers, trusting, serve, mailbox, channel_to):
    mailbox.says[command] = said
    outcome = await channel_to(await serve(papers.good())).post(ROOM, CARD, identity())
    if wanted is None:
        assert isinstance(outcome, Retry)
    else:
        assert outcome == Rejected(wanted, outcome.why)
    assert said[4:] in outcome.why


async def test_nobody_knows_what_became_of_it(papers, trusting, serve, mailbox, channel_to):
    mailbox.says["DATA"] = "hang up"
    assert isinstance(await channel_to(await serve(papers.good())).post(ROOM, CARD, identity()), Unknown)


async def test_mail_leaves_this_machine_encrypted_or_not_at_all(channel_to):
    channel = channel_to(25, security="plain")
    elsewhere = SmtpConf("mail.example.org", "desk@example.org", 25, "plain")
    channel.conf = elsewhere
    outcome = await channel.post(ROOM, CARD, identity())
    assert outcome == Rejected(Fault.CONFIG, outcome.why)
    assert "not be encrypted" in outcome.why
    (finding,) = await channel.check([ROOM])
    assert not finding.ok


def test_the_papers_are_looked_at():
    assert tls().verify_mode is ssl.CERT_REQUIRED
