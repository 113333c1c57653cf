"""Google's vendors: what only they do."""

import time
from dataclasses import replace

import jwt
import pytest

from channels.vendors.gmail import GmailConf
from deskbell.core.card import Card, Tone
from deskbell.core.outcome import Fault, Rejected, Sent
from deskbell.core.ports import Destination
from deskbell.net.auth import SignedClaim
from deskbell.net.tokens import claim
from deskbell.sandbox import google
from deskbell.sandbox.vendors import fcm
from deskbell.sandbox.vendors.stand_in import Login
from tests.vendors.conftest import CARD, identity, note

GMAIL = pytest.mark.parametrize("name", ["gmail"])
FCM = pytest.mark.parametrize("name", ["fcm"])
CHAT = pytest.mark.parametrize("name", ["google_chat"])
BROKEN = "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----"


def test_a_claim_says_who_we_are_for_whom_and_for_how_long():
    auth = SignedClaim("https://token.example", "us@x", google.pem(), "boss@example.org", "a-scope")
    now = int(time.time())
    said = jwt.decode(claim(auth, now), google._key().public_key(), ["RS256"], audience="https://token.example")
    assert said.pop("exp") - now <= 3600
    assert said == {
        "iss": "us@x",
        "aud": "https://token.example",
        "iat": now,
        "sub": "boss@example.org",
        "scope": "a-scope",
    }


@GMAIL
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sender": "boss@example.org"}, Fault.AUTH),  # a mailbox that the account may not act for
        ({"account": "other@sandbox.iam.gserviceaccount.com"}, Fault.AUTH),
        ({"private_key": BROKEN}, Fault.AUTH),
        ({"private_key": google.pem().replace("\n", "\\n")}, None),  # as it stands in Google's own file
    ],
)
async def test_only_our_own_key_for_our_own_mailbox(name, change, fault, world):
    world.channel.conf = replace(world.conf, **change)
    outcome = await world.channel.post(world.room, CARD, identity())
    if fault is None:
        assert isinstance(outcome, Sent), outcome
    else:
        assert outcome == Rejected(fault, outcome.why)
        assert not world.stand_in.told


@GMAIL
async def test_a_mailbox_that_allowed_us_once(name, world):
    app = {"client_id": "app", "client_secret": "app-secret", "refresh_token": "refresh-1"}
    login = Login("/token", {"grant_type": "refresh_token"} | app)
    world.stand_in.vendor = replace(world.stand_in.vendor, login=login)
    world.channel.conf = replace(world.conf, account="", private_key="", **app)
    assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
    world.channel._clients.clear()
    world.channel.conf = replace(world.channel.conf, refresh_token="taken-back")
    outcome = await world.channel.post(world.room, CARD, identity())
    assert outcome == Rejected(Fault.AUTH, outcome.why)


@GMAIL
def test_a_mailbox_without_any_login_is_refused(name):
    with pytest.raises(ValueError, match="give account and private_key"):
        GmailConf("desk@example.org")


@FCM
async def test_an_app_that_was_removed_is_told_nothing_more(name, world):
    gone = Destination("there", name, fcm.REMOVED)
    outcome = await world.channel.post(gone, CARD, identity())
    assert outcome == Rejected(Fault.TARGET, outcome.why)
    assert fcm.REMOVED not in outcome.why


@FCM
async def test_everybody_who_follows_a_topic_is_told(name, world):
    sent = await world.channel.post(Destination("there", name, "topic:dispatch"), CARD, identity())
    assert isinstance(sent, Sent), sent
    message = world.stand_in.told[0].fields["message"]
    assert message["topic"] == "dispatch"
    assert "token" not in message


@FCM
async def test_a_message_of_other_scripts_is_within_four_kilobytes(name, world):
    """Each of these characters is three bytes; the stand-in counts."""
    long = Card("D-4821", Tone.CRITICAL, "P1", "\u4e2d" * 300, "\u4e2d" * 4000, url=CARD.url)
    assert isinstance(await world.channel.post(world.room, long, identity()), Sent)


@CHAT
async def test_nobody_rings_a_room_of_google_chat_by_what_is_in_a_ticket(name, world):
    sent = await world.channel.note(world.room, {"key": "k"}, note("<users/all> look"), identity("note", 7))
    assert isinstance(sent, Sent), sent
    assert "\u2039users/all\u203a look" in world.stand_in.told[0].fields["text"]


@CHAT
async def test_one_room_with_another_key_does_not_silence_the_others(name, world):
    """What is refused is this room alone, not the login of all."""
    other = replace(world.room, address=world.room.address.replace("sandbox-chat-key", "another"))
    outcome = await world.channel.post(other, CARD, identity())
    assert isinstance(outcome, Rejected)
    assert outcome.fault is not Fault.AUTH
    assert isinstance(await world.channel.post(world.room, CARD, identity()), Sent)
