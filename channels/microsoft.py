"""What Microsoft's services share: how an app logs in, and what Graph's words for trouble mean."""

from collections.abc import Mapping
from typing import Any, Final

from channels.service import LIMITED, Class
from deskbell.core.outcome import Fault
from deskbell.net.auth import ClientCredentials

LOGIN: Final = "https://login.microsoftonline.com"

# https://learn.microsoft.com/graph/errors
ERRORS: Mapping[str, Class] = {
    "InvalidAuthenticationToken": Fault.AUTH,
    "ErrorAccessDenied": Fault.CONFIG,
    "ErrorSendAsDenied": Fault.CONFIG,
    "MailboxNotEnabledForRESTAPI": Fault.CONFIG,
    "ErrorInvalidUser": Fault.CONFIG,
    "ErrorInvalidRecipients": Fault.TARGET,
    "ErrorMessageSizeExceeded": Fault.PAYLOAD,
    "ApplicationThrottled": LIMITED,
    "MailboxConcurrency": LIMITED,
}


def login(conf: Any) -> ClientCredentials:
    token_url = f"{conf.login_url.rstrip('/')}/{conf.tenant}/oauth2/v2.0/token"
    return ClientCredentials(token_url, conf.client_id, conf.client_secret, conf.scope)
