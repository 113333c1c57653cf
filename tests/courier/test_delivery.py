"""What a delivery asks of channels and sources, and what it makes of a source that can't be asked."""

import inspect
from datetime import UTC, datetime, timedelta

import pytest

from channels.catalog import CHANNELS
from deskbell.core.outcome import Retry
from deskbell.core.ports import Channel, Claim, Dispatch, DispatchKind, SourceError, SourceFault
from deskbell.courier.delivery import Delivery

ASKED = ("post", "edit", "note", "find", "check", "close")


@pytest.mark.parametrize("platform", CHANNELS)
@pytest.mark.parametrize("method", ASKED)
def test_every_channel_can_be_called_as_the_courier_calls_it(platform, method):
    made = CHANNELS[platform].load()
    assert list(inspect.signature(getattr(made, method)).parameters) == list(
        inspect.signature(getattr(Channel, method)).parameters
    )


class Silent:
    """A source that can't be read just now."""

    async def find(self, item):
        raise SourceError(SourceFault.LIMITED, "ServiceNow is left alone", timedelta(seconds=7))


async def test_what_can_not_be_looked_up_yet_waits():
    payload = {"kind": "note", "record_id": "1", "text": "Ana acknowledged"}
    note = Dispatch("k", "source:desk", DispatchKind.WRITE, payload, id=5, unsure_since=datetime.now(UTC))
    outcome = await Delivery(None, {}, {}, {"desk": Silent()}, None).deliver(Claim(1, note, None))
    assert outcome == Retry("ServiceNow is left alone", timedelta(seconds=7))
