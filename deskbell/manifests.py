"""`deskbell manifest ...`: what to give to a chat's own settings pages, made from the table of commands."""

from pathlib import Path
from typing import Any

from deskbell.config import ConfigError, Settings
from deskbell.vendors.chats import CHATS


def slack(settings: Settings, url: str) -> str:
    """The app manifest, as JSON that Slack's page takes. `url`: our public address, for HTTP mode."""
    from bot.manifest import slack_manifest_json
    from deskbell.vendors.slack import SlackConf, Way

    conf = settings.chats.get("slack") or SlackConf(bot_token="", command=settings.general.command)
    if conf.way is Way.HTTP and not url:
        raise ConfigError(
            ['with way = "http" the manifest needs --url https://your.public.address'], str(settings.file)
        )
    return slack_manifest_json(conf, url)


def teams(settings: Settings, url: str, output: Path) -> str:
    """Writes the app package, a zip to upload in Teams; what to do with it."""
    from bot.teams_manifest import teams_package

    conf = _conf(settings, "teams")
    output.write_bytes(teams_package(conf, url or settings.server.public_url))
    return f"Wrote {output}. In Teams: Apps, Manage your apps, Upload an app. Then add it to the team of each channel."


def telegram(settings: Settings) -> str:
    """The steps with @BotFather, and the commands."""
    from bot.telegram_manifest import telegram_manifest

    return telegram_manifest(_conf(settings, "telegram"))


def discord(settings: Settings) -> str:
    """The steps in the Developer Portal, the invitation's address, and the commands."""
    from bot.discord_manifest import discord_manifest

    return discord_manifest(_conf(settings, "discord"))


def _conf(settings: Settings, chat: str) -> Any:
    if chat not in settings.chats:
        raise ConfigError([f"has no [{chat}] section: {CHATS[chat].title} is not configured"], str(settings.file))
    return settings.chats[chat]
