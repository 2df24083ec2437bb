"""What the background work survives: kill -9 of a worker, and of PostgreSQL under it."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from lyceum.app.engines import open_engines
from lyceum.platform import events, jobs, migrations, runner
from lyceum.platform.access import system_actor
from lyceum.platform.embedded import EmbeddedPostgres, start_embedded
from lyceum.platform.engines import Engines
from lyceum.platform.job_runs import JobRunner
from lyceum.platform.settings import Settings
from tests.platform import sample_work
from tests.platform.sample_work import Counted, actor_of, effects, until_effects

ACTOR = system_actor("test")
LIVE = "from tests.platform.sample_work import live; live()"
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(dsn: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker in a process of its own, which is killed at the end if it still lives."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIVE, dsn, str(folder), cwd=ROOT, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def ask(dsn: str, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def until(dsn: str, statement: str, wanted: int, *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while await ask(dsn, statement) != [(wanted,)]:  # noqa: ASYNC110 - rows do not set events
            await asyncio.sleep(0.05)


async def emit_many(background: Engines, keys: int, each: int) -> None:
    async with background.database.transaction() as tx:
        for number in range(each):
            for key in range(keys):
                await events.emit(tx, ACTOR, Counted(thing=f"key {key}", number=number))


async def ask_for_work(background: Engines, *things: str) -> list[UUID]:
    async with background.database.transaction() as tx:
        return [await jobs.enqueue(tx, ACTOR, sample_work.work, thing=thing) for thing in things]


async def check_order(background: Engines, keys: int, each: int) -> None:
    done = await effects(background.database)
    for key in range(keys):
        for doer in ("first", "second"):
            numbers = [e.number for e in done if (e.doer, e.thing) == (doer, f"key {key}")]
            assert numbers == list(range(each)), (doer, key)


async def test_a_worker_killed_amid_events_loses_none_and_repeats_none(
    background: Engines, quiet_dsn: str, tmp_path: Path
) -> None:
    await emit_many(background, keys=10, each=40)
    for begun in (50, 300, 550):
        async with process(quiet_dsn, tmp_path) as worker:
            await until_effects(background.database, begun)
            worker.kill()
        # What it had claimed is under its lease; the test does not wait for the end of that.
        await ask(quiet_dsn, "UPDATE platform.outbox SET held_until = now()")
    async with process(quiet_dsn, tmp_path):
        await until(quiet_dsn, "SELECT count(*) FROM platform.outbox", 0)
    await check_order(background, keys=10, each=40)


async def test_a_worker_killed_between_two_handlers_does_not_repeat_the_first(
    background: Engines, quiet_dsn: str, tmp_path: Path
) -> None:
    # The second handler waits for this lock, so that the worker is between the two for sure.
    lock = await asyncpg.connect(quiet_dsn)
    await lock.execute("BEGIN; LOCK TABLE public.effects IN SHARE MODE")
    async with process(quiet_dsn, tmp_path) as worker:
        await emit_many(background, keys=1, each=1)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        await until(quiet_dsn, waiting, 1)
        await lock.execute("COMMIT")
        await until_effects(background.database, 1)
        await lock.execute("BEGIN; LOCK TABLE public.effects IN SHARE MODE")
        worker.kill()
        await worker.wait()
        await lock.execute("COMMIT")
    await lock.close()
    await ask(quiet_dsn, "UPDATE platform.outbox SET held_until = now()")
    async with process(quiet_dsn, tmp_path):
        await until(quiet_dsn, "SELECT count(*) FROM platform.outbox", 0)
    await check_order(background, keys=1, each=1)


async def test_a_job_whose_worker_is_killed_is_run_by_the_next_one(
    background: Engines, quiet_dsn: str, tmp_path: Path
) -> None:
    async with process(quiet_dsn, tmp_path) as worker:
        done, hung = await ask_for_work(background, "done", "hang")
        await until(quiet_dsn, "SELECT count(*) FROM platform.jobs WHERE state = 'succeeded'", 1)
        await until(quiet_dsn, "SELECT count(*) FROM platform.jobs WHERE state = 'running'", 1)
        worker.kill()
    await ask(quiet_dsn, "UPDATE platform.jobs SET leased_until = now() WHERE id = $1", hung)
    await JobRunner(background, actor_of).recover_lost()
    await ask(quiet_dsn, "UPDATE platform.jobs SET available_at = now()")
    stop = asyncio.Event()
    working = asyncio.create_task(runner.run_worker(background, stop, actor_of))
    await until(quiet_dsn, "SELECT count(*) FROM platform.jobs WHERE state = 'succeeded'", 2)
    stop.set()
    await working
    assert Counter(e.thing for e in await effects(background.database)) == {"done": 1, "hang": 2}
    assert done != hung
    await ask(quiet_dsn, "TRUNCATE platform.saq_jobs")


async def test_a_worker_ends_on_sigterm_and_gives_back_what_hangs(
    background: Engines, quiet_dsn: str, tmp_path: Path
) -> None:
    async with process(quiet_dsn, tmp_path) as worker:
        await ask_for_work(background, "a")
        await until(quiet_dsn, "SELECT count(*) FROM platform.jobs WHERE state = 'succeeded'", 1)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 20) == 0


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL that the test may kill; what it has acknowledged is on the disk."""
    server = await asyncio.to_thread(start_embedded, tmp_path / "var")
    await asyncio.to_thread(migrations.upgrade, server.dsn)
    yield server
    await asyncio.to_thread(server.stop)


async def test_a_worker_goes_on_when_postgresql_was_killed(
    own_server: EmbeddedPostgres, settings: Settings, only_samples: None, tmp_path: Path
) -> None:
    async def kill_and_restart() -> None:
        pid = own_server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(own_server.launch)
        await asyncio.to_thread(own_server.wait_ready, 60)

    own = settings.model_copy(update={"data_dir": tmp_path})
    async with open_engines(own, own_server.dsn) as background:
        await sample_work.empty(background.database)
        stop = asyncio.Event()
        working = asyncio.create_task(runner.run_worker(background, stop, actor_of))
        await emit_many(background, keys=10, each=40)
        await ask_for_work(background, *(f"before {n}" for n in range(20)))
        await until_effects(background.database, 100)
        await kill_and_restart()
        await emit_many(background, keys=1, each=0)
        await ask_for_work(background, *(f"after {n}" for n in range(20)))
        await until(own_server.dsn, "SELECT count(*) FROM platform.outbox", 0)
        await until(
            own_server.dsn, "SELECT count(*) FROM platform.jobs WHERE state = 'succeeded'", 40,
            seconds=90,
        )  # fmt: skip
        stop.set()
        await working
        await check_order(background, keys=10, each=40)
        done = {e.thing for e in await effects(background.database) if e.doer == "work"}
    assert done == {f"{when} {n}" for when in ("before", "after") for n in range(20)}
