"""What customers read: letters as Jinja templates, a folder a language, an operator's own first. Pure.

A template's first paragraph is the subject, the rest the message. Data goes in as values and is not compiled; in HTML
it is escaped. All are rendered once at start-up in every language, so that a mistake is found before it matters.
https://jinja.palletsprojects.com/en/stable/sandbox/
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from deskbell.core.customer import OPT_IN, REQUIRED, Medium
from deskbell.core.letters import LETTERS
from deskbell.core.sizes import parts, plain
from deskbell.core.text import clean_lines, local

OURS = Path(__file__).parent / "letters"
LANGUAGES = tuple(sorted(folder.name for folder in OURS.iterdir() if folder.is_dir()))
LONGEST = 2000  # the sandbox bounds neither time nor size; what comes out is cut
REPLIES = ("stopped", "started")  # what who wrote to us is answered
_FOOT = "foot"

# All that a letter may be given; what a record does not have is empty.
SAMPLE: Mapping[str, str] = {
    "number": "J-4711",
    "start": "2026-11-24T13:00:00+00:00",
    "end": "2026-11-24T14:00:00+00:00",
    "minutes": "25",
    "due": "2026-11-30T11:00:00+00:00",
    "day": "2026-12-01",
    "notice": "2026-11-28",
    "renews": "yes",
    "total": "118.40 EUR",
    "balance": "59.20 EUR",
    "paid": "59.20 EUR",
}
# A day as each language writes it; what has no form of its own writes it as most of Europe does.
_DAYS = {"en": "%-d %b %Y", "de": "%d.%m.%Y"}


class LetterError(Exception):
    """A template can't be used: which one, and why."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every letter of a house says, and how this one goes."""

    firm: str
    call: str = ""
    zone: str = "UTC"
    medium: Medium = Medium.MAIL
    basis: str = OPT_IN
    link: str = ""  # to the customer's own page


@dataclass(frozen=True, slots=True)
class Written:
    """A letter in words. `version` names the template: which text somebody was sent can be told long after."""

    subject: str
    body: str
    foot: str  # why it came, and how to have no more of them
    language: str
    version: str
    link: str = ""
    foot_with_link: str = ""

    @property
    def short(self) -> str:
        """For an SMS: the message and its foot, in letters that cost no more than others."""
        end = "" if self.body.endswith((".", "!", "?")) or not self.foot else "."
        return plain(f"{self.body}{end} {self.foot}".strip())

    @property
    def text(self) -> str:
        return f"{self.body}\n\n{self.foot_with_link}".strip()

    @property
    def sms_parts(self) -> int:
        return parts(self.short)


@pass_context
def _when(context: Context, value: str) -> str:
    there = local(datetime.fromisoformat(value), str(context["zone"]))
    return f"{_as_day(there, str(context['language']))}, {there:%H:%M}"


@pass_context
def _time(context: Context, value: str) -> str:
    return f"{local(datetime.fromisoformat(value), str(context['zone'])):%H:%M}"


@pass_context
def _day(context: Context, value: str) -> str:
    return _as_day(date.fromisoformat(value), str(context["language"]))


def _as_day(day: date, language: str) -> str:
    return day.strftime(_DAYS.get(language, "%d/%m/%Y"))


class Letters:
    """All letters in all languages. Raises LetterError where one can't be used."""

    def __init__(self, folder: Path | None = None) -> None:
        self._texts = {language: self._environment(folder, language) for language in LANGUAGES}
        self._html = self._environment(folder, "", html=True).get_template("letter.html")
        self._versions: dict[tuple[str, str], str] = {}
        for language in LANGUAGES:
            for name in (*LETTERS, *REPLIES, _FOOT):
                self._try(name, language)

    @staticmethod
    def _environment(folder: Path | None, language: str, *, html: bool = False) -> ImmutableSandboxedEnvironment:
        folders = [folder / language, OURS / language] if folder else [OURS / language]
        made = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(one) for one in folders]),
            undefined=StrictUndefined,
            autoescape=html,
            auto_reload=False,
        )
        made.filters |= {"when": _when, "time": _time, "day": _day}
        return made

    def _try(self, name: str, language: str) -> None:
        """With all that there may be, and with nothing but a number."""
        number = SAMPLE["number"]
        for values in (SAMPLE, {"number": number}):
            for basis in (OPT_IN, REQUIRED):
                written = self.write(name, language, values, Frame("Firm", "+49 30 1", basis=basis, link="https://x"))
                self.html(written)
                if name in LETTERS and number not in written.body:
                    raise LetterError(f"the letter {language}/{name}.txt must say {{{{ number }}}}: what it is about")

    # ------------------------------------------------------------ writing

    def language(self, *wishes: str) -> str:
        """The first of these that there are letters in ("de-CH" is "de"); English where there is none."""
        known = (wish.replace("_", "-").partition("-")[0].casefold() for wish in wishes)
        return next((one for one in known if one in LANGUAGES), "en")

    def write(self, name: str, language: str, values: Mapping[str, str], frame: Frame) -> Written:
        """Raises LetterError where an operator's template can't take what it is given."""
        given = dict.fromkeys(SAMPLE, "") | dict(values)
        given |= {"firm": frame.firm, "call": frame.call, "zone": frame.zone, "language": language}
        given |= {
            "medium": frame.medium.value,
            "basis": "required" if frame.basis == REQUIRED else "opt-in",
            "link": "",
        }
        version = self.version(name, language)
        if name not in LETTERS:
            return Written("", self._render(name, language, given), "", language, version)
        subject, _, body = self._render(name, language, given).partition("\n\n")
        foot, linked = (self._render(_FOOT, language, given | {"link": link}) for link in ("", frame.link))
        return Written(" ".join(subject.split()), body.strip(), foot, language, version, frame.link, linked)

    def _render(self, name: str, language: str, given: Mapping[str, Any]) -> str:
        try:
            rendered = self._texts[language].get_template(f"{name}.txt").render(given)
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise LetterError(f"the letter {language}/{name}.txt can't be used: {error}") from error
        return clean_lines(rendered[: LONGEST * 2], LONGEST)

    def html(self, written: Written) -> str:
        lines = [line for line in written.body.splitlines() if line.strip()]
        return self._html.render(
            language=written.language, subject=written.subject, lines=lines, foot=written.foot, link=written.link
        )

    # ------------------------------------------------------------ which words these were

    def source(self, name: str, language: str) -> str:
        environment = self._texts[language]
        loader = environment.loader
        assert loader is not None  # noqa: S101 - every environment of ours has one
        return "".join(loader.get_source(environment, f"{one}.txt")[0] for one in (name, _FOOT))

    def version(self, name: str, language: str) -> str:
        key = name, language
        if key not in self._versions:
            digest = hashlib.sha256(self.source(name, language).encode()).hexdigest()
            self._versions[key] = f"{language}/{name}@{digest[:12]}"
        return self._versions[key]
