"""/a/TOKEN: an alert on a page of its own, for whoever came by a link from a chat that can't send anything back.

To look at the page does nothing, however often a scanner follows the link. A button does something, for the person whom
the browser was linked to; its form must come from our own page, with a value that was made for this browser.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot import answers
from bot.allowance import Allowance
from bot.clerk import UNSAVED, Clerk
from bot.commands import Commands
from bot.page.customer import CustomerPage
from bot.page.guard import STRANGE, Guard, new_browser, read_form
from bot.page.own import OwnLinks
from bot.page.shown import Notice, Pages, Seen
from bot.ports import Front, Said
from bot.web import Refused
from deskbell.core.access import Person, in_scope
from deskbell.core.alert import Alert, Verb
from deskbell.core.button import Press, sign
from deskbell.core.ports import Interaction
from deskbell.core.text import clean
from deskbell.net import metrics

PLATFORM = "web"
PATH = "/a/"
LINK_LIFE = timedelta(days=7)  # after the alert is over; until then it may be needed
CODES = 60  # tries in a quarter of an hour, of all browsers together: each costs a line of the audit
_CODE = 100

GONE = "This link is not genuine, or its alert was over long ago."
STALE = "The page was too old for that, so nothing was done. It is fresh now: please tap again."
NO_BUTTON = "That button is not genuine or too old, so nothing was done. Please tap again."
NO_CODE = "Type the code first."
TOO_MANY = "There were too many wrong codes just now. Please wait a quarter of an hour."
BROKEN = "Something went wrong on this side; it is in the log. Open the link again to see what was saved."

log = logging.getLogger("deskbell.page")

Handler = Callable[[web.Request], Awaitable[web.Response]]
Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: the link it came by, the link's alert, the browser, and the person it was linked to."""

    link: str
    alert: Alert
    browser: str
    person: Person | None


class Page:
    """`routes` go into our HTTP server. `secret` signs cookies and forms; `public_url` is where people find us."""

    def __init__(self, front: Front, secret: bytes, public_url: str) -> None:
        self._front = front
        self._guard = Guard(secret, public_url)
        self._clerk = Clerk(PLATFORM, front, Commands(front))
        self._pages = Pages()
        self._codes = Allowance(CODES, timedelta(minutes=15))
        self._own = OwnLinks(front, self._guard, self._pages)
        self._customers = CustomerPage(front, self._guard, self._pages)

    def routes(self) -> list[web.RouteDef]:
        path = PATH + "{token}"
        mine = [web.get(path, self._in_words(self._look)), web.post(path, self._in_words(self._do))]
        return mine + self._own.routes() + self._customers.routes()

    async def close(self) -> None:
        await self._clerk.close()

    def _in_words(self, handle: Handler) -> Handler:
        """Whatever goes wrong below, a person reads it as a page that gives nothing away."""

        async def handled(request: web.Request) -> web.Response:
            try:
                return await handle(request)
            except Refused as refused:
                metrics.refused("page", str(refused.status))
                return self._pages.words(refused.status, refused.text)
            except Exception as error:
                if isinstance(error, web.HTTPException):
                    raise
                log.exception("a request to the page failed")
                return self._pages.words(500, BROKEN)

        return handled

    # ------------------------------------------------------------ looking

    async def _look(self, request: web.Request) -> web.Response:
        visit = await self._visit(request)
        return self._pages.again() if self._guard.strayed(request) else await self._show(visit)

    async def _visit(self, request: web.Request) -> Visit:
        link = request.match_info["token"]
        press = self._front.press(link)
        alert = await self._front.find_alert(press.ref) if press else None
        if alert is None or (alert.resolved_at and self._front.now() - alert.resolved_at > LINK_LIFE):
            raise Refused(404, GONE)
        browser = self._guard.browser(request) or new_browser()
        return Visit(link, alert, browser, await self._front.person(PLATFORM, browser))

    async def _show(self, visit: Visit, notice: Notice | None = None) -> web.Response:
        form = self._guard.form_value(visit.browser, visit.link, self._front.now())
        if visit.person is None:
            response = self._pages.connect(visit.alert, form, self._front.command, notice)
        elif not in_scope(visit.person, visit.alert.team):
            response = self._pages.words(403, f"{visit.alert.ref} belongs to a team that is not one of yours.")
        else:
            response = self._pages.alert(await self._seen(visit, visit.person, form, notice))
        self._guard.remember(response, visit.browser)
        return response

    async def _seen(self, visit: Visit, person: Person, form: str, notice: Notice | None) -> Seen:
        card = answers.own(await self._front.card(visit.alert), person)
        asks = any(button.verb == Verb.REASSIGN for button in card.buttons)
        colleagues = await self._front.colleagues(visit.alert.id) if asks else []
        return Seen(card, person.name, form, colleagues, await self._front.why(visit.alert), notice)

    # ------------------------------------------------------------ doing

    async def _do(self, request: web.Request) -> web.Response:
        visit = await self._visit(request)
        if not self._guard.from_our_page(request):
            raise Refused(403, STRANGE)
        form = await read_form(request)
        once = self._guard.once(form.get("form", ""), visit.browser, visit.link, self._front.now())
        if not once:
            return await self._show(visit, Notice(ok=False, text=STALE))
        if "leave" in form:
            return await self._show(replace(visit, browser=new_browser(), person=None))
        if visit.person is None:
            return await self._connect(visit, form, once)
        if "code" in form:  # sent twice: the first has connected it
            return await self._show(visit)
        return await self._act(visit, form, once)

    async def _connect(self, visit: Visit, form: Form, once: str) -> web.Response:
        """A code makes the browser this person's; what people paste with it ("/desk link CODE") does no harm."""
        words = clean(form.get("code", ""), _CODE).split()
        if not words:
            return await self._show(visit, Notice(ok=False, text=NO_CODE))
        # Every try counts, whatever form it came with: one form may bring any number of codes.
        if self._codes.take("all", secrets.token_hex(8), self._front.now()):
            return await self._show(visit, Notice(ok=False, text=TOO_MANY))
        said = Said(PLATFORM, visit.browser, key=f"{PLATFORM}:{once}")
        reply = await self._clerk.within(self._front.redeem(said, words[-1]), _nobody_waits)
        person = await self._front.person(PLATFORM, visit.browser)
        lines = reply.lines[:1] if reply and person else reply.lines if reply else (UNSAVED,)  # then: how to type
        return await self._show(replace(visit, person=person), Notice(person is not None, " ".join(lines)))

    async def _act(self, visit: Visit, form: Form, once: str) -> web.Response:
        token = form.get("button", "")
        press = self._front.press(token)
        if press is None or press.alert_id != visit.alert.id:
            return await self._show(visit, Notice(ok=False, text=NO_BUTTON))
        interaction = Interaction(
            key=f"{PLATFORM}:{once}:{press.verb}",  # sent twice (a reload, a double tap), it is done once
            platform=PLATFORM,
            account=visit.browser,
            verb=press.verb,
            token=token,
            args=_args(press, form),
            kind="form",
        )
        answer = await self._clerk.act(interaction, _nobody_waits)
        alert = await self._front.find_alert(visit.alert.ref) or visit.alert
        notice = Notice(answer.ok, answer.text, answer.undo, answer.reply)
        return await self._show(replace(visit, alert=alert), notice)


def linker(secret: bytes, public_url: str) -> Callable[[str], str]:
    """From an alert's ref to the address of its page. The link is a button's token: it names the alert, and no more."""

    def link(ref: str) -> str:
        digits = ref.removeprefix("D-")
        number = int(digits) if digits.isdecimal() else 0
        token = sign(secret, Verb.ACK, number, 0) if number else ""
        return f"{public_url.rstrip('/')}{PATH}{token}" if token and public_url else ""

    return link


async def _nobody_waits(_late: Any) -> None:
    """A page can't be told anything later; whoever opens it again sees what was saved."""


def _args(press: Press, form: Form) -> dict[str, str]:
    """What was filled in, as the desk wants it; what is missing, the desk asks for in its own words."""
    choice, text = form.get("choice", "").strip(), form.get("text", "").strip()
    match press.verb:
        case Verb.REASSIGN:
            return {"person": choice}
        case Verb.SNOOZE:
            return {"span": choice}
        case Verb.RESOLVE:
            return {"reason": ": ".join(part for part in (choice, text) if part)}
        case Verb.NOTE:
            return {"text": text}
        case _:
            return {}
