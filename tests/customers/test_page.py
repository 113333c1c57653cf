"""A customer's own page, over real HTTP: to look changes nothing, and what they choose counts from then on."""

import re
from datetime import timedelta

import aiohttp
import pytest

from deskbell.core.customer import Stage

PHONE, MAIL, E164 = "+49 30 5550 201", "erika@example.org", "+49305550201"
FROM_US = {"Origin": "https://desk.example.org", "Sec-Fetch-Site": "same-origin"}
SCANNERS = (
    {"User-Agent": "Mozilla/5.0 (compatible; BingPreview/1.0b)"},
    {"User-Agent": "Microsoft Office Protocol Discovery"},
    {"User-Agent": "facebookexternalhit/1.1"},
    {"Sec-Fetch-Site": "cross-site"},
)


class Reader:
    """Somebody with a browser and the link out of their mail."""

    def __init__(self, session, url):
        self.session, self.url = session, url

    async def look(self, **headers):
        async with self.session.get(self.url, headers=headers) as answer:
            return answer.status, await answer.text()

    async def send(self, fields, headers=FROM_US):
        async with self.session.post(self.url, data=fields, headers=headers) as answer:
            return answer.status, await answer.text()

    async def form(self):
        _, page = await self.look()
        return re.search(r'name="form" value="([^"]+)"', page)[1]


@pytest.fixture
async def reader(firm, monkeypatch):
    """Told by mail, and with the page open; the moment that a person takes to read is left out."""
    monkeypatch.setattr("bot.page.customer.QUICKEST", timedelta())
    firm.job(f"{PHONE}; {MAIL}; language:de; opt-in:mail")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    await firm.stage(Stage.SENT)
    link = re.search(r"https://desk\.example\.org(/c/\S+)", firm.mails(MAIL)[0]["text"])[1]
    async with aiohttp.ClientSession() as session:
        yield Reader(session, f"http://127.0.0.1:{firm.daemon.server.port}{link}")


async def test_it_shows_what_they_were_told_and_what_they_agree_to_in_their_language(reader):
    status, page = await reader.look()
    assert status == 200
    assert '<html lang="de">' in page
    assert "Unser Techniker ist unterwegs" in page
    assert "gesendet" in page
    assert "e…@example.org" in page
    assert MAIL not in page
    assert E164 not in page
    assert "<script" not in page
    assert re.search(r'name="mail.service" checked', page)
    assert not re.search(r'name="sms.service" checked', page)


async def test_looking_changes_nothing_however_often(firm, reader):
    before = await firm.audit()
    for _ in range(5):
        for scanner in SCANNERS:
            assert (await reader.look(**scanner))[0] == 200
    form = await reader.form()
    status, _ = await reader.send({"nothing": "1", "form": form}, {})
    assert status == 403
    status, _ = await reader.send({"nothing": "1", "form": form}, {"Origin": "https://evil.example"})
    assert status == 403
    await reader.send({"nothing": "1", "form": "made-up"})
    await reader.send({"nothing": "1", "form": form, "subject": "filled in by a machine"})
    assert len(await firm.audit()) == len(before)
    assert [one.granted for one in await firm.ledger("mail", MAIL)] == [True]


async def test_what_they_choose_counts_from_then_on(firm, reader):
    """From mail to SMS, in Italian."""
    fields = {"sms.service": "on", "first": "sms", "language": "it", "from": "00:00", "to": "00:00"}
    status, page = await reader.send({**fields, "form": await reader.form()})
    assert status == 200
    assert "Salvato." in page
    firm.sandbox.fieldservice.change(4711, status="cancelled")
    letter = await firm.stage(Stage.SENT, "visit_cancelled")
    assert (letter.medium, letter.language) == ("sms", "it")
    assert "è annullata" in firm.sms(E164)[0]
    said = [(one.granted, one.purpose, one.origin) for one in await firm.ledger("mail", MAIL)]
    assert said == [(True, "", "source"), (False, "service", "page"), (False, "account", "page")]


async def test_nothing_more_is_nothing_more(firm, reader):
    await reader.send({"mail.service": "on", "nothing": "1", "form": await reader.form()})
    firm.sandbox.fieldservice.change(4711, status="cancelled")
    letter = await firm.stage(Stage.WITHHELD, "visit_cancelled")
    assert letter.why == "they have not agreed to be told"


async def test_a_link_that_is_none_of_ours_shows_nothing(reader):
    head, _, token = reader.url.rpartition("/")
    for wrong in (token[:-2] + "AB", token[:-30], token.upper(), "f" * 500, "1", "1..", "zz.a.b", "%00"):
        reader.url = f"{head}/{wrong}"
        status, page = await reader.look(**{"Accept-Language": "fr-CH, en;q=0.5"})
        assert status == 404
        assert "Ce lien ne fonctionne plus." in page
        assert (await reader.send({"nothing": "1", "form": "x"}))[0] == 404
