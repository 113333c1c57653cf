"""The courier carries the outbox to where it goes."""

from deskbell.courier.delivery import SOURCE_LANE
from deskbell.courier.lane import Share
from deskbell.courier.lanes import Courier

__all__ = ["SOURCE_LANE", "Courier", "Share"]
