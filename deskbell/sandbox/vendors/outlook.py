"""Microsoft Graph's sendMail: https://learn.microsoft.com/graph/api/user-sendmail"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Login, Vendor, Way, dig

TENANT, SENDER = "7e000000-0000-4000-8000-0000000000aa", "desk@example.org"
APP = {"client_id": "sandbox-mail-app", "client_secret": "sandbox-mail-app-secret"}
SCOPE = "https://graph.microsoft.com/.default"
STATUS = {"InvalidAuthenticationToken": 401, "ErrorAccessDenied": 403, "ErrorSendAsDenied": 403}
STATUS |= {"ApplicationThrottled": 429, "MailboxConcurrency": 429, "MailboxNotEnabledForRESTAPI": 404}
MOST = 4 * 1024 * 1024  # bytes of a request
HEADERS = 5  # of its own, all of them beginning with x-


def wrong(asked: Asked) -> str:
    if asked.parts["user"] != SENDER:
        return "MailboxNotEnabledForRESTAPI"
    if len(asked.body.encode()) > MOST:
        return "ErrorMessageSizeExceeded"
    headers = dig(asked.fields, "message.internetMessageHeaders") or []
    if len(headers) > HEADERS or any(not row["name"].lower().startswith("x-") for row in headers):
        return "InvalidInternetMessageHeader"
    to = str(dig(asked.fields, "message.toRecipients.0.emailAddress.address"))
    return "" if "@" in to else "ErrorInvalidRecipients"


def error(code: str) -> Answer:
    inner = {"request-id": "r", "client-request-id": "r"}
    return STATUS.get(code, 400), {"error": {"code": code, "message": "made to fail", "innerError": inner}}


VENDOR = Vendor(
    name="outlook",
    conf={"tenant": TENANT, "sender": SENDER, "login_url": "{base}"} | APP,
    address="duty@example.org",
    login=Login(f"/{TENANT}/oauth2/v2.0/token", APP | {"grant_type": "client_credentials", "scope": SCOPE}),
    unauthorised=error("InvalidAuthenticationToken"),
    ways=(
        Way(
            "send",
            "POST",
            "/v1.0/users/{user}/sendMail",
            lambda _asked: "",
            202,
            needs=("message.subject", "message.body.content", "message.toRecipients.0.emailAddress.address"),
            most={"message.subject": 255},
            html=("message.body.content",),
            refuses=wrong,
        ),
    ),
    error=error,
    limits=((429, {"Retry-After": "7"}, error("ApplicationThrottled")[1]),),
)
