"""Made-up credentials of a Deskbell that is measured. They open nothing but the sink on this machine."""

API_TOKEN = "made-up-token-of-the-bench"  # noqa: S105 - made up, on purpose
HOUSE = "a-secret-for-the-bench-only"
SLACK_BOT_TOKEN = "xoxb-bench"  # noqa: S105 - made up, on purpose
SLACK_SIGNING = "signing-secret-of-the-bench"
SLACK_TEAM = "T0BENCH"
SLACK_BOT = "B0BENCH"
SLACK_BOT_USER = "U0BENCH"
TEAMS_APP = "b0700000-0000-4000-8000-00000000de5b"
TEAMS_PASSWORD = "made-up-password-of-the-bench"  # noqa: S105 - made up, on purpose
TEAMS_TENANT = "7e000000-0000-4000-8000-0000000000aa"
TELEGRAM_TOKEN = "7000000:made-up-token-of-the-bench"  # noqa: S105 - made up, on purpose
TELEGRAM_HOOK = "made-up-secret-of-the-bench"
SOURCE_HOOK = "made-up-hook-of-the-bench"
DISCORD_TOKEN = "bench.discord.token"  # noqa: S105 - made up, on purpose
DISCORD_APP = "900000000000009900"
DISCORD_GUILD = "900000000000009000"
# The public half of an Ed25519 pair of which nobody has kept the other: no tap of Discord comes in here.
DISCORD_KEY = "309ecfc805ccc48e160b896d7ac255c0084f41e016786a719cd11cca3df1ecda"
