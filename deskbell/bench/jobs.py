"""The schedule that the sink offers: jobs whose technician is late, in pages, by their time of change."""

import asyncio
import time
from bisect import bisect_left
from datetime import UTC, datetime

import orjson

MINUTE = 60.0


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Feed:
    """One reader's schedule: rows are only ever added behind the others, as time goes by."""

    def __init__(self) -> None:
        self._rows: list[bytes] = []
        self._at: list[str] = []
        self._by_id: dict[str, bytes] = {}
        self.read = asyncio.Event()
        self.reads = 0  # how often the first page was asked for
        self.requests = 0  # of all pages
        self.first_read = 0.0  # when the first page with a row in it was asked for; of the monotonic clock

    def lay(self, first: int, count: int, *, late: bool = True) -> None:
        now = time.time()
        start = now - 20 * MINUTE if late else now + 600 * MINUTE
        rows = {str(number): orjson.dumps(job(number, now, start)) for number in range(first, first + count)}
        self._rows += rows.values()
        self._by_id |= rows
        self._at += [stamp(now)] * count

    def clear(self) -> None:
        self._rows, self._at, self._by_id, self.first_read = [], [], {}, 0.0

    def one(self, record_id: str) -> bytes | None:
        row = self._by_id.get(record_id)
        return None if row is None else b'{"data":%b}' % row

    def page(self, since: str, number: int, size: int) -> bytes:
        self.reads += number == 1
        self.requests += 1
        self.read.set()
        begin = bisect_left(self._at, since) if since else 0
        count = len(self._rows) - begin
        if count and not self.first_read:
            self.first_read = time.monotonic()
        begin += (number - 1) * size
        rows = self._rows[begin : begin + size]
        meta = {"page": number, "per_page": size, "pages": -(-count // size), "total": count}
        return b'{"data":[%b],"meta":%b}' % (b",".join(rows), orjson.dumps(meta))


def job(number: int, now: float, start: float) -> dict[str, object]:
    """As the field-service system of the sandbox shows one. A technician has three, a customer one: few are related."""
    technician = number // 3
    return {
        "id": number,
        "number": f"N{number:08d}",
        "summary": "No pressure at compressor 3, hall B",
        "status": "dispatched",
        "customer": {"name": f"Hansen {number} GmbH", "phone": f"+49 30 {number:08d}"},
        "site": {"address": f"Industriestr. {number}, 13509 Berlin", "timezone": "Europe/Berlin"},
        "technician": {"id": technician, "name": f"Marco Bianchi {technician}", "email": f"t{technician}@example.org"},
        "scheduled_start": stamp(start),
        "scheduled_end": stamp(start + 90 * MINUTE),
        "window_start": stamp(start),
        "window_end": stamp(start + 120 * MINUTE),
        "created_at": stamp(now - 600 * MINUTE),
        "updated_at": stamp(now),
    }
