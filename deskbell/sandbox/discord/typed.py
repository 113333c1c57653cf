"""A typed line as Discord's client turns it into a command with its options: by name, or in their order."""

import re
from collections.abc import Mapping, Sequence

from deskbell.sandbox.chat import Refused
from deskbell.sandbox.discord.registered import INTEGER, SUB_COMMAND
from deskbell.sandbox.web import Json

FREE_TEXT = 500  # an option that takes as much as this takes all the rest of a line
_NAMED = re.compile(r"(?<!\S)([a-z_]{1,32})[:=](\"[^\"]*\"|\S+)")


def read(commands: Sequence[Json], text: str) -> tuple[Json, list[Json]]:
    """The command, and the data of its options. Raises Refused where the client would not let it be sent."""
    word, _, rest = text.strip().removeprefix("/").partition(" ")
    command = next((one for one in commands if one["name"] == word), None)
    if command is None:
        raise Refused(f"/{word} is no command here; there are {[one['name'] for one in commands]}")
    inner = [one for one in command.get("options") or () if one["type"] == SUB_COMMAND]
    if not inner:
        return command, fill(command.get("options") or [], rest)
    verb, _, rest = rest.strip().partition(" ")
    sub = next((one for one in inner if one["name"] == verb), None)
    if sub is None:
        raise Refused(f"/{word} {verb} is no command here; there are {[one['name'] for one in inner]}")
    return command, [{"type": SUB_COMMAND, "name": verb, "options": fill(sub.get("options") or [], rest)}]


def fill(options: Sequence[Json], text: str) -> list[Json]:
    known = {option["name"]: option for option in options}
    given: dict[str, str] = {}
    for match in list(_NAMED.finditer(text)):
        if match[1] in known:
            given[match[1]] = match[2].strip('"')
            text = text.replace(match[0], " ", 1)
    words = text.split()
    for option in options:
        if option.get("choices") and option["name"] not in given and words:
            chosen = next(
                (c["value"] for c in option["choices"] if str(c["value"]).casefold() == words[0].casefold()), None
            )
            if chosen is not None:
                given[option["name"]] = chosen
                words = words[1:]
    for option in options:
        if option.get("choices") or option["name"] in given or not words:
            continue
        count = len(words) if option.get("max_length", 0) >= FREE_TEXT or option is options[-1] else 1
        given[option["name"]], words = " ".join(words[:count]), words[count:]
    missing = [option["name"] for option in options if option.get("required") and option["name"] not in given]
    if missing or words:
        raise Refused(f"the client wants {missing}" if missing else f"there is no place for {' '.join(words)!r}")
    return [value(known[name], text) for name, text in given.items()]


def value(option: Json, text: str) -> Json:
    if option.get("choices") and text not in [choice["value"] for choice in option["choices"]]:
        raise Refused(f"{text!r} is not on offer in {option['name']}")
    if len(text) > option.get("max_length", 6000):
        raise Refused(f"{option['name']} takes {option['max_length']} characters")
    try:
        told: str | int = int(text) if option["type"] == INTEGER else text
    except ValueError:
        raise Refused(f"{option['name']} takes a number") from None
    return {"name": option["name"], "type": option["type"], "value": told}


def fields(components: Sequence[Json], typed: Mapping[str, str | list[str]]) -> list[Json]:
    """A form as it is sent in: each field by its custom_id, text or what was chosen."""
    sent = []
    for number, part in enumerate(components, 1):
        inner = part.get("component") or part["components"][0]
        given = typed.get(inner["custom_id"], [] if "options" in inner else "")
        if inner.get("required", True) and not given:
            raise Refused(f"{part.get('label') or inner['custom_id']} must be filled in")
        if isinstance(given, str) and len(given) > inner.get("max_length", 4000):
            raise Refused(f"{inner['custom_id']} takes {inner['max_length']} characters")
        told = {"values": given} if isinstance(given, list) else {"value": given}
        body = {"type": inner["type"], "id": number * 10, "custom_id": inner["custom_id"], **told}
        wrapped = {"component": body} if "component" in part else {"components": [body]}
        sent.append({"type": part["type"], "id": number, **wrapped})
    return sent
