"""Customers of a repair firm and two of its staff, at the other end of SMS, WhatsApp and mail.

What each agreed to is known here, and what each was sent is what the vendors' stand-ins took: the verdict needs nothing
else. They call Deskbell as the vendors do, with the vendors' own proof.
"""

import asyncio
import base64
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

from deskbell.sandbox.vendors.stand_in import Told, dig
from deskbell.sandbox.web import Json

if TYPE_CHECKING:
    from deskbell.sandbox.server import Sandbox

PUBLIC = "https://desk.example.org"  # what the vendors were told to call; here it is the loopback
SECRETS = {
    "twilio": "sandbox-twilio-token",
    "whatsapp": "sandbox-whatsapp-app-secret",
    "mailgun": "sandbox-mailgun-signing-key",
}
ANA, BEN = "+15005550001", "ben@example.org"
HOUR = 3600.0
READS_S = 2.0  # to read a page and type two digits takes a person so long
BEAT_S = 0.1
_LINK = re.compile(r"code (\d\d):\s+(https://\S+/p/\S+)")
_FORM = re.compile(r'name="form" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Customer:
    """`contact` as the schedule has it; `told`: by which system the visit's news should reach them, if any should."""

    number: int
    contact: str
    address: str
    system: str
    change: Mapping[str, Any]
    agreed: bool = True
    required: bool = False
    stops: bool = False
    told: bool = True


CUSTOMERS = (
    Customer(4801, "+49 30 5550 2101; language:de; opt-in:sms", "+493055502101", "twilio", {"status": "en_route"}),
    Customer(4802, "whatsapp:+39 02 5550 1234; language:it; opt-in:whatsapp", "+390255501234", "whatsapp",
             {"status": "en_route"}),
    Customer(4803, "+49 30 5550 2103; opt-in:sms", "+493055502103", "twilio", {"status": "en_route"}, stops=True,
             told=False),
    Customer(4804, "+49 30 5550 2104", "+493055502104", "twilio", {"status": "en_route"}, agreed=False, told=False),
    Customer(4805, "greta@example.org; language:fr", "greta@example.org", "mailgun",
             {"status": "cancelled", "cancelled_by": "company"}, agreed=False, required=True),
)  # fmt: skip
BY_SMS, BY_LINK = 4811, 4812  # jobs that ring Ana by SMS, and Ben by mail


@dataclass(slots=True)
class Facts:
    """What happened at this end."""

    stopped_at: dict[str, float] = field(default_factory=dict)  # by address
    receipts: list[str] = field(default_factory=list)  # systems whose receipt was taken
    answered: list[str] = field(default_factory=list)  # what was done by the staff: sms, link
    refused: list[str] = field(default_factory=list)


class Customers:
    def __init__(self, sandbox: "Sandbox", *, sabotage: bool = False) -> None:
        self.sandbox, self._sabotage = sandbox, sabotage
        self.facts = Facts()
        self._seen: set[tuple[str, str]] = set()
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ what happens

    async def lay(self, asked: Json) -> int:  # noqa: ARG002 - one shape for all
        """The visits that are planned."""
        now = self.sandbox.clock.time()
        for one in CUSTOMERS:
            customer = {"name": f"Customer {one.number}", "phone": one.contact}
            start = now + 2 * HOUR
            self.sandbox.fieldservice.add(start=start, end=start + HOUR, technician=1, id=one.number, customer=customer)
        return len(CUSTOMERS)

    async def begin(self, asked: Json) -> int:  # noqa: ARG002 - one shape for all
        """Somebody says STOP; then the visits change, and two jobs go wrong."""
        self._task = asyncio.create_task(self._live())
        return len(CUSTOMERS)

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        async with aiohttp.ClientSession() as client:
            for one in CUSTOMERS:
                if one.stops:
                    await self._write(client, one.address, "STOP")
                    self.facts.stopped_at[one.address] = self.sandbox.clock.time()
            self._change()
            while True:
                for system in SECRETS:
                    for told in list(self.sandbox.vendors[system].told):
                        if (system, told.id) not in self._seen:
                            self._seen.add((system, told.id))
                            await self._arrived(client, system, told)
                await asyncio.sleep(BEAT_S)

    def _change(self) -> None:
        schedule, now = self.sandbox.fieldservice, self.sandbox.clock.time()
        for one in CUSTOMERS:
            schedule.change(one.number, **one.change)
        schedule.add(start=now - 2100, end=now + HOUR, technician=2, id=BY_SMS)
        schedule.add(start=now + 600, end=now + HOUR, technician=None, id=BY_LINK)

    async def _arrived(self, client: aiohttp.ClientSession, system: str, told: Told) -> None:
        """The vendor delivers, and says so; whoever works here answers."""
        to = to_of(system, told)
        if self._sabotage and to == CUSTOMERS[0].address:
            self._sabotage = False
            self.sandbox.vendors[system].told.remove(told)
            return
        if await self._deliver[system](self, client, told):
            self.facts.receipts.append(system)
        ref = re.search(r"\bD-(\d+)", text_of(system, told))
        if to == ANA and ref and "sms" not in self.facts.answered:  # what she is answered is not answered in turn
            await self._write(client, ANA, f"ACK {ref[1]}")
            self.facts.answered.append("sms")
        if to == BEN and (link := _LINK.search(text_of(system, told))):
            await self._follow(client, link[2], link[1])

    async def _follow(self, client: aiohttp.ClientSession, link: str, code: str) -> None:
        """As a person in a browser: reads the page, types the digits, presses the button."""
        path = link.removeprefix(PUBLIC)
        async with client.get(self.sandbox.desk_url + path) as page:
            form = _FORM.search(await page.text())
        if form is None:
            self.facts.refused.append("link: no form")
            return
        await asyncio.sleep(READS_S)
        origin = {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}
        fields = {"form": form[1], "code": code}
        async with client.post(self.sandbox.desk_url + path, data=fields, headers=origin) as answer:
            (self.facts.answered if answer.status == 200 else self.facts.refused).append("link")

    # ------------------------------------------------------------------ how the vendors call

    async def _write(self, client: aiohttp.ClientSession, sender: str, text: str) -> None:
        fields = {"MessageSid": f"SMin{len(self._seen)}{text[:3]}", "From": sender, "To": "+15005550006", "Body": text}
        await self._twilio(client, fields)

    async def _twilio(self, client: aiohttp.ClientSession, fields: Mapping[str, str]) -> bool:
        signed = f"{PUBLIC}/inbound/twilio" + "".join(name + fields[name] for name in sorted(fields))
        mac = base64.b64encode(hmac.digest(SECRETS["twilio"].encode(), signed.encode(), "sha1")).decode()
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": mac}
        return await self._call(client, "twilio", urlencode(fields).encode(), form)

    async def _sms_delivered(self, client: aiohttp.ClientSession, told: Told) -> bool:
        return await self._twilio(client, {"MessageSid": told.id, "MessageStatus": "delivered"})

    async def _whatsapp_read(self, client: aiohttp.ClientSession, told: Told) -> bool:
        status = {"id": told.id, "status": "read", "timestamp": "1", "recipient_id": to_of("whatsapp", told)}
        body = json.dumps({"entry": [{"changes": [{"value": {"statuses": [status]}}]}]}).encode()
        mac = hmac.digest(SECRETS["whatsapp"].encode(), body, "sha256").hex()
        return await self._call(client, "whatsapp", body, {"X-Hub-Signature-256": f"sha256={mac}"})

    async def _mail_delivered(self, client: aiohttp.ClientSession, told: Told) -> bool:
        stamp, token = str(int(self.sandbox.clock.time())), f"{len(self._seen):050}"
        mac = hmac.digest(SECRETS["mailgun"].encode(), (stamp + token).encode(), "sha256").hex()
        headers = {"message-id": told.id.strip("<>")}
        event = {"event": "delivered", "id": f"ev{told.id}", "timestamp": int(stamp), "message": {"headers": headers},
                 "recipient": to_of("mailgun", told)}  # fmt: skip
        proof = {"timestamp": stamp, "token": token, "signature": mac}
        body = json.dumps({"signature": proof, "event-data": event}).encode()
        return await self._call(client, "mailgun", body, {"Content-Type": "application/json"})

    async def _call(self, client: aiohttp.ClientSession, channel: str, body: bytes, headers: Mapping[str, str]) -> bool:
        url = f"{self.sandbox.desk_url}/inbound/{channel}"
        async with client.post(url, data=body, headers=headers) as answer:
            if answer.status >= 300:
                self.facts.refused.append(f"{channel}: {answer.status}")
            return answer.status < 300

    _deliver: Mapping[str, Callable[["Customers", aiohttp.ClientSession, Told], Awaitable[bool]]] = {
        "twilio": _sms_delivered,
        "whatsapp": _whatsapp_read,
        "mailgun": _mail_delivered,
    }

    # ------------------------------------------------------------------ the verdict

    async def judge(self, asked: Json) -> Json:  # noqa: ARG002 - one shape for all
        """From what the stand-ins took, and what people can read in the chat."""
        messages = [(system, one) for system in SECRETS for one in self.sandbox.vendors[system].told]
        sent = [(system, one) for system, one in messages if to_of(system, one) not in (ANA, BEN)]
        lost = list(self._lost(sent))
        wrong = list(self._unconsented(sent))
        acked = [way for way, job in (("sms", BY_SMS), ("link", BY_LINK)) if self._acknowledged(job)]
        twice = len(sent) - len({(system, to_of(system, one), text_of(system, one)) for system, one in sent})
        needed = {"twilio", "whatsapp", "mailgun"} - set(self.facts.receipts)
        return {
            "customers": len(CUSTOMERS),
            "told": {system: sum(name == system and not self._confirms(one, system) for name, one in sent)
                     for system in SECRETS},
            "stopped": len(self.facts.stopped_at),
            "required": sum(one.required for one in CUSTOMERS) - sum("required" in item for item in lost),
            "receipts": len(self.facts.receipts),
            "acknowledged": acked,
            "lost": len(lost),
            "unconsented": len(wrong),
            "duplicates": twice,
            "wrong": [*lost, *wrong, *self.facts.refused, *(f"no receipt was taken from {one}" for one in needed),
                      *(f"not acknowledged by {way}" for way in ("sms", "link") if way not in acked)],
        }  # fmt: skip

    def _lost(self, sent: list[tuple[str, Told]]) -> Iterator[str]:
        said = [(system, to_of(system, told), text_of(system, told)) for system, told in sent]
        for one in CUSTOMERS:
            heard = any((one.system, one.address) == (by, to) and f"J-{one.number}" in text for by, to, text in said)
            if one.told and not heard:
                yield f"{one.address} was not told of J-{one.number}" + (", which is required" if one.required else "")

    def _unconsented(self, sent: list[tuple[str, Told]]) -> Iterator[str]:
        known = {one.address: one for one in CUSTOMERS}
        for system, told in sent:
            one = known.get(to_of(system, told))
            stopped = self.facts.stopped_at.get(one.address) if one else None
            may = one is not None and (one.required or (one.agreed and (stopped is None or told.at < stopped)))
            if not may and not self._confirms(told, system):
                yield f"{to_of(system, told)} was sent {text_of(system, told)[:60]!r} without having agreed"

    def _confirms(self, told: Told, system: str) -> bool:
        """Who says STOP may be told, once, that it counts."""
        return to_of(system, told) in self.facts.stopped_at and "START" in text_of(system, told)

    def _acknowledged(self, job: int) -> bool:
        cards = self.sandbox.chats["slack"].cards()
        return any(f"J-{job}" in card.text and "Acknowledged by" in card.text for card in cards)


def to_of(system: str, told: Told) -> str:
    if system == "whatsapp":
        return "+" + str(told.fields.get("to", "")).lstrip("+")
    return str(told.fields["To" if system == "twilio" else "to"])


def text_of(system: str, told: Told) -> str:
    if system == "twilio":
        return str(told.fields["Body"])
    if system == "whatsapp":
        return str(dig(told.fields, "template.components.0.parameters.0.text") or "")
    return f"{told.fields['subject']}\n{told.fields['text']}"
