"""Who is who: codes that link an account, the wish that waited for it, people who left, and what only some may see."""

from datetime import timedelta

from deskbell.core.alert import Status
from deskbell.core.outcome import Sent
from deskbell.core.ports import Interaction, Said
from deskbell.desk.people import CODE_LIFE


async def ready(bench, **more):
    await bench.people()
    await bench.late(**more)
    await bench.settle_all(Sent({"channel": "C1", "ts": "1"}))


def tapped(token, account="7", key="telegram:1"):
    return Interaction(key=key, platform="telegram", account=account, verb="ack", token=token)


def here(account="7"):
    return Said("telegram", account, key="telegram:9")


async def test_a_code_makes_an_account_somebodys(bench):
    await ready(bench)
    code = await bench.desk.link_code("ana")
    assert len(code) * 4.95 > 128  # bits that nobody guesses
    said = await bench.desk.redeem(here(), code)
    assert "you are Ana Ruiz here now" in said.lines[0]
    person = await bench.desk.person("telegram", "7")
    assert person is not None
    assert person.id == "ana"


async def test_what_was_tapped_before_is_done_with_the_link(bench):
    await ready(bench)
    buttons = await bench.buttons()
    first = await bench.desk.act(tapped(buttons["ack"].token))
    assert (first.ok, first.code) == (False, "unknown_person")
    assert "/desk link" in first.text
    assert bench.alert(1).status is Status.OPEN
    said = await bench.desk.redeem(here(), await bench.desk.link_code("ben"))
    assert "acknowledged" in "".join(said.lines)
    assert said.buttons[0].label == "Undo"
    assert bench.alert(1).acked_by == "ben"


async def test_a_wish_is_kept_for_its_own_account_alone(bench):
    await ready(bench)
    buttons = await bench.buttons()
    await bench.desk.act(tapped(buttons["ack"].token, account="8"))
    await bench.desk.redeem(here("7"), await bench.desk.link_code("ben"))
    assert bench.alert(1).status is Status.OPEN


async def test_an_old_wish_is_forgotten(bench):
    await ready(bench)
    buttons = await bench.buttons()
    await bench.desk.act(tapped(buttons["ack"].token))
    bench.now += CODE_LIFE
    said = await bench.desk.redeem(here(), await bench.desk.link_code("ben"))
    assert "help shows what you can do" in said.lines[-1]
    assert bench.alert(1).status is Status.OPEN


async def test_a_code_is_good_once_and_not_for_long(bench):
    await ready(bench)
    code = await bench.desk.link_code("ana")
    await bench.desk.redeem(here(), code)
    for account, wrong in (("8", code), ("8", "guessed"), ("8", "")):
        said = await bench.desk.redeem(here(account), wrong)
        assert "wrong, was used before" in said.lines[0]
    late = await bench.desk.link_code("ana")
    bench.now += CODE_LIFE + timedelta(seconds=1)
    assert "older than 15 minutes" in (await bench.desk.redeem(here("8"), late)).lines[0]
    assert await bench.desk.person("telegram", "8") is None
    rows = bench.store.read_now(lambda reader: reader.audit_rows(0, 100))
    assert [row.entry.verb for row in rows].count("link_refused") == 4


async def test_the_code_itself_is_kept_nowhere(bench):
    await ready(bench)
    code = await bench.desk.link_code("ana")
    await bench.desk.redeem(here(), "another")
    assert code.encode() not in (bench.folder / "desk.db").read_bytes()
    assert code.encode() not in (bench.folder / "desk.db-wal").read_bytes()


async def test_reveal_is_for_one_person_and_in_the_audit(bench):
    bench.sit(hides_customers=True)
    await ready(bench, customer="Hansen, Vera", contact="+49 40 123", site="Northgate")
    alert = bench.alert(1)
    assert "Hansen" not in str(alert)
    card = await bench.desk.card(alert)
    assert "Hansen" not in str(card)
    button = next(button for button in card.buttons if button.verb == "reveal")
    answer = await bench.tap("ana", button)
    assert "Hansen, Vera" in str(answer.reply)
    assert "+49 40 123" in str(answer.reply)
    rows = bench.store.read_now(lambda reader: reader.audit_rows(0, 100))
    entry = next(row.entry for row in rows if row.entry.verb == "reveal")
    assert entry.actor == "ana"
    assert "Hansen" not in str(entry)
    assert not [line for line in (await bench.desk.card(alert)).trail if "personal" in line]


async def test_nobody_without_the_role_learns_who_it_is(bench):
    bench.sit(hides_customers=True)
    await ready(bench, customer="Hansen, Vera")
    answer = await bench.desk.act(Interaction("slack:9", "slack", "DAN", "reveal", ref="D-1"))
    assert not answer.ok
    assert "Hansen" not in str(answer)
