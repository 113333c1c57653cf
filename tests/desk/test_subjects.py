"""Whom an alert is about: the technician of its job, by account or by address, and nobody else."""

import pytest

from deskbell.core.access import Person
from deskbell.core.outcome import Sent
from deskbell.core.ports import Post
from tests.desk.conftest import PEOPLE


@pytest.mark.parametrize(
    ("accounts", "mail", "visit", "wanted"),
    [
        ({"fs": "1"}, "", {}, "marco"),
        ({"fs": "2"}, "", {}, ""),
        ({"other": "1"}, "", {}, ""),
        ({}, "Marco@example.org", {"technician_email": "marco@example.org"}, "marco"),
        ({}, "", {"technician": "Marco Rossi"}, ""),  # a name may be two people's
        ({"fs": ""}, "", {"technician_id": ""}, ""),
    ],
)
async def test_whom_it_is_about(bench, accounts, mail, visit, wanted):
    marco = Person("marco", "Marco Rossi", email=mail, accounts=accounts)
    bench.sit(people={**PEOPLE, "marco": marco})
    alert = await bench.late(**visit)
    assert await bench.desk.subject_of(alert.ref) == wanted


@pytest.mark.parametrize("ref", ["", "D-99", "nothing"])
async def test_an_alert_that_is_not_there(bench, ref):
    assert await bench.desk.subject_of(ref) == ""


async def test_what_was_not_opened_yet_is_asked_for_again_once_somebody_has_it(bench):
    """A channel that waits for an acknowledgement says that it skipped; the alert's next version is offered to it."""
    await bench.people()
    await bench.late()
    (first,) = await bench.settle_all(Sent({}, "nobody has acknowledged it yet", skipped=True))
    assert not bench.claim()
    await bench.say("ana", "ack")
    (second,) = (claim for claim in bench.claim() if isinstance(claim.work, Post))
    assert (second.work.id, second.work.ref) == (first.work.id, {})
