"""Events and jobs to try the background work with; a test says how they behave.

Also a worker to be killed: `python -c "from tests.platform.sample_work import live; live()"`.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from lyceum.app.engines import open_engines
from lyceum.platform import dead_letter_events, events, job_events, jobs, runner
from lyceum.platform.access import Actor
from lyceum.platform.database import Database, Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.settings import load_settings
from lyceum.platform.statements import Command, Query, command, sql

ABOUT_WORK: tuple[type[events.Event], ...] = (
    job_events.JobCancelled, job_events.JobRetried, job_events.JobDiscarded,
    job_events.FailuresRetried, job_events.FailuresDiscarded, job_events.ScheduleStarted,
    dead_letter_events.DeadLetterReplayed, dead_letter_events.DeadLetterDropped,
)  # fmt: skip


class Counted(events.Event, frozen=True, kw_only=True):
    """Somebody counted; `thing` orders."""

    thing: str
    number: int = 0


class Ignored(events.Event, frozen=True, kw_only=True):
    """Nobody handles this."""

    thing: str


class Size(msgspec.Struct, frozen=True):
    width: int
    unit: str = "cm"


class Effect(NamedTuple):
    doer: str
    thing: str
    number: int


class Behaviour:
    """What the samples do when they run; tests replace it."""

    first: Callable[[Writer, Counted], Awaitable[None]] | None = None
    second: Callable[[Writer, Counted], Awaitable[None]] | None = None
    work: Callable[[JobContext, str], Awaitable[Any]] | None = None


# Statements are made when they are first used: those of the program are listed by a test.
@cache
def _leave() -> Command[None]:
    return command("INSERT INTO public.effects (doer, thing, number) VALUES ($1, $2, $3)")


@cache
def _effects() -> Query[Any]:
    class Row(msgspec.Struct, frozen=True):
        doer: str
        thing: str
        number: int

    return sql("SELECT doer, thing, number FROM public.effects ORDER BY id", Row)


@cache
def _ddl(text: str) -> Command[None]:
    return command(text)


async def empty(database: Database) -> None:
    """Take away all events, jobs and effects."""
    Behaviour.first = Behaviour.second = Behaviour.work = None
    async with database.transaction() as tx:
        await tx.execute(
            _ddl(
                "CREATE TABLE IF NOT EXISTS public.effects (id bigint GENERATED ALWAYS AS IDENTITY,"
                " doer text NOT NULL, thing text NOT NULL, number int NOT NULL)"
            )
        )
        await tx.execute(_ddl("TRUNCATE public.effects, platform.outbox, platform.inbox"))
        await tx.execute(_ddl("TRUNCATE platform.jobs, platform.schedules, platform.workers"))
        # Made by the first worker: the queue of a test that cut one off is not the next one's.
        await tx.execute(
            _ddl(
                "DO $$ BEGIN IF to_regclass('platform.saq_jobs') IS NOT NULL THEN"
                " TRUNCATE platform.saq_jobs; END IF; END $$"
            )
        )


async def leave(tx: Writer, doer: str, thing: str, number: int = 0) -> None:
    """Leave an effect behind."""
    await tx.execute(_leave(), doer, thing, number)


async def effects(database: Database) -> list[Effect]:
    """Return the effects in the order in which they came about."""
    return [
        Effect(row.doer, row.thing, row.number) for row in await database.reader().all(_effects())
    ]


async def until_effects(database: Database, count: int, *, seconds: float = 30) -> None:
    """Wait until there are so many effects."""
    async with asyncio.timeout(seconds):
        while len(await effects(database)) < count:  # noqa: ASYNC110 - rows do not set events
            await asyncio.sleep(0.02)


async def first(tx: Writer, happened: Counted) -> None:
    await leave(tx, "first", happened.thing, happened.number)
    if Behaviour.first is not None:
        await Behaviour.first(tx, happened)


async def second(tx: Writer, happened: Counted) -> None:
    await leave(tx, "second", happened.thing, happened.number)
    if Behaviour.second is not None:
        await Behaviour.second(tx, happened)


async def work(context: JobContext, *, thing: str) -> Any:
    async with context.transaction() as tx:
        await leave(tx, "work", thing, context.attempt)
    return await Behaviour.work(context, thing) if Behaviour.work is not None else None


async def measure(context: JobContext, *, thing_id: UUID, size: Size, times: int = 2) -> Size:
    assert isinstance(thing_id, UUID)
    return Size(size.width * times, size.unit)


async def tick(context: JobContext) -> None:
    async with context.transaction() as tx:
        await leave(tx, "tick", "")


def declare() -> None:
    """Declare the samples in whatever registries are there now."""
    events.event("sample.counted")(Counted)
    events.event("sample.ignored")(Ignored)
    declared = {event.name for event in events.all_events()}
    for known in ABOUT_WORK:
        if known.name not in declared:
            events.event(known.name)(known)
    events.handles(Counted)(first)
    events.handles(Counted)(second)
    jobs.job(timeout_seconds=30)(work)
    jobs.job(queue="high-priority")(measure)
    jobs.job(cron="0 12 1 3 *")(tick)  # so that no test meets it by chance


async def actor_of(_tx: Reader, user_id: UUID) -> Actor:
    """Make a student of whoever asked."""
    return Actor(user_id=user_id, roles=("student",))


@asynccontextmanager
async def working(engines: Engines) -> AsyncIterator[None]:
    """Run a worker in this process for the length of the block."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.run_worker(engines, stop, actor_of))
        try:
            yield
        finally:
            stop.set()


async def _hang(_context: JobContext, thing: str) -> None:
    if thing.startswith("hang"):
        await asyncio.sleep(3600)


async def _be_slow(_tx: Writer, _happened: Counted) -> None:
    await asyncio.sleep(0.005)


async def _live(dsn: str, folder: Path) -> None:
    Behaviour.work = _hang
    Behaviour.first = Behaviour.second = _be_slow
    declare()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = load_settings(environment="test", data_dir=folder, rate_limits="off")
    async with open_engines(settings, dsn) as engines:
        await runner.run_worker(engines, stop, actor_of)


def live() -> None:
    """Be a worker on the database of the first argument, with the data folder of the second."""
    asyncio.run(_live(sys.argv[1], Path(sys.argv[2])))
