"""Records a tour through a source of yours for the tests: `make record SOURCE=freshdesk CONFIG=my.toml`.

Nothing is written to the source; a few pages and one record are read. Secrets, hosts and people are masked before
anything is on disk, and what is known and still stands there stops it. Read what was written before you commit it.
"""

import argparse
import asyncio
import contextlib
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vcr.errors import CannotOverwriteExistingCassetteException

from deskbell.catalogue import SANDBOX
from deskbell.config import ConfigError, load
from deskbell.core.ports import SourceError
from deskbell.sandbox import samples
from deskbell.sandbox.server import Sandbox
from pollers import catalog
from tests.recording import tape
from tests.recording.masks import HIDDEN, Masks
from tests.recording.scrub import Leak, Scrubber
from tests.recording.tape import Take

# Fields of ours whose texts are a system's words; an expression that a configuration gives them says where these stand.
_WORDS = frozenset({"id", "number", "status", "priority", "zone", "currency", "plan", "account_id", "job", "group_id"})
_ADDRESS = re.compile(r"(?:https?|webcal)://")
_STILL = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # when stand-ins are recorded


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be recorded. `prefix`: a part of the paths that only stand-ins have."""

    kind: str
    name: str
    conf: Any
    now: datetime
    about: str
    pages: int = tape.PAGES
    keep: frozenset[str] = frozenset()
    folder: Path = tape.FOLDER
    prefix: str = ""

    @property
    def file(self) -> Path:
        return self.folder / self.kind / f"{self.name}.yaml"


async def record(order: Order) -> dict[str, Any]:
    """Writes the cassette and what it is to give. Raises Leak, and writes nothing, when anything known stands in it."""
    conf = tape.unhurried(_renamed(replace(order.conf, name=order.kind, title=catalog.KINDS[order.kind].title)))
    with tape.recording() as takes:
        async with tape.opened(order.kind, conf, order.now) as source:
            seen = await tape.tour(source, order.pages)
    scrubber = _scrubber(order, conf)
    clean = scrubber.takes(takes)
    data = scrubber.conf(_without_secrets(tape.plain(conf), conf))
    golden = {"kind": order.kind, "now": order.now.isoformat(), "at_most": order.pages, "conf": data, "tour": {}}
    try:
        clean, golden["tour"] = await _rehearsed(order, scrubber, clean, golden)
    except CannotOverwriteExistingCassetteException as error:
        raise Changed(f"masked, it asks for something else: {error.failed_request.uri}") from error
    _compare(seen, golden["tour"])
    cassette = tape.written(clean, order.about)
    for text in (cassette, json.dumps(golden, ensure_ascii=False)):
        scrubber.search(text)
    order.file.parent.mkdir(parents=True, exist_ok=True)
    _write(order.file, cassette, golden)
    return {"requests": len(clean), "records": len(golden["tour"]["first"]["records"]), "file": str(order.file)}


async def _rehearsed(
    order: Order, scrubber: Scrubber, masked: list[Take], golden: Mapping[str, Any]
) -> tuple[list[Take], dict[str, Any]]:
    """What stands on the tape is asked by a source that has seen masked answers alone; and what it makes of them."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.yaml"
        _write(draft, tape.written(masked, order.about), golden)
        clean = scrubber.asked_anew(await tape.rehearse(draft, Path(folder)))
        if len(clean) != len(masked):
            raise Changed(f"masked, it asks {len(clean)} times instead of {len(masked)}")
        _write(draft, tape.written(clean, order.about), golden)
        _, told, _ = await tape.replay(draft, Path(folder))
    return clean, told


def _write(file: Path, cassette: str, golden: Mapping[str, Any]) -> None:
    file.write_text(cassette, encoding="utf-8")
    file.with_suffix(".json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class Changed(Exception):
    """The masks hide something that the source goes by."""


def _compare(seen: Mapping[str, Any], masked: Mapping[str, Any]) -> None:
    """A masked tape must give as many records, of the same statuses and times, as the source itself did."""
    for part in ("first", "second"):
        for old, new in zip(_skeleton(seen, part), _skeleton(masked, part), strict=True):
            for name, value in old.items():
                if new.get(name) != value:
                    raise Changed(f"masked, the {name} of a record reads {new.get(name)!r} instead of {value!r}")


def _skeleton(told: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    """Of each record what no mask may change."""
    rows = told.get(part, {}).get("records", [])
    return [
        {name: value for name, value in row.items() if name in _WORDS or name.endswith(("_at", "start", "end", "_on"))}
        for row in rows
    ]


# ---------------------------------------------------------------- what is known of the account


def _scrubber(order: Order, conf: Any) -> Scrubber:
    places = _places(order, conf)
    usual = {urlsplit(str(one.default)).hostname for one in fields(type(conf)) if "://" in str(one.default)}
    hosts = {host for url in _urls(conf) if (host := urlsplit(url).hostname) and host not in usual}
    number = getattr(conf, "number", "")
    words = frozenset(_words_of(tape.plain(conf))) - {value for _, value in tape.secrets_of(conf)}
    masks = Masks(words, re.compile(number) if number else None)
    return Scrubber(places, list(tape.secrets_of(conf)), masks, order.keep | _mapped(conf), frozenset(hosts))


def _places(order: Order, conf: Any) -> dict[str, str]:
    """Each address of the account, and one of nobody's. Of an address that is a secret nothing stays."""
    out: dict[str, str] = {}
    secret = {value for _, value in tape.secrets_of(conf)}
    for url in _urls(conf):
        parts = urlsplit(url.replace("webcal://", "https://"))
        path = order.prefix if order.prefix and parts.path.startswith(order.prefix) else ""
        number = f"-{len(out) + 1}" if out else ""
        host = f"https://{order.kind.replace('_', '-')}{number}.example"
        if url in secret:
            out |= dict.fromkeys((url, parts.geturl()), f"{host}/secret")
        else:
            out.setdefault(f"{parts.scheme}://{parts.netloc}{path}", host)
    return dict(sorted(out.items(), key=lambda pair: -len(pair[0])))


def _urls(conf: Any) -> Iterator[str]:
    for one in fields(conf):
        value = getattr(conf, one.name)
        inner = value.values() if isinstance(value, Mapping) else (value,)
        for item in inner:
            if isinstance(item, str) and _ADDRESS.match(item):
                yield item
            elif is_dataclass(item) and not isinstance(item, type):
                yield from _urls(item)


def _words_of(data: Any) -> Iterator[str]:
    """The words that a configuration maps: those of its tables `..._map`, `teams`, and lists of tags."""
    for name, value in data.items():
        if isinstance(value, Mapping) and (name.endswith("_map") or name == "teams"):
            yield from (str(word) for pair in value.items() for word in pair)
        elif isinstance(value, list) and name.endswith("tags"):
            yield from map(str, value)


def _mapped(conf: Any) -> frozenset[str]:
    """The vendor's names of the fields that hold words, as the expressions of a description have them."""
    described = conf.described().fields if hasattr(conf, "described") else getattr(conf, "fields", {})
    texts = [text for ours, text in described.items() if ours in _WORDS]
    return frozenset(name for text in texts for name in re.findall(r"\w+", text)[-1:] if name not in {"name", "value"})


def _renamed(conf: Any) -> Any:
    """Calendars and feeds are often named for people, and their names go into ids: they are numbered instead."""
    for name in ("calendars", "feeds"):
        if isinstance(tables := getattr(conf, name, None), Mapping):
            conf = replace(conf, **{name: {f"c{n}": table for n, table in enumerate(tables.values(), 1)}})
    return conf


def _without_secrets(data: dict[str, Any], conf: Any) -> dict[str, Any]:
    secrets = {value for _, value in tape.secrets_of(conf)}

    def clean(name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: clean(key, inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [clean(name, inner) for inner in value]
        if name == "private_key" and value:
            return tape.PRIVATE_KEY
        if isinstance(value, str) and _ADDRESS.match(value):
            return value  # a secret one too: another one stands for it
        if name in tape.FILES and value:
            return name
        return HIDDEN if value in secrets and isinstance(value, str) else value

    return {name: clean(name, value) for name, value in data.items()}


# ---------------------------------------------------------------- yours, or a stand-in


async def of_account(config: Path, name: str, pages: int, keep: frozenset[str], folder: Path) -> dict[str, Any]:
    """Records a source of a configuration. Raises ConfigError when there is none of that name."""
    settings = load(config)
    if name not in settings.sources:
        raise ConfigError([f"there is no source {name!r}; there are: {', '.join(settings.sources)}"], str(config))
    setting = settings.sources[name]
    if setting.kind == "sql":
        raise ConfigError([f"{name} is a database: it speaks no HTTP, and there is nothing to record"], str(config))
    if name == "synthetic" or not re.fullmatch(r"\w[\w-]*", name):
        raise ConfigError([f"{name!r} can't be the name of a recording: call the source something else"], str(config))
    now = datetime.now(UTC).replace(microsecond=0)
    about = f"recorded from a live account on {now:%d %B %Y}: secrets, hosts and people are masked"
    return await record(Order(setting.kind, name, setting.conf, now, about, pages, keep, folder))


async def of_stand_ins(kind: str, folder: Path = tape.FOLDER) -> list[dict[str, Any]]:
    """Records every source of that kind in the sandbox's own configuration; the first one is called `synthetic`."""
    settings = load(SANDBOX, {})
    names = [name for name, setting in settings.sources.items() if setting.kind == kind]
    return [
        await _of_stand_in(name, "_".join(["synthetic", name][: 1 + (n > 0)]), folder) for n, name in enumerate(names)
    ]


async def _of_stand_in(source: str, name: str, folder: Path) -> dict[str, Any]:
    """In pages of two, at a moment that stands still."""
    async with still() as sandbox:
        settings = load(SANDBOX, {"DESKBELL_SANDBOX": sandbox.url, "DESKBELL_DATA": tempfile.mkdtemp()})
        setting = settings.sources[source]
        kind = setting.kind
        conf = replace(setting.conf, page_size=2) if hasattr(setting.conf, "page_size") else setting.conf
        about = f"synthetic: recorded from the sandbox, whose stand-in is made after\n{catalog.KINDS[kind].docs}\n"
        about += "No live account was used. Written by tests/recording; see CONTRIBUTING.md."
        prefix = next((f"/{part}" for url in _urls(conf) for part in urlsplit(url).path.split("/")[1:2]), "")
        return await record(Order(kind, name, conf, _STILL, about, folder=folder, prefix=prefix))


@contextlib.asynccontextmanager
async def still() -> AsyncIterator[Sandbox]:
    """Stand-ins with a few records, whose time does not pass."""
    sandbox = Sandbox()
    sandbox.clock.time = _STILL.timestamp  # type: ignore[method-assign]
    async with sandbox:
        for stand in (sandbox.sources | sandbox.others).values():
            stand.no_limits()
            stand.dated = True
        samples.lay(sandbox)
        yield sandbox


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make record", description=__doc__)
    parser.add_argument("source", help="its name in the configuration; with --stand-in the kind, or `all`")
    parser.add_argument("--config", type=Path, default=Path("config.toml"))
    parser.add_argument("--pages", type=int, default=tape.PAGES, help="how many pages of a poll, at most")
    parser.add_argument("--keep", default="", help="fields that hold words of the system, with commas between")
    parser.add_argument("--output", type=Path, default=tape.FOLDER)
    parser.add_argument("--stand-in", action="store_true", help="of the sandbox instead of an account")
    asked = parser.parse_args(words)
    keep = frozenset(filter(None, asked.keep.split(",")))
    every = [kind for kind in catalog.KINDS if kind != "sql"]
    kinds = every if asked.source == "all" else [asked.source]
    try:
        if asked.stand_in:
            found = [one for kind in kinds for one in asyncio.run(of_stand_ins(kind, asked.output))]
        else:
            found = [asyncio.run(of_account(asked.config, asked.source, asked.pages, keep, asked.output))]
    except (ConfigError, SourceError) as error:
        return _fail(str(error))
    except Leak as leak:
        return _fail(f"Nothing was written: {leak}.")
    except Changed as changed:
        return _fail(
            f"Nothing was written: {changed}. If that is a word of the system and no person's, name its field: KEEP=..."
        )
    for one in found:
        sys.stdout.write(f"{one['file']}: {one['requests']} requests, {one['records']} records\n")
    if not asked.stand_in:
        sys.stdout.write(
            "Read that file and the .json beside it to the end before you commit them: masks know much, not all.\n"
        )
    return 0


def _fail(words: str) -> int:
    sys.stderr.write(words + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
