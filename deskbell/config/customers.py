"""[customers]: what customers are told, by which channels, and what else has to be there for it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deskbell.config.channels import ChannelSetting
from deskbell.config.strict import Reading, unknown
from deskbell.core.customer import Medium, read_quiet
from deskbell.core.letters import LETTERS, CustomersConf
from deskbell.core.ports import CUSTOMERS, Destination
from deskbell.desk.house import House
from deskbell.faces.letter import LANGUAGES, LetterError, Letters

CHATS = ("telegram",)  # the chats in which customers may be


def with_customers(
    reading: Reading, house: House, data: object, channels: Mapping[str, ChannelSetting], chats: Mapping[str, Any]
) -> House:
    """The house that tells its customers; as it was where there is no such section, or something is wrong with it."""
    conf = reading.table(CustomersConf, data, "customers")
    if conf is None:
        return house
    before = len(reading.problems)
    _check(reading, conf, house, channels, chats)
    folder = reading.folder / Path(conf.templates) if conf.templates else None
    try:
        letters = Letters(folder)
    except LetterError as error:
        reading.wrong("customers.templates", str(error))
        return house
    return house if len(reading.problems) > before else replace(house, customers=conf, own_letters=letters)


def _check(
    reading: Reading,
    conf: CustomersConf,
    house: House,
    channels: Mapping[str, ChannelSetting],
    chats: Mapping[str, Any],
) -> None:
    try:
        read_quiet(conf.quiet)
    except ValueError:
        reading.wrong("customers.quiet", 'must be two times of day like "21:00-08:00", or empty')
    if not conf.firm.strip():
        reading.wrong("customers.firm", "is empty; every letter says who writes")
    for name in conf.notices:
        if name not in LETTERS:
            reading.wrong(f"customers.notices.{name}", unknown(name, LETTERS).replace("setting", "letter"))
    for name in conf.sources:
        if name not in house.sources:
            reading.wrong(f"customers.sources.{name}", unknown(name, house.sources).replace("setting", "source"))
    for where, language in (
        ("language", conf.language),
        *((f"sources.{name}.language", one.language) for name, one in conf.sources.items()),
    ):
        if language and language not in LANGUAGES:
            reading.wrong(f"customers.{where}", f"there are no letters in it; there are: {', '.join(LANGUAGES)}")
    for medium, name in conf.channels.items():
        _channel(reading, medium, name, channels, chats)


def _channel(
    reading: Reading, medium: Medium, name: str, channels: Mapping[str, ChannelSetting], chats: Mapping[str, Any]
) -> None:
    where = f"customers.channels.{medium}"
    if medium is Medium.TELEGRAM and name in CHATS and name in chats:
        return
    if name not in channels:
        reading.wrong(where, unknown(name, channels).replace("setting", "channel") + " of [channels]")
    elif channels[name].service.send is None:
        reading.wrong(where, f"{channels[name].service.title} tells nobody anything: it keeps records")


def lanes_of(house: House) -> dict[str, Destination]:
    """The ways to customers, as the courier has them. No route and no bell ever names them."""
    conf = house.customers
    if conf is None:
        return {}
    return {
        CUSTOMERS + medium: Destination(CUSTOMERS + medium, name, "", conf.options.get(medium, {}))
        for medium, name in conf.channels.items()
    }
