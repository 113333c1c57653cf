"""Whatever a record, a reply or a form may hold: nobody is told without having agreed, and nothing falls over."""

from hypothesis import given
from hypothesis import strategies as st

from deskbell.core.customer import Customer, Stage
from deskbell.core.letters import CustomersConf
from deskbell.desk import own_page
from deskbell.desk.house import House, page_token

PHONE, E164 = "+49 30 5550 201", "+49305550201"
ODD = (
    "+49 30 5550 201; opt-in:fax sms\u202e mail",
    "\u202e+49 30 5550 201\u202c; opt-in:sms",
    "+49 30 5550 201\r\nBcc: all@example.org; opt-in:sms",
    "x" * 5000 + "; opt-in:sms mail whatsapp",
    "<script>alert(1)</script>@example.org; opt-in:mail",
    "{{7*7}}@example.org; opt-in:mail; language:{{7*7}}; zone:../../etc/passwd",
    "a@b.c,d@e.f; opt-in:mail",
    "telegram:-1; push:; opt-in:telegram push",
    "+1" + "5" * 40 + "; opt-in:sms",
    "\ud800; opt-in:sms",
)


async def test_odd_contacts(firm):
    """Each gets what its contact really says: one address of each kind, or none."""
    for n, contact in enumerate(ODD):
        firm.job(contact.encode("utf-8", "replace").decode(), number=4720 + n)
    for n in range(len(ODD)):
        await firm.known(4720 + n)
    for n in range(len(ODD)):
        firm.sandbox.fieldservice.change(4720 + n, status="en_route")
    await firm.until(lambda: told(firm))
    await firm.settled()
    for mail in firm.mails():
        assert mail["to"].count("@") == 1
        assert "bcc" not in mail["headers"]
        assert "49" not in mail["to"].partition("@")[0]
        assert "<script" not in mail["html"]
    assert all(one.fields["To"] == E164 for one in firm.sandbox.vendors["twilio"].told)
    assert await firm.read(lambda reader: reader.count_quarantined()) == 0


async def told(firm):
    return [one for one in await firm.letters() if one.stage is Stage.SENT]


async def test_whoever_writes_whatever_changes_nobodys_consent_but_their_own(firm):
    firm.job(f"{PHONE}; opt-in:sms")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    await firm.stage(Stage.SENT)
    texts = ("STOP", "start", "ack 1", "\ud800\u202e", "x" * 100_000, "", "<b>stop</b>", "stop\0")
    for sender in ("+15005550009", "", "not a number", "erika@example.org", "\u202e", "0" * 500):
        for text in texts:
            await firm.writes("twilio", sender, text)
    await firm.writes("nobody knows this channel", E164, "STOP")
    assert [one.granted for one in await firm.ledger("sms", E164)] == [True]
    for text in texts[2:]:
        await firm.writes("twilio", E164, text)
    assert [one.granted for one in await firm.ledger("sms", E164)][:1] == [True]
    assert (await firm.daemon.verify_audit())[0]


class Everybody:
    """A house in which every number is a customer."""

    def customer(self, number):
        return Customer(number, mark="chance")


HOUSE = House(b"secret", customers=CustomersConf(firm="x"))


@given(st.one_of(st.text(max_size=120), st.from_regex(r"[0-9a-f]{1,16}\.chance\.[A-Za-z0-9_-]{22}", fullmatch=True)))
def test_no_token_leads_anywhere_that_we_did_not_make(token):
    assert own_page.whose(Everybody(), HOUSE, token) is None
    assert own_page.whose(Everybody(), HOUSE, page_token(b"secret", Customer(7, mark="chance"))).id == 7
    assert own_page.whose(Everybody(), HOUSE, page_token(b"another", Customer(7, mark="chance"))) is None
