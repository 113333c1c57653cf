"""Power Automate's webhook for Teams: a flow that a POST starts, that answers 202, and posts the card by itself later.

What is wrong with the card is therefore never told to whoever sent it: the run fails, and the owner of the flow may see
it. https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web

from deskbell.sandbox.clock import Clock
from deskbell.sandbox.faults import Fault, Faults
from deskbell.sandbox.ledger import Ledger
from deskbell.sandbox.limits import Buckets, Rate
from deskbell.sandbox.web import Json, read_json, reply, with_trouble

NAME = "workflows"
SECRET = "sandbox-workflows-signature"  # noqa: S105 - made up, on purpose
MESSAGE_BYTES = 28 * 1024
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
# https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
PACE = Rate(per_second=4, burst=4)
ELEMENTS = frozenset({"TextBlock", "RichTextBlock", "TextRun", "Container", "ColumnSet", "Column", "FactSet"})
VERSIONS = frozenset({"1.0", "1.1", "1.2", "1.3", "1.4", "1.5"})


@dataclass(slots=True)
class Posted:
    """A card that can be read in the channel behind a flow."""

    flow: str
    content: Json
    texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    rung: list[str] = field(default_factory=list)  # ids of the people whom it mentions

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


class Workflows:
    """Any flow name works; `off` are switched off. `posted` is what people see, `failed` why a run posted nothing."""

    name = NAME

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self.ledger = ledger
        self.faults = Faults(clock)
        self.buckets = Buckets(clock)
        self.pace = PACE
        self.off: set[str] = set()
        self.posted: list[Posted] = []
        self.failed: list[str] = []
        self.requests: list[Json] = []
        self._runs = itertools.count(1)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/workflows/{flow}/triggers/manual/paths/invoke", self._invoke)

    def address(self, url: str, flow: str) -> str:
        """What the flow shows its owner."""
        query = "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"
        return f"{url}/workflows/{flow}/triggers/manual/paths/invoke?{query}&sig={SECRET}"

    def no_limits(self) -> None:
        self.pace = Rate(1e9, 1e9)

    async def _invoke(self, request: web.Request) -> web.StreamResponse:
        places = {NAME, request.match_info["flow"]}
        return await with_trouble(request, self.faults, places, self._trigger, self._out_of_order)

    def _out_of_order(self, fault: Fault) -> web.Response:
        status = int(fault.kind) if fault.kind.isdigit() else 500
        return self._refused(status, "InternalServerError", "made to fail", fault.retry_after)

    async def _trigger(self, request: web.Request) -> web.Response:
        flow = request.match_info["flow"]
        if request.query.get("sig") != SECRET:
            return self._refused(401, "DirectApiAuthorizationRequired", "The request must be authenticated by a SAS.")
        if flow in self.off:
            return self._refused(400, "WorkflowTriggerIsNotEnabled", f"The workflow {flow!r} is disabled.")
        if wait := self.buckets.take(flow, self.pace):
            return self._refused(429, "WorkflowTriggerThrottled", "Too many requests.", int(wait) + 1)
        if len(await request.read()) > MESSAGE_BYTES:
            return self._refused(413, "RequestEntityTooLarge", "The message is over 28 KB.")
        try:
            body = await read_json(request)
        except ValueError:
            return self._refused(400, "InvalidRequestContent", "The request content is not valid JSON.")
        if request.content_type != "application/json" or not isinstance(body, dict):
            return self._refused(400, "TriggerInputSchemaMismatch", "The input body must be a JSON object.")
        self._run(flow, body)
        run = f"08584{next(self._runs):029d}CU00"
        return web.Response(status=202, headers={"x-ms-workflow-run-id": run, "x-ms-request-id": run})

    def _refused(self, status: int, code: str, why: str, after: int = 0) -> web.Response:
        self.ledger.note(NAME, "ratelimited" if status == 429 else "rejected", status=status, code=code)
        headers = {"Retry-After": str(after)} if status == 429 else None
        return reply({"error": {"code": code, "message": why}}, status, headers)

    def _run(self, flow: str, body: Json) -> None:
        self.requests.append(body)
        self.ledger.note(NAME, "call", flow=flow)
        try:
            for content in _cards(body):
                self._post(flow, content)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            self.failed.append(str(error))
            self.ledger.note(NAME, "failed", flow=flow, why=str(error))

    def _post(self, flow: str, content: Json) -> None:
        card = Posted(flow, content)
        entities = (content.get("msteams") or {}).get("entities") or []
        card.texts = list(_texts(content["body"]))
        card.links = [_link(action) for action in content.get("actions", ())]
        card.rung = [_rung(entity, card.text) for entity in entities]
        self.posted.append(card)
        self.ledger.note(NAME, "posted", flow=flow, text=card.text)
        self.ledger.seen(card.text)


# ---------------------------------------------------------------- what the Flow bot can draw


def _cards(body: Json) -> list[Json]:
    """The cards of a message; ValueError where the flow's own steps would fail."""
    attachments = body.get("attachments")
    if body.get("type") != "message" or not isinstance(attachments, list) or not attachments:
        raise ValueError("the body is not {type: message, attachments: [...]}")
    cards = [one["content"] for one in attachments if one["contentType"] == CARD_TYPE]
    if len(cards) != len(attachments):
        raise ValueError("an attachment is not an Adaptive Card")
    for card in cards:
        if card["type"] != "AdaptiveCard" or card["version"] not in VERSIONS or not card["body"]:
            raise ValueError("the card is not one that Teams draws")
        if len(card.get("actions", ())) > 6:
            raise ValueError("there are more than six actions")
    return cards


def _texts(elements: list[Json]) -> Iterator[str]:
    for element in elements:
        if element["type"] not in ELEMENTS:
            raise ValueError(f"{element['type']} is not drawn, or can't be used without a bot")
        if element["type"] in ("TextBlock", "TextRun"):
            if not isinstance(element["text"], str) or not element["text"]:
                raise ValueError("a text is empty")
            yield element["text"]
        elif element["type"] == "RichTextBlock":
            yield "".join(_texts(element["inlines"]))
        elif element["type"] == "FactSet":
            yield from (f"{fact['title']}: {fact['value']}" for fact in element["facts"])
        for inner in ("items", "columns"):
            yield from _texts(element.get(inner, []))


def _link(action: Json) -> str:
    """Without a bot nothing can come back: a button opens an address, and no more."""
    if action["type"] != "Action.OpenUrl":
        raise ValueError(f"{action['type']} does nothing in a card from a flow")
    parts = urlsplit(str(action["url"]))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("Action.OpenUrl has no address")
    if not action.get("title"):
        raise ValueError("a button has no words")
    return parts.geturl()


def _rung(entity: Json, text: str) -> str:
    if entity["type"] != "mention" or entity["text"] not in text or not entity["mentioned"]["name"]:
        raise ValueError("a mention is not in the text of its card")
    return str(entity["mentioned"]["id"])
