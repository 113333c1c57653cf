"""What customers are told of a visit, by which way, and what becomes of it: over the real daemon and real HTTP."""

from deskbell.core.customer import Stage
from tests.customers.conftest import opened

PHONE, MAIL = "+49 30 5550 201", "erika@example.org"
E164 = "+49305550201"


async def test_who_agreed_is_told_that_the_technician_is_on_the_way(firm):
    firm.job(f"{PHONE}; opt-in:sms")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    letter = await firm.stage(Stage.SENT, "visit_on_the_way")
    (said,) = firm.sms(E164)
    assert said.startswith("Northgate Air: our technician is on the way to you for J-4711")
    assert said.endswith("STOP ends these messages.")
    assert (letter.medium, letter.basis, letter.version.partition("@")[0]) == ("sms", "opt-in", "en/visit_on_the_way")


async def test_who_did_not_agree_is_told_nothing_and_the_log_says_why(firm):
    firm.job(PHONE)
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    letter = await firm.stage(Stage.WITHHELD)
    assert letter.why == "they have not agreed to be told"
    assert not firm.sms()


async def test_stop_is_honoured_at_once_and_start_brings_the_letters_back(firm):
    firm.job(f"{PHONE}; opt-in:sms")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    await firm.stage(Stage.SENT)
    await firm.writes("twilio", E164, "Stop.")
    await firm.until(lambda: any("START brings them back" in said for said in firm.sms(E164)))
    firm.sandbox.fieldservice.change(4711, status="cancelled")
    letter = await firm.stage(Stage.WITHHELD, "visit_cancelled")
    assert letter.why == "they have not agreed to be told"
    await firm.writes("twilio", E164, "START")
    firm.job(PHONE, number=4712)
    await firm.known(4712)
    firm.sandbox.fieldservice.change(4712, status="en_route")
    await firm.stage(Stage.SENT, "visit_on_the_way")
    said = [(one.origin, one.granted) for one in await firm.ledger("sms", E164)]
    assert said == [("source", True), ("stop", False), ("start", True)]


async def test_who_says_stop_while_a_letter_waits_is_not_sent_it(firm):
    """What is asked at the moment of sending counts."""
    firm.sandbox.vendors["twilio"].faults.set("500", times=3, where="send")
    firm.job(f"{PHONE}; opt-in:sms")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    await firm.until(lambda: any(one.method == "POST" for one in firm.sandbox.vendors["twilio"].calls))
    await firm.writes("twilio", E164, "STOP")
    letter = await firm.stage(Stage.FAILED)
    assert letter.why == "the opt-in was withdrawn"
    assert not [said for said in firm.sms(E164) if "on the way" in said]


async def test_a_way_that_fails_for_good_is_followed_by_the_next_one(firm):
    firm.sandbox.vendors["twilio"].faults.set("code.21211", times=1, where="send")
    firm.job(f"{PHONE}; {MAIL}; language:de; opt-in:sms mail")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    letter = await firm.stage(Stage.SENT)
    assert (letter.medium, letter.tried, letter.language) == ("mail", ("sms",), "de")
    (mail,) = firm.mails(MAIL)
    assert "Unser Techniker" in mail["headers"]["subject"]
    assert "Unser Techniker ist für J-4711" in mail["text"]
    assert "https://desk.example.org/c/" in mail["html"]
    steps = await firm.read(lambda reader: reader.letter_steps(letter.id))
    assert [(one.stage, one.medium) for one in steps] == [
        ("queued", "sms"),
        ("failed", "sms"),
        ("queued", "mail"),
        ("sent", "mail"),
    ]


async def test_what_the_law_demands_goes_without_an_opt_in_and_the_audit_says_so(sandbox, tmp_path):
    more = "\n[customers.notices.visit_cancelled]\nrequired = true\n"
    async with opened(sandbox, tmp_path, more=more) as firm:
        firm.job(f"{PHONE}; {MAIL}")
        await firm.known()
        firm.sandbox.fieldservice.change(4711, status="cancelled")
        letter = await firm.stage(Stage.SENT)
        assert (letter.medium, letter.basis) == ("mail", "required by law")
        (mail,) = firm.mails(MAIL)
        assert "by law" in mail["text"]
        entries = [row.entry for row in await firm.audit() if row.entry.verb == "letter"]
        assert entries[-1].data["basis"] == "required by law"
        assert MAIL not in str([entry.data for entry in entries])


async def test_the_answer_comes_back_under_the_card(firm):
    await firm.begun()
    firm.job(f"{PHONE}; opt-in:sms", minutes=-16)
    await firm.stage(Stage.SENT, "visit_late")
    await firm.writes("twilio", E164, "tomorrow please")
    shown = await firm.until(lambda: firm.card("4711", "tomorrow please"))
    assert "Customer answered by sms: tomorrow please" in shown
    assert "Customer told by sms: The technician is late" in shown
