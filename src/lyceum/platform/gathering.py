"""Commands that arrive at the same time run as one: one round trip and one commit for many callers.

Whoever comes while some run waits for the next of them to end, and goes together with all who wait:
a quiet process delays nobody, and a busy one does less for each. What fails together is tried again
one by one, so that nobody has the trouble of others. Not here: connections and transactions
(`database`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from lyceum.platform import errors
from lyceum.platform.database_errors import ConstraintBroken
from lyceum.platform.statements import Command

T = TypeVar("T")

AT_ONCE: Final = 3
"""Transactions of one gathered command that a process runs at the same time."""
MOST: Final = 32
"""Callers of one transaction."""


class Gathered(NamedTuple, Generic[T]):
    """A command for one caller, and the same for many.

    `together` takes, in place of each argument of `alone`, the array of those of all callers, and
    returns their rows in that order. The callers are sorted by their first `sorted_by` arguments,
    which are those that it locks by: two calls never wait for each other in a circle.
    """

    alone: Command[T]
    together: Command[T]
    sorted_by: int


Arguments = tuple[Any, ...]
Caller = tuple[Arguments, asyncio.Future[T]]


class Runner(Protocol):
    """What runs one command as its own transaction: a `SoleWriter`."""

    async def one(self, statement: Command[T], *arguments: object) -> T:
        """Return its row."""

    async def all(self, statement: Command[T], *arguments: object) -> list[T]:
        """Return its rows."""


class Gatherer(Generic[T]):
    """The callers of one gathered command in this process."""

    def __init__(self, gathered: Gathered[T], runner: Callable[[], Runner]) -> None:
        self._gathered = gathered
        self._runner = runner
        self._running = 0
        self._waiting: deque[Caller[T]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, arguments: Arguments) -> T:
        """Return the row for one caller; raises what the command raises for it by itself."""
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, turn))
        if self._running < AT_ONCE:
            self._running += 1
            self._start(self._work())
        return await turn

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """Serve whoever waits until nobody does."""
        waiting = self._waiting
        try:
            while waiting:
                callers = [waiting.popleft() for _ in range(min(len(waiting), MOST))]
                await self._run_together([caller for caller in callers if not caller[1].done()])
        finally:
            self._running -= 1

    async def _run_together(self, callers: list[Caller[T]]) -> None:
        """Answer callers; those who cannot be together are answered later, one by one."""
        if not callers:
            return
        callers.sort(key=lambda caller: caller[0][: self._gathered.sorted_by])
        try:
            columns = map(list, zip(*(arguments for arguments, _ in callers), strict=True))
            rows = await self._runner().all(self._gathered.together, *columns)
            answers = list(zip(callers, rows, strict=True))
        except errors.DatabaseUnreachable as fact:
            # It is recorded or not, for all of them: nobody knows.
            _fail(callers, fact)
        except (errors.Fact, ConstraintBroken):
            # Somebody's trouble. Each has its own from here on, and holds up nobody who comes.
            for caller in callers:
                self._start(self._run_alone(*caller))
        except BaseException as problem:
            _fail(callers, problem)
            if not isinstance(problem, Exception):
                raise
        else:
            for (_, turn), row in answers:
                if not turn.done():
                    turn.set_result(row)

    async def _run_alone(self, arguments: Arguments, turn: asyncio.Future[T]) -> None:
        try:
            row = await self._runner().one(self._gathered.alone, *arguments)
        except BaseException as problem:
            _fail([(arguments, turn)], problem)
            if not isinstance(problem, Exception):
                raise
        else:
            if not turn.done():
                turn.set_result(row)


def _fail(callers: Iterable[Caller[Any]], problem: BaseException) -> None:
    for _, turn in callers:
        if turn.done():
            continue
        if isinstance(problem, asyncio.CancelledError):
            turn.cancel()
        else:
            turn.set_exception(problem)
