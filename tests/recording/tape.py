"""A tour through a source on tape: what it asks and is answered (a vcrpy cassette), and what it makes of that.

It stands with the tests, and not in the program: it writes into them, and vcrpy is needed by nobody who runs Deskbell.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import vcr
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from vcr.persisters.filesystem import CassetteNotFoundError

from deskbell.config.strict import adapter
from deskbell.core import records
from pollers import catalog

FOLDER = Path(__file__).parents[1] / "pollers" / "cassettes"
PRIVATE_KEY = "a private key"  # stands for one; a new one signs at replay, and nobody looks at its signature
FILES = ("token_file", "kept_in")  # settings that name a file on the machine
PAGES = 3


# ---------------------------------------------------------------- the tour


async def tour(source: Any, pages: int = PAGES) -> dict[str, Any]:
    """All that a tape holds: a first poll of some pages; where that was all, a second one; one record by its id."""
    first, cursor = await _poll(source, {}, pages)
    told: dict[str, Any] = {"first": first}
    if first["complete"]:
        told["second"], _ = await _poll(source, cursor, pages)
    if first["records"]:
        found = await source.fetch(first["records"][0]["id"])
        told["fetched"] = None if found is None else records.to_data(found)
    return told


async def _poll(source: Any, cursor: Mapping[str, Any], pages: int) -> tuple[dict[str, Any], Mapping[str, Any]]:
    poll: dict[str, Any] = {"pages": 0, "complete": False, "records": [], "gone": [], "bad": [], "unmapped": []}
    async with contextlib.aclosing(source.changes(json.loads(json.dumps(cursor)))) as read:
        async for page in read:
            cursor = page.cursor or cursor
            poll["pages"] += 1
            poll["complete"] = page.complete
            poll["records"] += [records.to_data(one) for one in page.records]
            poll["gone"] += page.gone
            poll["bad"] += [bad.error for bad in page.bad]
            poll["unmapped"] += [list(word) for word in page.unmapped]
            if poll["pages"] >= pages:
                break
    return json.loads(json.dumps(poll)), cursor


@contextlib.asynccontextmanager
async def opened(kind: str, conf: Any, now: datetime) -> AsyncIterator[Any]:
    """The source, at a moment that stands still."""
    source = catalog.KINDS[kind].load()(conf, now=lambda: now)
    try:
        yield source
    finally:
        await source.close()


# ---------------------------------------------------------------- its configuration, as it stands beside the tape


def plain(conf: Any) -> dict[str, Any]:
    """A configuration as JSON has it."""
    return json.loads(adapter(type(conf)).dump_json(conf))


def configured(kind: str, data: Mapping[str, Any], folder: Path) -> Any:
    """And back, fit to be replayed: with a key that can sign, and files of its own."""
    cls = catalog.KINDS[kind].load_conf()
    conf = adapter(cls).validate_json(json.dumps(_ready(data, folder)))
    return unhurried(conf)


def unhurried(conf: Any) -> Any:
    """Without pauses between requests: nobody is there who minds."""
    return replace(conf, search_pause=timedelta()) if hasattr(conf, "search_pause") else conf


def _ready(data: Any, folder: Path) -> Any:
    if isinstance(data, Mapping):
        return {
            name: str(folder / name) if name in FILES and value else _ready(value, folder)
            for name, value in data.items()
        }
    if isinstance(data, list):
        return [_ready(one, folder) for one in data]
    return _new_key() if data == PRIVATE_KEY else data


def _new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()).decode()


def secrets_of(conf: Any) -> Iterator[tuple[str, str]]:
    """(name, value) of every setting that must not be shown, also in the tables inside."""
    for one in fields(conf):
        value = getattr(conf, one.name)
        inner = value.values() if isinstance(value, Mapping) else (value,)
        if not one.repr and isinstance(value, str) and value:
            yield one.name, value
        for table in inner:
            if is_dataclass(table) and not isinstance(table, type):
                yield from secrets_of(table)


# ---------------------------------------------------------------- on tape and back


class Nowhere:
    """Where a tape is kept while it is recorded: what came over the wire is on no disk before it is scrubbed."""

    @staticmethod
    def load_cassette(_path: Any, **_how: Any) -> Any:
        raise CassetteNotFoundError

    @staticmethod
    def save_cassette(_path: Any, _data: Any, **_how: Any) -> None:
        return


@dataclass(frozen=True, slots=True)
class Take:
    """One request and its answer, as vcrpy writes them."""

    request: dict[str, Any]
    response: dict[str, Any]


@contextlib.contextmanager
def recording() -> Iterator[list[Take]]:
    """Everything that is asked meanwhile."""
    recorder = vcr.VCR(record_mode="all", decode_compressed_response=True)
    recorder.register_persister(Nowhere)
    takes: list[Take] = []
    with recorder.use_cassette("nowhere") as cassette:
        yield takes
        for request, response in cassette.data:
            takes.append(Take(request._to_dict(), response))


def said(one: Any, other: Any) -> None:
    """Bodies alike; what is said for a token is not looked at, since it holds secrets and times."""
    if not _for_token(one) and _body(one) != _body(other):
        raise AssertionError("the bodies differ")


def _body(request: Any) -> Any:
    text = request.body or b""
    try:
        return json.loads(text)
    except ValueError:
        return text if isinstance(text, bytes) else text.encode()


def _for_token(request: Any) -> bool:
    text = request.body or b""
    return b"grant_type" in (text if isinstance(text, bytes) else text.encode())


_PLACE = ("method", "scheme", "host", "port", "path")


def player(*match_on: str) -> Any:
    """Plays each answer once, in its order; whatever is not on the tape fails, and nothing reaches the network."""
    made = vcr.VCR(record_mode="none", match_on=match_on)
    made.register_matcher("said", said)
    return made


async def replay(tape: Path, folder: Path) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """(what the golden file beside it says, what the source makes of the tape, what of it was not asked for)."""
    golden = _golden(tape)
    with player(*_PLACE, "query", "said").use_cassette(str(tape)) as cassette:
        told = await _played(golden, folder)
    left = [f"{r.method} {r.uri}" for n, r in enumerate(cassette.requests) if not cassette.play_counts[n]]
    return golden["tour"], told, left


async def rehearse(tape: Path, folder: Path) -> list[Take]:
    """What the source asks when it is given these answers, one after the other at each place."""
    takes: list[Take] = []
    with player(*_PLACE).use_cassette(str(tape)) as cassette:
        play = cassette.play_response

        def noted(request: Any) -> Any:
            response = play(request)
            takes.append(Take(request._to_dict(), response))
            return response

        cassette.play_response = noted
        await _played(_golden(tape), folder)
    return takes


def _golden(tape: Path) -> dict[str, Any]:
    return json.loads(tape.with_suffix(".json").read_text(encoding="utf-8"))


async def _played(golden: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    conf, now = configured(golden["kind"], golden["conf"], folder), datetime.fromisoformat(golden["now"])
    async with opened(golden["kind"], conf, now) as source:
        return await tour(source, golden["at_most"])


# ---------------------------------------------------------------- as a file that people read


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.splitlines() == text.rstrip("\n").split("\n")  # other ends of lines would be read as this one
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if lines and "\n" in text else None)


_Dumper.add_representer(str, _text)


def written(takes: list[Take], about: str) -> str:
    """The cassette, with what it is in the first lines."""
    interactions = [{"request": take.request, "response": take.response} for take in takes]
    head = "".join(f"# {line}\n" for line in about.splitlines())
    data = {"version": 1, "interactions": interactions}
    return head + yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
