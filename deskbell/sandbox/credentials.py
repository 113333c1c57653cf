"""The made-up credentials of the stand-ins, in one place. They open nothing but the loopback server."""

SLACK_BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - made up, on purpose
SLACK_APP_TOKEN = "xapp-sandbox"  # noqa: S105 - made up, on purpose
SLACK_SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - made up, on purpose
SLACK_TEAM = "T0SANDBOX"
SLACK_APP = "A0SANDBOX"
SLACK_BOT = "B0DESKBELL"
SLACK_BOT_USER = "U0DESKBELL"

FRESHDESK_KEY = "sandbox-freshdesk-key"
SERVICENOW_USER = "deskbell"
SERVICENOW_PASSWORD = "sandbox-servicenow"  # noqa: S105 - made up, on purpose
SERVICENOW_CLIENT_ID = "sandbox-client"
SERVICENOW_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - made up, on purpose
FIELDSERVICE_TOKEN = "sandbox-fieldservice"  # noqa: S105 - made up, on purpose


def listing(url: str) -> dict[str, dict[str, str]]:
    """What a configuration needs to reach the stand-ins, for GET /_sandbox/credentials."""
    return {
        "slack": {
            "base_url": f"{url}/slack/api/",
            "bot_token": SLACK_BOT_TOKEN,
            "app_token": SLACK_APP_TOKEN,
            "signing_secret": SLACK_SIGNING_SECRET,
            "team": SLACK_TEAM,
        },
        "freshdesk": {"base_url": f"{url}/freshdesk/api/v2", "key": FRESHDESK_KEY, "password": "X"},
        "servicenow": {
            "base_url": f"{url}/servicenow",
            "user": SERVICENOW_USER,
            "password": SERVICENOW_PASSWORD,
            "client_id": SERVICENOW_CLIENT_ID,
            "client_secret": SERVICENOW_CLIENT_SECRET,
        },
        "fieldservice": {"base_url": f"{url}/fieldservice/api", "token": FIELDSERVICE_TOKEN},
        "pager": {"url": f"{url}/pager/oncall"},
    }
