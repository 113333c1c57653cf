"""Customers in either database: addresses, a ledger that nobody changes, letters once each, and what erasing leaves."""

from datetime import UTC, datetime, timedelta

import pytest

from deskbell.core.customer import Address, Consent, Customer, Letter, Medium, Purpose, Stage, Step
from deskbell.core.ports import Entry

NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)


def lay(uow):
    customer = uow.new_customer(Customer(0, "de", "Europe/Berlin", (Medium.SMS,), None, "chance"))
    uow.save_address(Address(customer.id, Medium.SMS, "+4930"))
    uow.consent(Consent("who", Medium.SMS, True, NOW, "service", "1", "staff", "form 7", "ana"))
    letter = Letter("k", customer.id, "visit_late", Purpose.SERVICE, "fs", "1", "J-1", {"minutes": "25"}, NOW,
                    tried=(Medium.MAIL,), text="hello", address="+4930", owed_by=NOW, required=True)  # fmt: skip
    number = uow.new_letter(letter)
    assert uow.new_letter(letter) is None
    uow.letter_step(Step(number, NOW, Stage.QUEUED, Medium.SMS, "why"))
    uow.audit(Entry("customer", "answer", 0, {"customer": customer.id}, {"text": "my secret"}), NOW)
    return customer, number


def test_what_is_kept_is_read_again(store):
    customer, number = store.write_now(lay)

    def read(reader):
        return (
            reader.customer(customer.id), reader.address(Medium.SMS, "+4930"), reader.ledger("who"),
            reader.letter(number), reader.letter_steps(number), reader.letters_owed(NOW + timedelta(1)),
            reader.letters_of("fs", "1"),
        )  # fmt: skip

    found, address, ledger, letter, steps, owed, of_record = store.read_now(read)
    assert (found, address) == (customer, Address(customer.id, Medium.SMS, "+4930"))
    assert [(one.granted, one.proof) for one in ledger] == [(True, "form 7")]
    assert (letter.tried, letter.values, letter.required) == ((Medium.MAIL,), {"minutes": "25"}, True)
    assert [(step.stage, step.medium) for step in steps] == [(Stage.QUEUED, Medium.SMS)]
    assert owed == of_record == [letter]


@pytest.mark.parametrize("sql", ["UPDATE consents SET granted = NOT granted", "DELETE FROM consents"])
def test_nobody_changes_the_ledger(database, store, sql):
    store.write_now(lay)
    with pytest.raises(Exception, match="append-only"):
        database.sql(sql)


def test_erasing_leaves_the_ledger_the_log_and_the_audit_whole(store):
    customer, number = store.write_now(lay)
    assert store.write_now(lambda uow: uow.erase_customer(customer.id)) == 1
    letter = store.read_now(lambda reader: reader.letter(number))
    assert (letter.text, letter.address, letter.values) == ("", "", {})
    assert store.read_now(lambda reader: reader.customer(customer.id)) is None
    assert store.read_now(lambda reader: len(reader.ledger("who"))) == 1
    assert "secret" not in str(store.read_now(lambda reader: reader.audit_rows()))
    assert store.verify().ok
