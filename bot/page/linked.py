"""What pages behind a link share that need no account, cookie or script: a form sent by hand, words for trouble."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import web

from bot.page.guard import Guard, read_form
from bot.web import Refused
from deskbell.core.store import NotKept
from deskbell.net import metrics

TRAP = "subject"  # a field that nobody sees: whoever fills it in is no person

Handler = Callable[[web.Request], Awaitable[web.Response]]
Said = Callable[[web.Request, str, int], web.Response]


def in_words(handle: Handler, page: str, said: Said) -> Handler:
    """Whatever goes wrong below, a person reads it in their own language. `page`: what the metrics call it."""

    async def handled(request: web.Request) -> web.Response:
        try:
            return await handle(request)
        except Refused as refused:
            metrics.refused(page, str(refused.status))
            return said(request, "strange", refused.status)
        except NotKept:
            return said(request, "unsaved", 503)

    return handled


async def by_hand(
    request: web.Request, guard: Guard, token: str, now: datetime, quickest: timedelta
) -> Mapping[str, str] | None:
    """The form, if a person filled it in: it came from our page, not too fast, and the trap is empty.

    Raises Refused where it did not come from our page.
    """
    if not guard.from_our_page(request, old_browsers=True):
        raise Refused(403, "")
    form = await read_form(request)
    age = guard.age(form.get("form", ""), token, now)
    return None if form.get(TRAP) or age is None or age < quickest else form
