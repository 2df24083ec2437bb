"""Statements that arrive at the same time run as one: one round trip, and of commands one commit,
for many callers.

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
from lyceum.platform.statements import Command, Query

T = TypeVar("T")

AT_ONCE: Final = 3
"""Calls of one gathered statement that a process has under way at the same time."""
PATIENCE_SECONDS: Final = 0.005
"""How long a call of a query is alone; a commit waits for a disk, so those of commands are not."""
MOST: Final = 32
"""Callers of one call."""


class Gathered(NamedTuple, Generic[T]):
    """A command for one caller, and the same for many.

    `together` takes, in place of each argument of `alone`, the array of those of all callers, and
    returns their rows in that order. The callers are sorted by their first `sorted_by` arguments,
    which are those that it locks by: two calls never wait for each other in a circle.
    """

    alone: Command[T]
    together: Command[T]
    sorted_by: int

    def answers(self, rows: list[T], callers: int) -> list[T]:
        """Return the answer of each caller; LookupError if there are not as many."""
        if len(rows) != callers:
            raise LookupError(f"{self.together.name} returned {len(rows)} rows of {callers}")
        return rows


class GatheredQuery(NamedTuple, Generic[T]):
    """A query for one caller, whose answer is a row or None, and the same for many.

    `together` takes, in place of each argument of `alone`, the array of those of all callers. Its
    rows are those of `alone` with one column more, `place`: the number of the caller, from 1.
    """

    alone: Query[T]
    together: Query[Any]
    sorted_by: int = 0

    def answers(self, rows: list[Any], callers: int) -> list[T | None]:
        """Return the answer of each caller."""
        found: list[T | None] = [None] * callers
        for row in rows:
            found[row.place - 1] = row
        return found


Arguments = tuple[Any, ...]
Caller = tuple[Arguments, asyncio.Future[T]]


class Runner(Protocol):
    """What runs one statement as its own transaction: a `Reader`, or a `SoleWriter`."""

    async def one(self, statement: Any, *arguments: object) -> Any:
        """Return its row."""

    async def one_or_none(self, statement: Any, *arguments: object) -> Any:
        """Return its row, if there is one."""

    async def all(self, statement: Any, *arguments: object) -> list[Any]:
        """Return its rows."""


class Gatherer(Generic[T]):
    """The callers of one gathered statement in this process."""

    def __init__(
        self, gathered: Gathered[T] | GatheredQuery[T], runner: Callable[[], Runner]
    ) -> None:
        self._gathered = gathered
        self._runner = runner
        self._running = 0
        self._at_once = AT_ONCE if gathered.together.writes else 1
        self._began = 0.0  # the last call
        self._alarm: asyncio.TimerHandle | None = None
        self._waiting: deque[Caller[T | None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, arguments: Arguments) -> asyncio.Future[T | None]:
        """Return what will be the row for one caller; it raises what the statement raises for it by
        itself."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[T | None] = loop.create_future()
        self._waiting.append((arguments, turn))
        if self._running < self._at_once:
            self._running += 1
            self._start(self._work())
        else:
            self._watch()
        return turn

    def _watch(self) -> None:
        """See to it that who waits does not wait for one slow call."""
        if self._alarm is None and self._running < AT_ONCE:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(PATIENCE_SECONDS, self._relieve)

    def _relieve(self) -> None:
        """Begin another call when the last has been under way for long."""
        self._alarm = None
        if not self._waiting or self._running >= AT_ONCE:
            return
        if asyncio.get_running_loop().time() >= self._began + PATIENCE_SECONDS:
            self._running += 1
            self._start(self._work())
        self._watch()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """Serve whoever waits until nobody does; who only relieves another serves once."""
        waiting = self._waiting
        try:
            while waiting:
                callers = [waiting.popleft() for _ in range(min(len(waiting), MOST))]
                self._began = asyncio.get_running_loop().time()
                await self._run_together([caller for caller in callers if not caller[1].done()])
                if self._running > self._at_once:
                    break
        finally:
            self._running -= 1
            if waiting:
                self._watch()

    async def _run_together(self, callers: list[Caller[T | None]]) -> None:
        """Answer callers; those who cannot be together are answered later, one by one."""
        if not callers:
            return
        try:
            answers = await self._ask(callers)
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
            for (_, turn), row in zip(callers, answers, strict=True):
                if not turn.done():
                    turn.set_result(row)

    async def _ask(self, callers: list[Caller[T | None]]) -> list[Any]:
        gathered = self._gathered
        if gathered.sorted_by:
            callers.sort(key=lambda caller: caller[0][: gathered.sorted_by])
        columns = map(list, zip(*(arguments for arguments, _ in callers), strict=True))
        rows = await self._runner().all(gathered.together, *columns)
        return gathered.answers(rows, len(callers))

    async def _run_alone(self, arguments: Arguments, turn: asyncio.Future[T | None]) -> None:
        alone, runner = self._gathered.alone, self._runner()
        try:
            ask = runner.one if alone.writes else runner.one_or_none
            row = await ask(alone, *arguments)
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
