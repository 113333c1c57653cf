"""The systems on trial, one line each."""

from deskbell.prove.systems.base import Kind
from deskbell.prove.systems.crms import CRMS
from deskbell.prove.systems.dispatch import DISPATCH
from deskbell.prove.systems.helpdesks import HELPDESKS
from deskbell.prove.systems.schedules import FIELD_SERVICE
from deskbell.prove.systems.snapshots import SNAPSHOTS

SYSTEMS: dict[str, Kind] = {kind.name: kind for kind in (FIELD_SERVICE, *DISPATCH, *HELPDESKS, *CRMS, *SNAPSHOTS)}
