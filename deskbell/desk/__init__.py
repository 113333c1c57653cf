"""Use-cases: a page comes in, a person speaks, a delivery is settled, the clock ticks."""

from deskbell.desk.desk import Desk
from deskbell.desk.house import House, SourceFacts

__all__ = ["Desk", "House", "SourceFacts"]
