"""The worker with SAQ on Redis: as on PostgreSQL, and when Redis goes away or forgets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest
from redis.asyncio import Redis

from lyceum.platform import jobs
from lyceum.platform.access import system_actor
from lyceum.platform.engines import Engines
from tests.platform import sample_work
from tests.platform.redis_line import CuttableLine, redis_url
from tests.platform.sample_work import effects

pytestmark = pytest.mark.services
ACTOR = system_actor("test")


@pytest.fixture
async def own_redis(worker_id: str) -> AsyncIterator[str]:
    """The address of an empty database of the test Redis, another one for each test process."""
    number = int(worker_id.removeprefix("gw")) % 14 + 1 if worker_id != "master" else 15
    url = urlunsplit(urlsplit(redis_url())._replace(path=f"/{number}"))
    async with Redis.from_url(url) as client:
        await client.flushdb()
        yield url
        await client.flushdb()


def with_redis(background: Engines, url: str) -> Engines:
    settings = background.settings.model_copy(update={"redis_url": url})
    return msgspec.structs.replace(background, settings=settings)


async def ask(background: Engines, statement: str) -> list[Any]:
    connection = await asyncpg.connect(background.database.write_pool.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def ask_for_work(background: Engines, *things: str) -> None:
    async with background.database.transaction() as tx:
        for thing in things:
            await jobs.enqueue(tx, ACTOR, sample_work.work, thing=thing)


async def until_done(background: Engines, count: int) -> None:
    async with asyncio.timeout(60):
        while await ask(  # noqa: ASYNC110 - rows do not set events
            background, "SELECT count(*) FROM platform.jobs WHERE state = 'succeeded'"
        ) != [(count,)]:
            await asyncio.sleep(0.05)


async def test_workers_run_each_job_once_and_leave_nothing(
    background: Engines, own_redis: str
) -> None:
    engines = with_redis(background, own_redis)
    things = [f"thing {number}" for number in range(40)]
    async with sample_work.working(engines), sample_work.working(engines):
        await ask_for_work(background, *things)
        await until_done(background, 40)
    assert Counter(e.thing for e in await effects(background.database)) == Counter(things)
    async with Redis.from_url(own_redis) as client:
        assert not await client.keys("saq:job:*")


async def test_jobs_wait_while_redis_is_away(background: Engines, own_redis: str) -> None:
    async with (
        CuttableLine(own_redis) as line,
        sample_work.working(with_redis(background, line.url)),
    ):
        await ask_for_work(background, "before")
        await until_done(background, 1)
        line.cut()
        await ask_for_work(background, "during")
        await asyncio.sleep(1.5)
        line.mend()
        await until_done(background, 2)
        await ask_for_work(background, "after")
        await until_done(background, 3)


async def test_a_worker_starts_without_redis_and_stops_without_it(
    background: Engines, own_redis: str
) -> None:
    async with CuttableLine(own_redis) as line:
        line.cut()
        async with sample_work.working(with_redis(background, line.url)):
            await ask_for_work(background, "a")
            await asyncio.sleep(0.5)
            line.mend()
            await until_done(background, 1)
            line.cut()


async def test_jobs_that_redis_has_forgotten_are_offered_again(
    background: Engines, own_redis: str
) -> None:
    await ask_for_work(background, "a", "b")
    await ask(
        background,
        "UPDATE platform.jobs SET state = 'queued', queued_at = now() - interval '31 s'",
    )
    async with sample_work.working(with_redis(background, own_redis)):
        await until_done(background, 2)
