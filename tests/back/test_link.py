"""The link in a message to one person shows its alert, and acknowledges once; scanners that follow it do nothing."""

import asyncio
import random
import re
from html import unescape
from urllib.parse import urljoin

import pytest

from deskbell.core import links
from deskbell.core.alert import Status
from tests.back.conftest import BEN, PUBLIC

LINK = re.compile(r"code (\d\d): (https://desk\.example\.org(/p/[\w-]{22}))")
OURS = {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def sent(house):
    """The code and the path of the link that Ben has by SMS."""
    await house.raised()
    await house.rung("ben")
    await house.acted("unack")
    sms = house.told("twilio", BEN)[-1]
    code, _, path = LINK.search(sms.fields["Body"]).groups()
    return code, path


@pytest.fixture
def patient(monkeypatch):
    """A person's pace, without the waiting."""
    from datetime import timedelta

    from bot.page import own

    monkeypatch.setattr(own, "QUICKEST", timedelta(0))


async def look(house, path, method="GET", **headers):
    async with house.session.request(method, house.url(path), headers=headers) as reply:
        return reply.status, await reply.text()


def fields_of(page):
    found = {}
    for tag in re.findall(r"<input([^>]*)>", page):
        name, value = re.search(r'name="(.*?)"', tag), re.search(r'value="(.*?)"', tag)
        found[name[1]] = unescape(value[1]) if value else ""
    return found


async def send(house, path, fields, **headers):
    async with house.session.post(house.url(path), data=fields, headers=OURS | headers) as reply:
        return reply.status, await reply.text()


async def test_a_person_acknowledges_with_the_code_of_the_message(house, sent, patient):
    code, path = sent
    status, page = await look(house, path)
    assert status == 200
    assert "Cold store too warm" in page
    assert "Nobody has it yet" in page
    assert not re.search(rf">\s*{code}\s*<", page)
    status, page = await send(house, path, fields_of(page) | {"code": f" {code} "})
    assert "Acknowledged. It is yours." in page
    assert house.alert().acked_by == "ben"
    assert "<button" not in page
    # Once, and never again, whatever becomes of the alert.
    await house.acted("unack")
    status, page = await look(house, path)
    assert "<button" not in page
    fields = {"form": "", "code": code}
    _, page = await send(house, path, fields)
    assert house.open


async def test_the_link_does_nothing_once_the_alert_has_moved_on(house, sent, patient):
    code, path = sent
    fields = fields_of((await look(house, path))[1])
    await house.sms("ACK 1")
    await house.acted("unack")
    _, page = await send(house, path, fields | {"code": code})
    assert "This link does nothing any more" in page
    assert house.open


async def test_wrong_codes_lock_it_and_are_audited(house, sent, patient):
    code, path = sent
    wrong = f"{(int(code) + 1) % 100:02d}"
    fields = fields_of((await look(house, path))[1])
    said = [(await send(house, path, fields | {"code": wrong}))[1] for _ in range(links.TRIES)]
    assert "not the digits" in said[0]
    assert "Too many wrong digits" in said[-1]
    assert "Too many wrong digits" in (await send(house, path, fields | {"code": code}))[1]
    assert house.open
    assert sum(entry.data.get("code") == "code" for entry in house.entries("refused")) == links.TRIES


async def test_another_site_and_another_link_are_refused(house, sent, patient):
    code, path = sent
    fields = fields_of((await look(house, path))[1]) | {"code": code}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert (await send(house, path, fields, **headers))[0] == 403
    assert (await look(house, "/p/" + "A" * 22))[0] == 404
    assert (await look(house, "/p/x"))[0] == 404
    assert house.open
    # An old phone says where it was in the Referer alone.
    async with house.session.post(house.url(path), data=fields, headers={"Referer": PUBLIC + path}) as reply:
        assert reply.status == 200
    assert house.alert().acked_by == "ben"


@pytest.mark.parametrize(
    ("accepts", "language", "words"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Übernehmen"),
        ("it", "it", "Prendo in carico"),
        ("pt-BR, fr;q=0.8, en;q=0.2", "fr", "Je m&#39;en occupe"),
        ("es-419", "es", "Me ocupo yo"),
        ("", "en", "Acknowledge"),
        ("de;q=0, en", "en", "Acknowledge"),
    ],
)
def test_it_speaks_the_readers_language(accepts, language, words):
    from bot.page.spoken import WORDS
    from bot.page.spoken import language as spoken

    assert spoken(accepts) == language
    assert unescape(words) == WORDS[language]["button"]


def test_every_language_says_everything():
    from bot.page.spoken import WORDS

    keys = set(WORDS["en"])
    assert all(set(words) == keys for words in WORDS.values())
    assert all(("{name}" in words[key]) == ("{name}" in WORDS["en"][key]) for words in WORDS.values() for key in keys)


async def head(house, path, _roll):
    await look(house, path, "HEAD")


async def get(house, path, _roll):
    await look(house, path, **{"User-Agent": "Mozilla/5.0 (Windows NT 10.0) SafeLinks"})


async def follow(house, path, _roll):
    """Every address on the page, and each with another method."""
    _, page = await look(house, path)
    for address in re.findall(r'(?:href|src|action)="(.*?)"', page):
        await look(house, urljoin(path, unescape(address)))
    await look(house, path, "OPTIONS")


async def submit(house, path, _roll):
    """Every form as it stands, as Outlook's scanner does."""
    _, page = await look(house, path)
    await send(house, path, fields_of(page))


async def fill_in(house, path, roll):
    """Every form, with something in each field."""
    _, page = await look(house, path)
    await send(house, path, {name: value or f"{roll.randrange(100):02d}" for name, value in fields_of(page).items()})


async def test_five_hundred_visits_of_scanners_acknowledge_nothing(house, sent):
    _, path = sent
    roll = random.Random(4821)
    for model in (head, get, follow, submit, fill_in):
        for _ in range(10):
            await asyncio.gather(*(model(house, path, roll) for _ in range(10)))
    assert house.alert().status is Status.OPEN
    assert not [entry for entry in house.entries("ack") if entry.actor == "ben"]


async def test_of_two_taps_at_once_one_acknowledges(house, sent, patient):
    code, path = sent
    fields = fields_of((await look(house, path))[1]) | {"code": code}
    pages = [page for _, page in await asyncio.gather(*(send(house, path, fields) for _ in range(8)))]
    assert sum("Acknowledged. It is yours." in page for page in pages) == 1
    assert len([entry for entry in house.entries("ack") if entry.actor == "ben"]) == 1


NONSENSE = (b"", b"\xff\xfe=%ff", b"form=" + b"x" * 3000, b"&" * 50, b"code=1&code=2", b"form=0.0&code=%00", b"form=.")


async def test_nonsense_is_answered_and_does_nothing(house, sent, patient):
    _, path = sent
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in NONSENSE:
        async with house.session.post(house.url(path), data=body, headers=OURS | form) as reply:
            assert reply.status in (200, 400)
        for kind in ("application/json", "multipart/form-data", "text/plain"):
            async with house.session.post(house.url(path), data=body, headers=OURS | {"Content-Type": kind}) as reply:
                assert reply.status == 415
    assert house.open
