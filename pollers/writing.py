"""Small parts of writing back that every source needs."""

from deskbell.core.outcome import Fault, Outcome, Rejected, Retry
from deskbell.core.ports import SourceError, SourceFault


def failed_read(error: SourceError) -> Outcome:
    """What it means for a write that the look before it failed: nothing was written."""
    if error.fault is SourceFault.AUTH:
        return Rejected(Fault.AUTH, str(error))
    return Retry(str(error), error.after, limited=error.fault is SourceFault.LIMITED)
