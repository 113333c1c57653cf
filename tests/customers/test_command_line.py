"""`deskbell consent` and `deskbell notice`, beside a running daemon."""

import csv
import io
import json
from itertools import product

import pytest
from typer.testing import CliRunner

from deskbell.cli import app
from deskbell.core.customer import Stage
from deskbell.core.letters import LETTERS
from deskbell.faces.letter import LANGUAGES

PHONE, MAIL, E164 = "+49 30 5550 201", "erika@example.org", "+49305550201"


def told(output):
    """The JSON in it; the daemon beside it may log a line of its own."""
    return json.loads(next(line for line in output.splitlines() if line.startswith(("{", "[{", "[]"))))


@pytest.fixture
def run(firm, tmp_path, monkeypatch):
    monkeypatch.setenv("FIELDSERVICE_TOKEN", "sandbox-fieldservice")

    def call(*words, status=0):
        result = CliRunner().invoke(app, [*map(str, words), "--config", str(tmp_path / "config.toml")])
        assert result.exit_code == status, result.output
        return result.output + str(result.exception or "")

    return call


async def test_what_staff_write_down_counts_and_the_ledger_says_all_of_it(firm, run):
    assert "agreed to everything by sms" in run("consent", "grant", PHONE, "--proof", "form 7", "--by", "ana")
    firm.job(PHONE)
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    await firm.stage(Stage.SENT)
    (row,) = told(run("consent", "list", "--json"))
    assert (row["address"], row["agrees_to"]) == (E164, ["service", "account"])
    run("consent", "withdraw", f"sms:{PHONE}", "--purpose", "service", "--by", "ana")
    rows = told(run("consent", "export", PHONE, "--json"))
    assert [(one["said"], one["purpose"], one["proof"], one["by"]) for one in rows] == [
        ("agreed", "all", "form 7", "ana"),
        ("withdrew", "service", "", "ana"),
    ]
    firm.sandbox.fieldservice.change(4711, status="cancelled")
    await firm.stage(Stage.WITHHELD, "visit_cancelled")
    assert await firm.daemon.verify_audit() == (True, len(await firm.audit()))


async def test_a_list_brings_nobody_back_who_said_stop(firm, run, tmp_path):
    await firm.grant("mail", MAIL, granted=False)
    file = tmp_path / "list.csv"
    file.write_text(
        f"address,medium,purpose,proof\n{PHONE},sms,,form 7\n{MAIL},,,form 7\nnobody,sms,,x\n{PHONE},sms,,\n"
    )
    said = run("consent", "import", file, status=1)
    assert "1 opt-ins are kept" in said
    assert "line 3: mail was withdrawn by themselves" in said
    assert [one.granted for one in await firm.ledger("mail", MAIL)] == [False]
    assert [one.origin for one in await firm.ledger("sms", E164)] == ["import"]


async def test_erasing_a_customer_leaves_the_audit_whole_and_their_stop_in_force(firm, run):
    await firm.begun()
    firm.job(f"{PHONE}; opt-in:sms", minutes=-16)
    await firm.stage(Stage.SENT, "visit_late")
    await firm.writes("twilio", E164, "my dog is called Rex")
    await firm.until(lambda: firm.card("4711", "Rex"))
    await firm.writes("twilio", E164, "STOP")
    await firm.settled()
    assert "1 letters, 1 answers" in run("consent", "erase", PHONE, "--by", "ana")
    whole, _ = await firm.daemon.verify_audit()
    assert whole
    (letter,) = await firm.letters()
    assert (letter.text, letter.address, letter.values) == ("", "", {})
    assert await firm.read(lambda reader: reader.every_address(10)) == []
    assert "Rex" not in str([(row.entry.data, row.entry.personal) for row in await firm.audit()])
    assert [one.granted for one in await firm.ledger("sms", E164)] == [True, False]
    firm.job(f"{PHONE}; opt-in:sms", number=4712)
    await firm.known(4712)
    firm.sandbox.fieldservice.change(4712, status="en_route")
    await firm.stage(Stage.WITHHELD, "visit_on_the_way")


async def test_the_log_says_what_became_of_each(firm, run):
    firm.job(f"{PHONE}; {MAIL}; opt-in:sms mail")
    firm.sandbox.vendors["twilio"].faults.set("code.21211", times=1, where="send")
    await firm.known()
    firm.sandbox.fieldservice.change(4711, status="en_route")
    await firm.stage(Stage.SENT)
    (row,) = told(run("notice", "log", "J-4711", "--json"))
    assert (row["notice"], row["medium"], row["stage"], row["channel"]) == ("visit_on_the_way", "mail", "sent", "smtp")
    assert [step["stage"] for step in row["steps"]] == ["queued", "failed", "queued", "sent"]
    (line,) = csv.DictReader(io.StringIO(run("notice", "log", "--csv")))
    assert line["version"].startswith("en/visit_on_the_way@")
    assert PHONE not in json.dumps(row)
    assert E164 not in json.dumps(row)


WRONG = (
    (("notice", "preview", "visit_lat"), "There is no notice 'visit_lat'"),
    (("notice", "preview", "visit_late", "--lang", "xx"), "There are no notices in 'xx'"),
    (("consent", "grant", "nobody"), "is no address"),
    (("consent", "grant", PHONE), "Say where it can be looked up"),
    (("consent", "grant", PHONE, "--proof", "x", "--purpose", "fun"), "is none of service, account"),
    (("consent", "erase", PHONE), "is no customer's address here"),
)


async def test_every_notice_can_be_looked_at_and_what_is_wrong_is_said(run):
    for name, lang in product(("visit_late", "invoice_overdue"), LANGUAGES):
        found = told(run("notice", "preview", name, "--lang", lang, "--json"))
        assert found["language"] == lang
        assert 1 <= found["sms_parts"] <= 3
        assert f'lang="{lang}"' in found["html"]
    assert len(told(run("notice", "list", "--json"))) == len(LETTERS)
    for words, said in WRONG:
        assert said in run(*words, status=1)
