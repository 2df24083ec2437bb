"""The worker as it runs: SAQ on PostgreSQL, several workers, stopping, schedules."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from lyceum.platform import events, housekeeping, ids, jobs, runner, schedule
from lyceum.platform.access import system_actor
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from tests.platform import sample_work
from tests.platform.sample_work import (
    Behaviour,
    Counted,
    Effect,
    actor_of,
    effects,
    until_effects,
)

ACTOR = system_actor("test")


@asynccontextmanager
async def workers(background: Engines, count: int = 1) -> AsyncIterator[asyncio.Event]:
    """Run as many workers as processes would; the event stops them, as does the end."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(runner.run_worker(background, stop, actor_of))
        try:
            yield stop
        finally:
            stop.set()


async def ask(background: Engines, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(background.database.write_pool.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def ask_for_work(background: Engines, *things: str) -> list[UUID]:
    async with background.database.transaction() as tx:
        return [await jobs.enqueue(tx, ACTOR, sample_work.work, thing=thing) for thing in things]


def hold_work() -> asyncio.Event:
    """Let every job wait for the event."""
    go_on = asyncio.Event()

    async def wait(_context: JobContext, _thing: str) -> None:
        await go_on.wait()

    Behaviour.work = wait
    return go_on


async def until(background: Engines, rows: list[Any], statement: str, *arguments: object) -> None:
    """Wait until a statement returns these rows."""
    found = None
    try:
        async with asyncio.timeout(30):
            while (found := await ask(background, statement, *arguments)) != rows:  # noqa: ASYNC110 - a row that another process writes sets no event of this one
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"still {found}")


async def until_state(background: Engines, state: str, count: int = 1) -> None:
    await until(
        background, [(count,)], "SELECT count(*) FROM platform.jobs WHERE state = $1", state
    )


async def test_events_and_jobs_are_done_as_they_come(background: Engines) -> None:
    async with workers(background):
        async with background.database.transaction() as tx:
            await events.emit(tx, ACTOR, Counted(thing="a"))
            await jobs.enqueue(tx, ACTOR, sample_work.work, thing="b")
            await jobs.enqueue(
                tx, ACTOR, sample_work.measure, thing_id=ids.new_id(), size=sample_work.Size(1)
            )
        await until_effects(background.database, 3)
        await until_state(background, "succeeded", 2)
    done = {(e.doer, e.thing) for e in await effects(background.database)}
    assert done == {("first", "a"), ("second", "a"), ("work", "b")}


async def test_several_workers_run_each_job_once(background: Engines) -> None:
    things = [f"thing {number}" for number in range(60)]
    async with workers(background, 3):
        await ask_for_work(background, *things)
        await until_state(background, "succeeded", 60)
        # SAQ keeps nothing of what is done, and lets go of the last one a moment after us.
        await until(background, [], "SELECT key, status, job FROM platform.saq_jobs")
    done = Counter(e.thing for e in await effects(background.database))
    assert done == Counter(things)


async def test_a_worker_that_stops_leaves_nothing_of_a_job_that_is_done(
    background: Engines,
) -> None:
    go_on = hold_work()
    slow = await asyncpg.connect(background.database.write_pool.dsn)
    async with workers(background) as stop:
        await ask_for_work(background, "a")
        await until_state(background, "running")
        async with slow.transaction():
            await slow.execute("SELECT FROM platform.saq_jobs FOR UPDATE")
            go_on.set()
            await until_state(background, "succeeded")
            stop.set()
            await asyncio.sleep(0.3)
    await slow.close()
    assert await ask(background, "SELECT key, status FROM platform.saq_jobs") == []


async def test_a_failed_job_comes_back_after_its_pause(background: Engines) -> None:
    async def fail_at_first(context: JobContext, _thing: str) -> None:
        if context.attempt < 3:
            raise ConnectionError("not yet")

    Behaviour.work = fail_at_first
    async with workers(background):
        await ask_for_work(background, "a")
        for attempt in (1, 2):
            await until_effects(background.database, attempt)
            await until_state(background, "waiting")
            await ask(background, "UPDATE platform.jobs SET available_at = now()")
        await until_state(background, "succeeded")
    assert await effects(background.database) == [
        Effect("work", "a", 1),
        Effect("work", "a", 2),
        Effect("work", "a", 3),
    ]


async def test_a_cancelled_job_that_is_in_the_queue_is_not_run(background: Engines) -> None:
    go_on = hold_work()
    async with workers(background):
        # One more than run at once, so that one stays in the queue.
        await ask_for_work(background, "a", "b", "c", "d", "e")
        await until_state(background, "running", 4)
        await until_state(background, "queued", 1)
        [(cancelled,)] = await ask(
            background,
            "UPDATE platform.jobs SET state = 'cancelled' WHERE state = 'queued'"
            " RETURNING arguments->>'thing'",
        )
        go_on.set()
        await until_state(background, "succeeded", 4)
        await asyncio.sleep(0.2)
    assert cancelled not in {e.thing for e in await effects(background.database)}
    assert len(await effects(background.database)) == 4


@pytest.mark.parametrize("trace", [None, "active", "queued"], ids=str)
async def test_a_job_that_a_killed_worker_took_out_of_the_queue_is_offered_again(
    background: Engines, trace: str | None
) -> None:
    async with workers(background):  # makes the queue's tables
        await asyncio.sleep(0)
        [job_id] = await ask_for_work(background, "a")
        await until_state(background, "succeeded")
    await sample_work.empty(background.database)
    [job_id] = await ask_for_work(background, "a")
    await ask(
        background,
        "UPDATE platform.jobs SET state = 'queued', queued_at = now() - interval '31 s'",
    )
    if trace is not None:
        stored: dict[str, Any] = {
            "function": "run_job",
            "kwargs": {"job_id": str(job_id)},
            "queue": "default",
        }
        stored |= {"key": f"{job_id}.1", "timeout": 99, "started": int(time.time() * 1000)}
        await ask(
            background,
            "INSERT INTO platform.saq_jobs (key, job, queue, status) VALUES ($1, $2, $3, $4)",
            f"{job_id}.1",
            json.dumps(stored).encode(),
            "default",
            trace,
        )
    async with workers(background):
        await until_state(background, "succeeded")
    assert await effects(background.database) == [Effect("work", "a", 1)]
    await ask(background, "TRUNCATE platform.saq_jobs")


async def test_a_stop_waits_for_the_job_that_runs_and_leaves_the_others(
    background: Engines,
) -> None:
    go_on = hold_work()
    async with workers(background) as stop:
        await ask_for_work(background, "a", "b", "c", "d", "e", "f")
        await until_state(background, "running", 4)
        stop.set()
        await asyncio.sleep(0.1)
        go_on.set()
    assert (
        await ask(background, "SELECT state, attempts FROM platform.jobs ORDER BY state, attempts")
        == [("queued", 0)] * 2 + [("succeeded", 1)] * 4
    )
    Behaviour.work = None
    async with workers(background):
        await until_state(background, "succeeded", 6)


async def test_a_job_that_outlives_the_grace_is_put_back(
    background: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_context: JobContext, _thing: str) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(runner, "GRACE_SECONDS", 0.1)
    Behaviour.work = hang
    async with workers(background):
        await ask_for_work(background, "a")
        await until_state(background, "running")
    assert await ask(background, "SELECT state, attempts FROM platform.jobs") == [("waiting", 0)]
    Behaviour.work = None
    async with workers(background):
        await until_state(background, "succeeded")


async def test_a_worker_that_stops_leaves_nothing_running(background: Engines) -> None:
    async with workers(background, 2):
        await ask_for_work(background, "a")
        await until_state(background, "succeeded")
    mine = {t.get_name() for t in asyncio.all_tasks()} - {"listener"}
    assert not [name for name in mine if "process" in name or "pool" in name]


def test_the_last_due_time_is_found_to_the_minute() -> None:
    noon = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert schedule.last_due("0 12 * * *", noon) == noon
    assert schedule.last_due("0 12 * * *", noon - timedelta(seconds=1)) == noon - timedelta(days=1)
    assert schedule.last_due("*/5 * * * *", noon + timedelta(minutes=9)) == noon + timedelta(
        minutes=5
    )
    assert schedule.last_due("30 2 * * mon", noon) == datetime(2026, 2, 23, 2, 30, tzinfo=UTC)


async def test_a_scheduled_job_starts_once_over_all_workers(background: Engines) -> None:
    def noon(year: int) -> datetime:
        return datetime(year, 3, 1, 12, 0, tzinfo=UTC)

    clocks = [schedule.Scheduler(background.database) for _ in range(3)]

    async def look(now: datetime) -> int:
        return sum(await asyncio.gather(*(each.start_due(now) for each in clocks)))

    assert await look(noon(2020)) == 0  # a new installation does not begin with everything
    assert await look(noon(2021) - timedelta(seconds=1)) == 0
    assert await look(noon(2021)) == 1
    assert await runner.drain(background, actor_of) == 1
    # A slower worker comes to the same due time when the job is done already.
    late = schedule.Scheduler(background.database)
    assert await late.start_due(noon(2021) + timedelta(minutes=1)) == 0
    # What was missed is made up for once.
    assert await look(noon(2024) + timedelta(days=3)) == 1
    # The run before is not done yet, so this one is left out.
    assert await look(noon(2025)) == 1
    assert await runner.drain(background, actor_of) == 1
    assert [e.doer for e in await effects(background.database)] == ["tick", "tick"]


async def test_a_worker_runs_the_jobs_of_its_domains_alone(background: Engines) -> None:
    missed = "INSERT INTO platform.schedules VALUES ('tests.tick', now() - interval '2 years')"
    await ask(background, missed)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        others = runner.run_worker(background, stop, actor_of, consumers=("somebody", "platform"))
        group.create_task(others)
        await ask_for_work(background, "a", "b")
        await asyncio.sleep(2.5)
        assert await ask(background, "SELECT name, state, attempts FROM platform.jobs") == [
            ("tests.work", "waiting", 0)
        ] * 2  # fmt: skip
        group.create_task(runner.run_worker(background, stop, actor_of, consumers=("tests",)))
        await until_state(background, "succeeded", 3)
        stop.set()
    done = Counter(e.doer for e in await effects(background.database))
    assert done == {"work": 2, "tick": 1}


async def test_workers_of_some_and_of_all_domains_share_the_work(background: Engines) -> None:
    stop = asyncio.Event()
    await ask_for_work(background, *"abcdefghijkl")
    async with asyncio.TaskGroup() as group:
        for consumers in (None, ("somebody",), ("tests",)):
            group.create_task(runner.run_worker(background, stop, actor_of, consumers=consumers))
        await until_state(background, "succeeded", 12)
        stop.set()
    assert Counter(e.thing for e in await effects(background.database)) == dict.fromkeys(
        "abcdefghijkl", 1
    )


async def test_two_workers_start_a_scheduled_job_once(background: Engines) -> None:
    await ask(
        background,
        "INSERT INTO platform.schedules VALUES ('tests.tick', now() - interval '2 years')",
    )
    async with workers(background, 2):
        await until_state(background, "succeeded")
        await asyncio.sleep(1.5)
    assert [e.doer for e in await effects(background.database)] == ["tick"]


async def test_housekeeping_deletes_what_is_old_and_keeps_the_rest(background: Engines) -> None:
    def declare() -> None:
        jobs.job()(housekeeping.purge_inbox)
        jobs.job()(housekeeping.purge_finished_jobs)
        jobs.job()(housekeeping.purge_idempotency_keys)

    declare()
    parked, gone = ids.new_id(), ids.new_id()
    await ask(
        background,
        "INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at, request_id,"
        " dead_at, held_until) VALUES ($1, 'x', 1, 'x', '{}', now(), '', now(), 'infinity')",
        parked,
    )
    for event_id, days in ((parked, 31), (gone, 31), (ids.new_id(), 29)):
        await ask(
            background,
            "INSERT INTO platform.inbox VALUES ('h', $1, now() - make_interval(days => $2))",
            event_id,
            days,
        )
    for state, hours in (("succeeded", 25), ("cancelled", 25), ("succeeded", 23), ("failed", 999)):
        await ask(
            background,
            "INSERT INTO platform.jobs (id, name, queue, arguments, request_id, state, finished_at)"
            " VALUES ($1, 'x', 'default', '{}', '', $2, now() - make_interval(hours => $3))",
            ids.new_id(),
            state,
            hours,
        )
    for hours in (25, 23):
        await ask(
            background,
            "INSERT INTO platform.idempotency_keys VALUES ('o', 'r', $1, '', 200, '{}', '',"
            " now() - make_interval(hours => $2))",
            str(hours),
            hours,
        )
    async with background.database.transaction() as tx:
        await jobs.enqueue(tx, ACTOR, housekeeping.purge_inbox)
        await jobs.enqueue(tx, ACTOR, housekeeping.purge_finished_jobs)
        await jobs.enqueue(tx, ACTOR, housekeeping.purge_idempotency_keys)
    assert await runner.drain(background, actor_of) == 3
    assert gone not in {
        row[0] for row in await ask(background, "SELECT event_id FROM platform.inbox")
    }
    assert len(await ask(background, "SELECT 1 FROM platform.inbox")) == 2
    kept = await ask(background, "SELECT state FROM platform.jobs WHERE name = 'x' ORDER BY state")
    assert kept == [("failed",), ("succeeded",)]
    assert await ask(background, "SELECT key FROM platform.idempotency_keys") == [("23",)]
