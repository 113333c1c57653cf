"""What to tell @BotFather, in the order in which it asks: made from the table of commands.

https://core.telegram.org/bots/features#botfather
"""

from collections.abc import Iterable

from bot.telegram_setup import command_rows
from deskbell.vendors.telegram import TelegramConf, Way

_ABOUT = "Rings when a job or ticket goes wrong, and takes the answer."


def telegram_manifest(conf: TelegramConf, name: str = "Deskbell") -> str:
    """Steps for a person, and the list of commands to paste. Deskbell sets that list itself when it starts."""
    steps = list(_steps(conf, name))
    numbered = [f"{number}. {step}" for number, step in enumerate(steps, 1)]
    commands = [f"{word} - {about}" for word, about in command_rows(conf.command)]
    return "\n".join([*numbered, "", "Commands, as /setcommands takes them:", "", *commands, ""])


def _steps(conf: TelegramConf, name: str) -> Iterable[str]:
    yield f"Write to @BotFather in Telegram: /newbot, then the name {name}, then a user name that ends in bot."
    yield "Put the token that it gives you into config.toml: [telegram] token."
    yield f"/setdescription and /setabouttext: {_ABOUT}"
    yield "/setprivacy: leave it on Enable. Deskbell reads commands, replies to it and taps, and nothing else."
    yield "/setjoingroups: Enable, until the bot is in its groups; then Disable, so that nobody else takes it in."
    yield (
        "Invite the bot to each group that is to be a room. Its log then names the number of the group: put that into"
        ' config.toml as the address of a destination with platform = "telegram"; behind a slash the topic of a forum.'
    )
    yield "Whoever may be called writes to the bot once, or presses Start: before that it may not write to them."
    if conf.way is Way.WEBHOOK:
        yield (
            "Telegram calls webhook_url on port 443, 80, 88 or 8443; lead the path /telegram/ to Deskbell's server."
            " Deskbell sets the webhook itself, with webhook_secret in it."
        )
    yield "deskbell check says whether the bot can write to every room."
