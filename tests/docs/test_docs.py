"""The pages say what is true: nothing generated is stale, no link is dead, every example is accepted."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deskbell.config import ConfigError, load
from deskbell.config.settings import _SECTIONS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text()
PICTURE = "docs/demo.png"  # taken by hand from a running demo


def named(path):
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def written(generate, tmp_path):
    """Writes data as a config.toml."""
    toml = sys.modules["in_words"].toml

    def write(raw):
        path = tmp_path / "config.toml"
        path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in raw.items()))
        return path

    return write


# ---------------------------------------------------------------- what is generated


def test_no_page_is_stale(generate):
    assert generate.stale() == [], "run: python docs/generate.py"


def test_every_part_stands_on_a_page(generate):
    text = "".join((ROOT / page).read_text() for page in generate.PAGES)
    assert [name for name in generate.PARTS if f"<!-- {name} -->" not in text] == []


def test_a_stale_part_is_noticed(generate):
    assert generate.filled(README.replace("| `deskbell run` |", "| `deskbell jog` |")) == README


def test_the_script_checks_and_fails():
    done = subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


# ---------------------------------------------------------------- settings


def refusals(path):
    with pytest.raises(ConfigError) as error:
        load(path, {})
    return error.value.problems


def nested(where, inside):
    """The data of a whole file that holds `inside` at one place."""
    for part in reversed(where.split(".")):
        if part in {"tokens", "overrides", "levels", "routes"}:
            inside = {part: [inside]}
        else:
            inside = {{"NAME": "x"}.get(part, part): inside}
    return inside


_NAMED = (".write", ".feeds", ".calendars", ".overrides", ".notices", "customers.sources")


def test_the_page_of_settings_has_just_the_keys_that_are_accepted(generate, written):
    """A key that nobody knows is refused with the list of those that are known."""
    for section in generate.sections():
        if section.where in ("rules", "rules.custom") or section.where.endswith(_NAMED):
            continue  # what all rules share stands in each; the others have a level of their own, with a name
        where = section.where
        raw = nested(where, {"qqqqqq": 1})
        kind = where.split(".")[1] if where.startswith("sources.") else ""
        if kind:
            raw["sources"][kind]["kind"] = kind
        known = [p for p in refusals(written(raw)) if "qqqqqq: is no setting; known are: " in p]
        assert len(known) == 1, where
        taken = set(known[0].split("known are: ")[1].split(", ")) - {""}
        shared = {"enabled", "shadow", "policy", "route", "calendar"} if where.startswith("rules.") else set()
        beside = {row[0] for row in section.extra}
        assert set(section.keys) - beside | shared == taken, where


def test_every_setting_says_what_it_means(generate):
    rows = [line for line in generate.settings_markdown().splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []


def test_what_is_explained_exists(generate):
    known = {f"{section.where}.{key}" for section in generate.sections() for key in section.keys}
    known |= {f"{where.split('.')[0]}.{where.rsplit('.')[-1]}" for where in known}
    assert sorted(set(generate.MEANINGS) - known) == []


def test_the_readme_names_every_section():
    assert [name for name in _SECTIONS if f"`[{name}]`" not in README and f"`[[{name}]]`" not in README] == []


# ---------------------------------------------------------------- examples


BASE = {
    "deskbell": {"secret": "a-secret-for-the-tests-only"},
    "slack": {"bot_token": "xoxb-1", "app_token": "xapp-1"},
    "destinations": {"desk": {"platform": "slack", "address": "C0DESK"}},
    "people": {"me": {"name": "Me"}},
    "sources": {
        "freshdesk": {"base_url": "https://example.freshdesk.com", "key": "k"},
        "servicenow": {"base_url": "https://example.service-now.com", "user": "u", "password": "p"},
    },
}


def merged(base, more):
    if isinstance(base, dict) and isinstance(more, dict):
        return {key: merged(base.get(key), more[key]) if key in more else base[key] for key in {**base, **more}}
    return more


EXAMPLES = [body for language, body in FENCE.findall(README) if language == "toml"]


@pytest.mark.parametrize("example", EXAMPLES, ids=[body.partition("\n")[0] for body in EXAMPLES])
def test_an_example_is_accepted(example, written, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("xapp-from-a-file")
    text = re.sub(r'"file:[^"]+"', f'"file:{secret}"', example)
    environ = dict.fromkeys(re.findall(r'"env:(\w+)"', text), "a-value-of-the-environment")
    raw = merged(BASE, tomllib.loads(text))
    path = written(raw)
    assert load(path, environ).file == path


def test_there_are_examples():
    assert len(EXAMPLES) > 5


# ---------------------------------------------------------------- commands and links


def command_lines():
    """What the pages tell people to type: in code between backticks, and in indented or fenced blocks."""
    for page in PAGES:
        text = page.read_text()
        spans = re.findall(r"`([^`\n]+)`", text)
        blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        fenced = [line.strip() for _, body in FENCE.findall(text) for line in body.splitlines()]
        for line in (*spans, *blocks, *fenced):
            if match := re.search(r"(?:^|\s|/|-m )deskbell ((?:[a-z]|-)[^#|>]*)", line):
                yield named(page), match[1].strip()


def test_the_commands_that_the_pages_name_exist(generate):
    known, found = generate.cli_names(), 0
    for page, line in command_lines():
        words = shlex.split(line.replace("...", ""))
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), None)
        assert name is not None, f"{page}: deskbell {line}"
        options = {word.strip("[]").partition("=")[0] for word in words if word.strip("[]").startswith("-")}
        assert options <= known[name], f"{page}: deskbell {line}"
        found += 1
    assert found > 20


def targets():
    for page in PAGES:
        for target in LINK.findall(page.read_text()):
            if not re.match(r"[a-z]+:", target):
                yield page, target


def test_no_link_is_dead():
    dead = []
    for page, target in targets():
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if file == ROOT / PICTURE:
            continue
        if not file.exists() or (heading and heading not in headings(file)):
            dead.append(f"{named(page)}: {target}")
    assert dead == []


def headings(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_picture_is_there():
    if not (ROOT / PICTURE).exists():
        pytest.skip("the picture of the demo has not been taken yet")
    assert (ROOT / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_the_files_that_the_pages_name_exist():
    """Paths between backticks, and those that stand in CONTRIBUTING's steps."""
    tops = "deskbell|bot|pollers|channels|storage|tests|docs"
    paths = [(page, path) for page in PAGES for path in re.findall(rf"`((?:{tops})/[\w/.]+)[^`]*`", page.read_text())]
    gone = [f"{named(page)}: {path}" for page, path in paths if "NAME" not in path and not (ROOT / path).exists()]
    assert gone == []


def test_every_decision_is_listed():
    records = {path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
    assert set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text())) == records
