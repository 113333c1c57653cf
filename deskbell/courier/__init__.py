"""The courier carries the outbox to where it goes; the asker hears what became of it where nobody tells."""

from deskbell.courier.asker import Asker
from deskbell.courier.delivery import SOURCE_LANE
from deskbell.courier.lane import Share
from deskbell.courier.lanes import Courier

__all__ = ["SOURCE_LANE", "Asker", "Courier", "Share"]
