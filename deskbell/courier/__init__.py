"""The courier carries the outbox to where it goes."""

from deskbell.courier.delivery import SOURCE_LANE
from deskbell.courier.lanes import Courier, Share

__all__ = ["SOURCE_LANE", "Courier", "Share"]
