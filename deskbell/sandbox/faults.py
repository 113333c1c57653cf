"""Trouble on demand: a fault is set for some seconds or for some calls, everywhere or in one place."""

from collections.abc import Container
from dataclasses import dataclass

from deskbell.sandbox.clock import Clock


@dataclass(slots=True)
class Fault:
    """`kind` is the stand-in's own word (500, html, 401, slow, 429, lost ...); `where` a method, path or channel."""

    kind: str
    where: str = ""
    until: float | None = None
    times: int | None = None
    delay: float = 5.0
    retry_after: int = 1

    def holds(self, now: float) -> bool:
        return (self.until is None or now < self.until) and (self.times is None or self.times > 0)


class Faults:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.active: list[Fault] = []

    def set(
        self,
        kind: str,
        *,
        where: str = "",
        seconds: float | None = None,
        times: int | None = None,
        delay: float = 5.0,
        retry_after: int = 1,
    ) -> Fault:
        until = None if seconds is None else self.clock.time() + seconds
        fault = Fault(kind, where, until, times, delay, retry_after)
        self.active.append(fault)
        return fault

    def heal(self, kind: str = "") -> None:
        self.active = [fault for fault in self.active if kind and fault.kind != kind]

    def pick(self, places: Container[str], kinds: Container[str] | None = None) -> Fault | None:
        """The first fault that holds here; one of its times is used up."""
        fault = self.peek(places, kinds)
        if fault is not None and fault.times is not None:
            fault.times -= 1
        return fault

    def peek(self, places: Container[str], kinds: Container[str] | None = None) -> Fault | None:
        now = self.clock.time()
        self.active = [fault for fault in self.active if fault.holds(now)]
        for fault in self.active:
            if (not fault.where or fault.where in places) and (kinds is None or fault.kind in kinds):
                return fault
        return None

    def names(self) -> list[str]:
        now = self.clock.time()
        return [fault.kind for fault in self.active if fault.holds(now)]
