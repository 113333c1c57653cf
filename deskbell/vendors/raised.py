"""An alert as other systems raise it: the fields of POST /api/v1/alerts, and the caller's own id as `key`."""

from typing import Any

from deskbell.core.heard import Raise

OF_ALERT = frozenset({"key", "title", "text", "severity", "subject", "team"})


def raised(data: Any) -> Raise:
    """Raises KeyError or TypeError for what is no such thing; what the fields say is judged where it is raised."""
    if not isinstance(data, dict) or not isinstance(data["key"], str):
        raise TypeError("not an alert with a key")
    return Raise(data["key"], {name: value for name, value in data.items() if name != "key"})
