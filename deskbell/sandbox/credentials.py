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
BILLING_TOKEN = "sandbox-billing"  # noqa: S105 - made up, on purpose
ZENDESK_USER = "deskbell@example.org"
ZENDESK_CLIENT_ID = "sandbox-zendesk-client"
ZENDESK_CLIENT_SECRET = "sandbox-zendesk-secret"  # noqa: S105 - made up, on purpose
ZENDESK_TOKEN = "sandbox-zendesk-token"  # noqa: S105 - made up, on purpose
HUBSPOT_TOKEN = "sandbox-hubspot-token"  # noqa: S105 - made up, on purpose
ZOHO_CLIENT_ID = "1000.SANDBOX"
ZOHO_CLIENT_SECRET = "sandbox-zoho-secret"  # noqa: S105 - made up, on purpose
ZOHO_REFRESH_TOKEN = "1000.sandbox-zoho-refresh"  # noqa: S105 - made up, on purpose
INTERCOM_TOKEN = "sandbox-intercom-token"  # noqa: S105 - made up, on purpose
PIPEDRIVE_TOKEN = "sandbox-pipedrive-token"  # noqa: S105 - made up, on purpose
SALESFORCE_CLIENT_ID = "sandbox-salesforce-client"
SALESFORCE_CLIENT_SECRET = "sandbox-salesforce-secret"  # noqa: S105 - made up, on purpose
FEED_SECRET = "sandbox-secret-address"  # noqa: S105 - made up, on purpose
# One client for every system that wants OAuth, and a token that no stand-in gives.
OAUTH_CLIENT = "sandbox-oauth-client"
OAUTH_SECRET = "sandbox-oauth-secret"  # noqa: S105 - made up, on purpose
OAUTH_REFRESH = "sandbox-refresh-0"
SERVICETITAN_APP = "ak1.sandbox"
SERVICETITAN_TENANT = "1000017"
BAMBOOHR_KEY = "sandbox-bamboohr-key"

TEAMS_APP = "b0700000-0000-4000-8000-00000000de5b"
TEAMS_SECRET = "sandbox-teams-secret"  # noqa: S105 - made up, on purpose
TEAMS_TENANT = "7e000000-0000-4000-8000-0000000000aa"
TEAMS_TEAM = "19:team@thread.tacv2"
TEAMS_ROOMS = {name: f"19:{name}@thread.tacv2" for name in ("dispatch", "support", "accounts")}

TELEGRAM_TOKEN = "7000000:sandbox-telegram-token"  # noqa: S105 - made up, on purpose
TELEGRAM_BOT = "deskbell_bot"
# The second is a topic of a forum.
TELEGRAM_ROOMS = {"dispatch": "-1001000000001", "support": "-1001000000002/5", "accounts": "-1001000000003"}

DISCORD_TOKEN = "sandbox.discord.token"  # noqa: S105 - made up, on purpose
DISCORD_APP = "900000000000009900"
DISCORD_GUILD = "900000000000009000"
DISCORD_ROOMS = {
    "dispatch": "900000000000009001",
    "support": "900000000000009002",
    "accounts": "900000000000009003",
}
DISCORD_ONCALL_ROLE = "900000000000009101"
# A made-up Ed25519 key pair, for the interactions endpoint: the seed, from which the public key follows.
DISCORD_SEED = "5eed" * 16


def listing(url: str) -> dict[str, dict[str, str]]:
    """What a configuration needs to reach the stand-ins, for GET /_sandbox/credentials."""
    client = {"client_id": OAUTH_CLIENT, "client_secret": OAUTH_SECRET}
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
        "billing": {"base_url": f"{url}/billing/api", "token": BILLING_TOKEN},
        "pager": {"url": f"{url}/pager/oncall"},
        "servicetitan": {
            "base_url": f"{url}/servicetitan",
            "token_url": f"{url}/servicetitan/connect/token",
            "tenant": SERVICETITAN_TENANT,
            "app_key": SERVICETITAN_APP,
            **client,
        },
        "dynamics": {"base_url": f"{url}/dynamics", "login_url": f"{url}/dynamics", "tenant": TEAMS_TENANT, **client},
        "jobber": {
            "base_url": f"{url}/jobber",
            "token_url": f"{url}/jobber/api/oauth/token",
            "refresh_token": OAUTH_REFRESH,
            **client,
        },
        "google_calendar": {
            "base_url": f"{url}/google_calendar",
            "token_url": f"{url}/google_calendar/token",
            "refresh_token": OAUTH_REFRESH,
            **client,
        },
        "graph_calendar": {
            "base_url": f"{url}/graph_calendar/v1.0",
            "login_url": f"{url}/graph_calendar",
            "tenant": TEAMS_TENANT,
            **client,
        },
        "bamboohr": {"base_url": f"{url}/bamboohr", "key": BAMBOOHR_KEY},
        "ical": {"url": f"{url}/feeds/{FEED_SECRET}/marco.ics"},
    }
