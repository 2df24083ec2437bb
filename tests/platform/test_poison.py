"""A job that cannot succeed: parked after its tries, in nobody's way, and replayed once mended."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from lyceum.platform import jobs, queue_admin
from lyceum.platform.access import system_actor
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from tests.faults.servers import own_redis
from tests.platform import sample_work
from tests.platform.sample_work import Behaviour

ACTOR = system_actor("test")
IN_LINE = 20


class Poisoned(Exception):
    pass


@pytest.fixture(params=["postgresql", pytest.param("redis", marks=pytest.mark.services)])
async def engines(
    request: pytest.FixtureRequest, background: Engines, tmp_path: Path
) -> AsyncIterator[Engines]:
    """Engines whose jobs go through the one or the other."""
    if request.param == "postgresql":
        yield background
        return
    with own_redis(tmp_path) as redis:
        settings = background.settings.model_copy(update={"redis_url": redis.url})
        yield msgspec.structs.replace(background, settings=settings)


async def ask(engines: Engines, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(engines.database.write_pool.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def until_poison(engines: Engines, job_id: UUID, *wanted: object) -> None:
    statement = "SELECT state, attempts FROM platform.jobs WHERE id = $1"
    async with asyncio.timeout(60):
        while await ask(engines, statement, job_id) != [wanted]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_others(engines: Engines, count: int) -> None:
    statement = "SELECT count(*) FROM platform.jobs WHERE state = 'succeeded'"
    async with asyncio.timeout(60):
        while await ask(engines, statement) != [(count,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def be_poisoned(_context: JobContext, thing: str) -> None:
    if thing == "poison":
        raise Poisoned


async def ask_for(engines: Engines, *things: str) -> list[UUID]:
    async with engines.database.transaction() as tx:
        return [await jobs.enqueue(tx, ACTOR, sample_work.work, thing=thing) for thing in things]


async def test_it_is_parked_and_replayed_while_the_queue_goes_on(engines: Engines) -> None:
    Behaviour.work = be_poisoned
    async with sample_work.working(engines):
        poison, *_ = await ask_for(engines, "poison", *["good"] * IN_LINE)
        await until_others(engines, IN_LINE)
        for attempt in (1, 2):
            await until_poison(engines, poison, "waiting", attempt)
            await ask_for(engines, "good")
            await until_others(engines, IN_LINE + attempt)
            await ask(
                engines, "UPDATE platform.jobs SET available_at = now() WHERE id = $1", poison
            )
        await until_poison(engines, poison, "failed", 3)
        await ask_for(engines, "good")
        await until_others(engines, IN_LINE + 3)
        # It stays as it is until somebody acts.
        assert await ask(engines, "SELECT state FROM platform.jobs WHERE id = $1", poison) == [
            ("failed",)
        ]
        Behaviour.work = None
        async with engines.database.transaction() as tx:
            await queue_admin.retry_job(tx, ACTOR, poison)
        await until_poison(engines, poison, "succeeded", 1)
