"""Things asked for one by one and done together: what is asked for while some are under way makes the next batch."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
MOST = 256


class Gather(Generic[Ask, Answer]):
    """`work` answers many in their order. When it raises for several, each is asked again by itself."""

    def __init__(self, work: Callable[[Sequence[Ask]], Awaitable[Sequence[Answer]]]) -> None:
        self._work = work
        self._waiting: list[tuple[Ask, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, ask: Ask) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="gather")
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._answer([one for one in batch if not one[1].cancelled()])
        finally:
            self._task = None

    async def _answer(self, batch: Sequence[tuple[Ask, "asyncio.Future[Answer]"]]) -> None:
        if not batch:
            return
        try:
            answers = await self._work([ask for ask, _ in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to who asked
            if len(batch) > 1:
                for one in batch:
                    await self._answer([one])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
