"""Teams by a Workflows webhook (Power Automate), for teams that may not install a bot: one way, and no more than a URL.

The flow "Post to a channel when a webhook request is received" gives the URL. Whoever has it can post, so that it is a
secret. https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deskbell.core.outcome import Fault, Outcome, Rejected
from deskbell.core.ports import Limit
from deskbell.net.answers import Dialect, Reply, outcome_of, words

PLATFORM = "workflows"
ADDRESS = re.compile(r"https?://[^\s/]+/\S+")
ADDRESS_HINT = 'must be the address that the flow shows, best by reference: "env:NAME" or "file:/path"'

# https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
MESSAGE_BYTES = 28 * 1024

# The Flow bot posts for all flows of a team; Teams itself takes four messages a second of a webhook.
LIMITS = (Limit("post", "destination", 1, timedelta(seconds=1)), Limit("post", "account", 25, timedelta(seconds=1)))

# A flow that is gone, switched off, or has another signature now: this room can't be reached, others may.
# https://learn.microsoft.com/en-us/azure/logic-apps/logic-apps-http-endpoint#faq
_FAULTS = {401: Fault.TARGET, 402: Fault.TARGET, 403: Fault.TARGET, 404: Fault.TARGET, 410: Fault.TARGET}
_OFF = frozenset(
    {
        "WorkflowTriggerIsNotEnabled",
        "TriggerDisabled",
        "WorkflowDisabled",
        "WorkflowNotEnabled",
        "FlowSuspended",
        "FlowDisabled",
    }
)


def explain(reply: Reply) -> str:
    """What Power Automate says is wrong: {"error": {"code": ..., "message": ...}}."""
    error = _error(reply)
    return ": ".join(str(error[key]) for key in ("code", "message") if error.get(key))


DIALECT = Dialect(explain, _FAULTS)


def outcome(reply: Reply, where: str) -> Outcome:
    """What became of a call that was not accepted."""
    if str(_error(reply).get("code")) in _OFF:
        why = words(reply, where, DIALECT)
        return Rejected(Fault.TARGET, f"{why} The flow is switched off: its owner can switch it on again.")
    return outcome_of(reply, where, DIALECT)


def secrets_of(address: str) -> tuple[str, ...]:
    """The parts of the address that nobody may read: the whole, and the signature in it."""
    return (address, *parse_qs(urlsplit(address).query).get("sig", ()))


def _error(reply: Reply) -> Mapping[str, Any]:
    found = reply.data.get("error") if isinstance(reply.data, dict) else None
    return found if isinstance(found, Mapping) else {}
