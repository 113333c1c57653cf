"""What Discord takes for a message, part by part; one complaint for each thing that it does not."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from deskbell.sandbox.discord.api import Complaint, DiscordError, invalid
from deskbell.sandbox.discord.components import IS_V2, check_rows, check_v2
from deskbell.sandbox.web import Json

# https://docs.discord.com/developers/resources/message
CONTENT = 2000
EMBEDS = 10
EMBEDS_TOTAL = 6000
FIELDS = 25
NONCE = 25
MENTIONED = 100
_KINDS = ("roles", "users", "everyone")


def size(text: str) -> int:
    """As the strictest client counts: emoji beyond the first plane are two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def too_long(at: str, value: Any, most: int, least: int = 0) -> Iterator[Complaint]:
    if value is None:
        return
    if not isinstance(value, str):
        yield at, "STRING_TYPE_CONVERT", "Could not interpret as string."
    elif size(value) > most:
        yield at, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."
    elif len(value.strip()) < least:
        yield at, "BASE_TYPE_REQUIRED", "This field is required"


def check_message(body: Json, *, editing: Json | None = None) -> None:
    """Raises DiscordError. `editing`: the message as it is; what the body leaves out stays."""
    flags = body.get("flags") or 0
    complaints = list(too_long("content", body.get("content"), CONTENT))
    complaints += check_embeds(body.get("embeds"))
    complaints += check_nonce(body.get("nonce"))
    complaints += check_allowed(body.get("allowed_mentions"))
    if flags & IS_V2:
        complaints += check_v2(body)
    else:
        complaints += check_rows(body.get("components"))
    if complaints:
        raise invalid(complaints)
    merged = (editing or {}) | {key: value for key, value in body.items() if key in ("content", "embeds", "components")}
    if not any((str(merged.get("content") or "").strip(), merged.get("embeds"), merged.get("components"))):
        raise DiscordError(50006)


def check_nonce(nonce: Any) -> Iterator[Complaint]:
    if isinstance(nonce, str):
        yield from too_long("nonce", nonce, NONCE)
    elif nonce is not None and not isinstance(nonce, int):
        yield "nonce", "NONCE_TYPE", "Must be a string or an integer."


def check_allowed(allowed: Any) -> Iterator[Complaint]:
    """https://docs.discord.com/developers/resources/message#allowed-mentions-object."""
    if allowed is None:
        return
    if not isinstance(allowed, dict):
        yield "allowed_mentions", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"
        return
    parse = allowed.get("parse") or []
    for kind in parse:
        if kind not in _KINDS:
            yield "allowed_mentions.parse", "BASE_TYPE_CHOICES", f"Value must be one of {_KINDS}."
    for kind in ("users", "roles"):
        given = allowed.get(kind) or []
        if given and kind in parse:
            yield f"allowed_mentions.{kind}", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", f'parse:["{kind}"] and {kind}'
        if len(given) > MENTIONED:
            yield f"allowed_mentions.{kind}", "BASE_TYPE_MAX_LENGTH", f"Must be {MENTIONED} or fewer in length."
        if len(set(map(str, given))) != len(given):
            yield f"allowed_mentions.{kind}", "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value"
        if not all(isinstance(one, str) and one.isdigit() for one in given):
            yield f"allowed_mentions.{kind}", "NUMBER_TYPE_COERCE", "Value is not snowflake."


# ---------------------------------------------------------------- embeds

_EMBED_TEXTS = {"title": 256, "description": 4096}
_NESTED = {"footer": ("text", 2048), "author": ("name", 256)}


def check_embeds(embeds: Any) -> Iterator[Complaint]:
    if embeds is None:
        return
    if not isinstance(embeds, list) or len(embeds) > EMBEDS:
        yield "embeds", "BASE_TYPE_MAX_LENGTH", f"Must be {EMBEDS} or fewer in length."
        return
    for number, embed in enumerate(embeds):
        yield from _check_embed(f"embeds.{number}", embed)
    if sum(size(text) for embed in embeds for text in embed_texts(embed)) > EMBEDS_TOTAL:
        yield "embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBEDS_TOTAL}"


def _check_embed(at: str, embed: Mapping[str, Any]) -> Iterator[Complaint]:
    for name, most in _EMBED_TEXTS.items():
        yield from too_long(f"{at}.{name}", embed.get(name), most)
    for name, (inner, most) in _NESTED.items():
        if name in embed:
            yield from too_long(f"{at}.{name}.{inner}", embed[name].get(inner, ""), most, 1)
    if (colour := embed.get("color")) is not None and not 0 <= colour <= 0xFFFFFF:
        yield f"{at}.color", "NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215."
    if embed.get("url") and urlsplit(embed["url"]).scheme not in ("http", "https"):
        yield f"{at}.url", "URL_TYPE_INVALID_SCHEME", 'Scheme must be one of ("http", "https").'
    fields = embed.get("fields") or []
    if len(fields) > FIELDS:
        yield f"{at}.fields", "BASE_TYPE_MAX_LENGTH", f"Must be {FIELDS} or fewer in length."
    for number, field in enumerate(fields):
        yield from too_long(f"{at}.fields.{number}.name", field.get("name", ""), 256, 1)
        yield from too_long(f"{at}.fields.{number}.value", field.get("value", ""), 1024, 1)
    if not any(embed_texts(embed)) and not embed.get("image"):
        yield at, "BASE_TYPE_REQUIRED", "This field is required"


def embed_texts(embed: Mapping[str, Any]) -> list[str]:
    """Everything in an embed that people can read, in the order in which they read it."""
    texts = [(embed.get("author") or {}).get("name"), embed.get("title"), embed.get("description")]
    for field in embed.get("fields") or []:
        texts += [field.get("name"), field.get("value")]
    texts.append((embed.get("footer") or {}).get("text"))
    return [str(text) for text in texts if text]
