"""What is asked of the desk: each question is one reading transaction, as of one moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import structlog

from deskbell.core.access import Person
from deskbell.core.alert import Alert, Status
from deskbell.core.card import Card
from deskbell.core.customer import Letter, OwnPage, Step
from deskbell.core.history import Vitals
from deskbell.core.ports import StoredRecord
from deskbell.core.records import Record
from deskbell.core.rota import Duty, duty
from deskbell.core.rules.explain import Stand
from deskbell.core.silence import Silence
from deskbell.core.store import Reader, Store
from deskbell.desk import act, manual, own_links, own_page, reasons, subjects, wishes
from deskbell.desk.cards import MOMENT, Drawn, Ready, card_now, cards_now
from deskbell.desk.duty import BACK, removed, roster
from deskbell.desk.house import House
from deskbell.desk.vitals import vitals
from deskbell.net.clock import Clock

log = structlog.get_logger("deskbell.desk")

LIVE = (Status.OPEN, Status.ACKED)


class Inquiries:
    """The half of the desk that changes nothing."""

    def __init__(self, store: Store, house: House, now: Clock) -> None:
        self.store, self.house, self.now = store, house, now
        self._drawn, self._ready = Drawn(), Ready()
        self._accounts: dict[tuple[str, str], tuple[str, datetime]] = {}  # those found, and when

    # ------------------------------------------------------------ people

    @property
    def people(self) -> Mapping[str, Person]:
        return self.house.people

    @property
    def sources(self) -> Sequence[str]:
        return tuple(self.house.sources)

    @property
    def command(self) -> str:
        return self.house.command

    async def person(self, platform: str, account: str) -> Person | None:
        def query(reader: Reader) -> Person | None:
            person_id = reader.person_for(platform, account)
            return None if person_id in removed(reader) else self.house.people.get(person_id or "")

        return await self.store.read(query)

    async def account_of(self, platform: str, person_id: str) -> str | None:
        """As it was a moment ago at the latest: each edit of a card asks who is named on it."""
        known, at = self._accounts.get((platform, person_id), ("", None))
        if at is not None and abs(self.now() - at) <= MOMENT:
            return known
        account = await self.store.read(lambda reader: reader.account_of(platform, person_id))
        if account:
            self._accounts[platform, person_id] = account, self.now()
        return account

    async def subject_of(self, ref: str) -> str:
        """Who of us an alert is about; empty where it is nobody."""
        return await self.store.read(lambda reader: subjects.subject_of(reader, self.house, ref))

    async def recall(self, name: str) -> str | None:
        return await self.store.read(lambda reader: reader.value(name))

    async def colleagues(self, alert_id: int) -> list[tuple[str, str, str]]:
        return await self.store.read(lambda r: manual.colleagues(r, self.house, alert_id, self.now()))

    async def on_duty(self, rota: str = "", at: datetime | None = None) -> list[Duty]:
        wanted, when = rota.casefold(), at or self.now()
        known = await self.store.read(lambda reader: roster(reader, self.house, when, BACK))
        return [duty(r, when) for r in known.rotas.values() if not wanted or wanted == r.name.casefold()]

    async def own_link(self, token: str) -> own_links.Shown | None:
        return await self.store.read(lambda reader: own_links.shown(reader, self.house, token, self.now()))

    async def shifts_feed(self, secret: str) -> str | None:
        return await self.store.read(lambda reader: wishes.feed(reader, self.house, secret, self.now()))

    # ------------------------------------------------------------ alerts and records

    async def find_alert(self, text: str) -> Alert | None:
        number = act.ref_number(text)
        return await self.store.read(lambda reader: reader.alert(number)) if number else None

    async def alerts(
        self,
        *,
        statuses: Sequence[Status] = LIVE,
        assignee: str | None = None,
        team: str | None = None,
        source: str | None = None,
        parent: int | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> tuple[list[Alert], int]:
        def query(reader: Reader) -> tuple[list[Alert], int]:
            wanted = partial(
                reader.alerts, statuses=statuses, assignee=assignee, team=team, source=source, parent=parent
            )
            page = wanted(limit=limit, offset=offset)
            if assignee is None and team is None and source is None and parent is None:
                return page, reader.count_alerts(statuses)
            return page, len(wanted(limit=10_000))

        return await self.store.read(query)

    async def silences(self) -> list[Silence]:
        now = self.now()
        lasting = [one for one in await self.store.read(lambda reader: reader.silences()) if one.ends_at > now]
        planned = [window.silence() for window in self.house.maintenance if window.ends > now]
        return sorted([*lasting, *planned], key=lambda one: one.ends_at)

    async def alerts_on(self, record: Record) -> list[Alert]:
        return await self.store.read(lambda reader: reader.alerts_of(record.source, record.id))

    async def card(self, alert: Alert, *, buttons: bool = True) -> Card:
        """The alert's card as of now, with its story and, when its source is silent, the mark that says so."""
        return await self.store.read(lambda r: card_now(r, self.house, alert, self.now(), buttons=buttons))

    async def cards(self, alerts: Sequence[Alert]) -> Sequence[Card]:
        """The same for several, as of one moment."""
        ready = [card for alert in alerts if (card := self._ready.get(alert, self.now())) is not None]
        if len(ready) == len(alerts):
            return ready
        return await self.store.read(lambda r: cards_now(r, self.house, alerts, self.now(), drawn=self._drawn))

    def draw(self, reader: Reader, alerts: Sequence[Alert], now: datetime) -> None:
        """Cards that are asked for next. One that can't be drawn stops nothing here: who asks for it will hear."""
        try:
            for alert, card in zip(alerts, cards_now(reader, self.house, alerts, now, drawn=self._drawn), strict=True):
                self._ready.put(alert, now, card)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one of them
            log.info("not_drawn", error=repr(error))

    async def why(self, alert: Alert) -> list[tuple[str, str]]:
        return await self.store.read(lambda reader: reasons.why(reader, self.house, alert, self.now()))

    async def whynot(self, record: Record) -> list[Stand]:
        return await self.store.read(lambda reader: reasons.whynot(reader, self.house, record, self.now()))

    async def vitals(self) -> Vitals:
        return await self.store.read(lambda reader: vitals(reader, self.house, self.now()))

    async def customer_page(self, token: str) -> OwnPage | None:
        return await self.store.read(lambda reader: own_page.shown(reader, self.house, token))

    async def sent(self, record: Record) -> list[tuple[Letter, list[Step]]]:
        def query(reader: Reader) -> list[tuple[Letter, list[Step]]]:
            found = reader.letters_of(record.source, record.id)
            return [(one, reader.letter_steps(one.id)) for one in found]

        return await self.store.read(query)

    async def find_records(self, text: str, kind: str | None) -> list[StoredRecord]:
        return await self.store.read(lambda reader: reader.find_records(text, kind))

    def source_title(self, name: str) -> str:
        return self.house.source_title(name)

    async def freshness(self, source: str) -> datetime | None:
        state = await self.store.read(lambda reader: reader.source(source))
        return state.last_ok_at if state else None
