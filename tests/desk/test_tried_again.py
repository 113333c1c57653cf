"""What was given up is tried again when somebody asks for it, and the audit says so."""

import pytest

from deskbell.core.outcome import Fault, Rejected, Sent
from deskbell.desk.again import again


@pytest.fixture
async def given_up(bench):
    await bench.late()
    await bench.settle_all(Rejected(Fault.PAYLOAD, "too long"))
    return [row for row in bench.outbox() if row.state == "dead"]


async def test_one_row_all_of_a_destination_or_everything(bench, given_up):
    assert given_up

    def retry(**which):
        return bench.store.write_now(lambda uow: again(uow, bench.now, **which))

    (row, *_) = given_up
    assert retry(destination="nowhere") == 0
    assert retry(row=row.id, kind="no such kind") == 0
    assert retry(row=row.id, kind=row.kind) == 1
    assert retry(row=row.id, kind=row.kind) == 0, "it is not dead any more"
    retry()
    assert not [one for one in bench.outbox() if one.state == "dead"]
    entries = bench.store.read_now(lambda r: r.audit_rows(0, 1000))
    (entry, *_) = [one.entry for one in entries if one.entry.verb == "retry"]
    assert entry.data == {"row": row.id, "kind": row.kind, "destination": row.destination, "why_dead": row.error}
    await bench.settle_all(Sent({"ts": "1"}))
    assert bench.store.verify().ok
