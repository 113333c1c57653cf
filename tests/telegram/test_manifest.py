"""The steps for @BotFather and the commands, from the one table."""

import re
from dataclasses import replace

from bot.grammar import COMMANDS
from bot.telegram_manifest import telegram_manifest
from bot.telegram_setup import command_rows
from deskbell.vendors.telegram import TelegramConf, Way

CONF = TelegramConf(token="7000000:secret-of-the-test")


def test_every_command_is_listed_as_botfather_takes_it():
    text = telegram_manifest(CONF)

    lines = dict(
        line.split(" - ", 1) for line in text.splitlines() if re.fullmatch(r"[a-z0-9_]{1,32} - .{1,256}", line)
    )
    assert set(lines) == {spec.verb for spec in COMMANDS if not spec.hidden} | {"desk"}
    assert lines["ack"] == "say that you look after it ALERT"


def test_the_steps_are_numbered_and_hold_no_secret():
    text = telegram_manifest(CONF)

    assert text.startswith("1. Write to @BotFather")
    assert "secret-of-the-test" not in text
    assert "webhook_url" not in text
    assert "webhook_url" in telegram_manifest(replace(CONF, way=Way.WEBHOOK, webhook_secret="never shown at all"))
    assert "never shown" not in telegram_manifest(replace(CONF, way=Way.WEBHOOK, webhook_secret="never shown at all"))


def test_the_menu_fits_telegrams_limits():
    rows = command_rows("/desk")

    assert len(rows) <= 100
    for name, about in rows:
        assert re.fullmatch(r"[a-z0-9_]{1,32}", name)
        assert 1 <= len(about) <= 256
