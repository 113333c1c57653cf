"""The sentences that people may want in their own words, as Jinja templates: a folder a language, an operator's first.

Templates come from the installation or from a folder that the configuration names, never from data or from chats; data
goes in as values and is not compiled. All are rendered once at start-up, so that a mistake is found before it matters.
https://jinja.palletsprojects.com/en/stable/sandbox/
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 3000  # the sandbox bounds neither time nor size; what comes out is cut

# What each template is given, with values to try it out on.
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "direct": {"severity": "P2", "ref": "D-1", "summary": "Marco is late"},
    "ask_late": {"subject": "J-4711", "place": "Hansen", "due": "14:00", "menu": "1 = 10 minutes, 2 = 30 minutes"},
    "source_note": {"said": "Ana acknowledged", "ref": "D-1"},
    "first_read": {"source": "Freshdesk", "count": 3, "command": "/desk"},
    "digest": {
        "total": 12,
        "open": 1,
        "counts": [("Note added", 12)],
        "alerts": [{"severity": "P4", "ref": "D-1", "summary": "A note on 4711", "live": True}],
        "command": "/desk",
    },
    "daily_summary": {
        "total": 1,
        "counts": [("technician_late", 1)],
        "alerts": [{"severity": "P2", "ref": "D-1", "summary": "Marco is late"}],
    },
}


OURS = Path(__file__).parent / "words"
LANGUAGES = tuple(sorted(folder.name for folder in OURS.iterdir() if folder.is_dir()))


class WordingError(Exception):
    """A template can't be used: which one, and why."""


class Wording:
    """`folder`: an operator's own templates, which win over ours of the same name."""

    def __init__(self, folder: Path | None = None, language: str = "en") -> None:
        loaders = [FileSystemLoader(folder)] if folder else []
        loaders += [FileSystemLoader(OURS / language), FileSystemLoader(OURS / "en")]
        # Plain text: each chat's face escapes for its platform.
        environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader(loaders),
            undefined=StrictUndefined,
            autoescape=False,
            auto_reload=False,
        )
        self._templates = {}
        for name, sample in SAMPLES.items():
            try:
                self._templates[name] = environment.get_template(f"{name}.txt")
                self.say(name, **sample)
            except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
                raise WordingError(f"the template {name}.txt can't be used: {error}") from error

    def say(self, name: str, **values: Any) -> str:
        return self._templates[name].render(values).strip()[:LONGEST]
