import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis

from lyceum.platform.cache import ProcessCache
from lyceum.platform.cache_redis import RedisCache
from tests.platform.redis_line import CuttableLine, redis_url

pytestmark = pytest.mark.services


class Source:
    def __init__(self, body: bytes = b"body") -> None:
        self.body = body
        self.reads = 0

    async def __call__(self) -> bytes:
        self.reads += 1
        body = self.body
        await asyncio.sleep(0.001)
        return body


class Held(Source):
    """A source whose read does not end before `go_on` is set."""

    def __init__(self, body: bytes = b"body") -> None:
        super().__init__(body)
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> bytes:
        body = await super().__call__()
        self.started.set()
        await self.go_on.wait()
        return body


@asynccontextmanager
async def processes(number: int, *, line: str | None = None) -> AsyncIterator[list[RedisCache]]:
    """Yield caches as that many processes would have them, under a prefix of their own."""
    url, prefix = redis_url(), f"cache-test-{secrets.token_hex(6)}:"
    async with AsyncExitStack() as stack:
        caches = []
        for index in range(number):
            where = line if line and index == 0 else url
            cache = RedisCache(where, ProcessCache(), prefix=prefix)
            await cache.start()
            stack.push_async_callback(cache.close)
            caches.append(cache)
        yield caches
    async with Redis.from_url(url) as client:
        async for key in client.scan_iter(match=prefix + "*"):
            await client.delete(key)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - the cache has no event to wait for
            await asyncio.sleep(0.01)


async def test_second_process_takes_the_body_from_redis() -> None:
    async with processes(2) as (a, b):
        source = Source(bytes(range(256)))
        await a.get_or_fill("courses:1", ("course:1",), 60, source)
        assert await b.get_or_fill("courses:1", ("course:1",), 60, source) == source.body
        assert (source.reads, b.shared_hits) == (1, 1)
        assert b.peek("courses:1") == source.body


async def test_keys_in_redis_have_the_prefix_and_an_end() -> None:
    async with processes(1) as (a,), Redis.from_url(redis_url()) as client:
        await a.get_or_fill("courses:1", ("course:1",), 100, Source())
        await a.block(("course:1",))
        await a.release(("course:1",))
        prefix = a._prefix  # noqa: SLF001 - what an operator sees in Redis
        assert 90_000 <= await client.pttl(prefix + "courses:1") <= 110_000
        async for key in client.scan_iter(match=prefix + "*"):
            assert await client.pttl(key) > 0


async def test_stampede_on_a_cold_key_fills_once() -> None:
    async with processes(1) as (a,):
        source = Source()
        await asyncio.gather(*(a.get_or_fill("k", (), 60, source) for _ in range(200)))
        assert source.reads == 1


async def test_write_in_one_process_is_seen_in_the_other() -> None:
    async with processes(2) as (a, b):
        source = Source(b"old")
        await a.get_or_fill("k", ("t",), 60, source)
        await b.get_or_fill("k", ("t",), 60, source)
        await a.block(("t",))
        await until(lambda: b.peek("k") is None)
        await b.get_or_fill("k", ("t",), 60, source)
        assert b.peek("k") is None, "a blocked tag is not kept in another process"
        source.body = b"new"
        await a.release(("t",))
        assert await b.get_or_fill("k", ("t",), 60, source) == b"new"
        await until(lambda: b.peek("k") is not None or b.stats().entries == 0)
        assert await a.get_or_fill("k", ("t",), 60, source) == b"new"


async def test_read_that_began_before_a_write_elsewhere_is_never_kept() -> None:
    async with processes(2) as (a, b):
        held = Held(b"old")
        slow = asyncio.create_task(b.get_or_fill("k", ("t",), 60, held))
        await held.started.wait()
        await a.block(("t",))
        await a.release(("t",))
        held.go_on.set()
        assert await slow == b"old"
        assert b.peek("k") is None
        new = Source(b"new")
        assert await a.get_or_fill("k", ("t",), 60, new) == b"new"
        assert await b.get_or_fill("k", ("t",), 60, new) == b"new"


async def test_read_under_a_writer_that_dies_is_never_kept() -> None:
    async with processes(2) as (a, b):
        held = Held(b"old")
        await a.block(("t",))
        slow = asyncio.create_task(b.get_or_fill("k", ("t",), 60, held))
        await held.started.wait()
        held.go_on.set()
        await slow
        assert b.peek("k") is None
        new = Source(b"new")
        assert await b.get_or_fill("k", ("t",), 60, new) == b"new"


async def test_without_redis_a_process_answers_for_itself_and_comes_back() -> None:
    async with CuttableLine(redis_url()) as line, processes(2, line=line.url) as (a, b):
        source = Source(b"old")
        await a.get_or_fill("k", ("t",), 60, source)
        assert a.healthy
        line.cut()
        await until(lambda: not a.healthy)
        assert a.peek("k") is None, "nobody would tell it of a change"
        await a.block(("t",))
        source.body = b"new"
        await a.release(("t",))
        assert await a.get_or_fill("k", ("t",), 60, source) == b"new"
        assert a.peek("k") == b"new"
        assert await b.get_or_fill("k", ("t",), 60, source) == b"old", "b cannot know yet"
        line.mend()
        await until(lambda: a.healthy)
        await until(lambda: b.peek("k") is None)
        assert await b.get_or_fill("k", ("t",), 60, source) == b"new"
        assert await a.get_or_fill("k", ("t",), 60, source) == b"new"


async def test_redis_that_hangs_is_left_after_one_timeout() -> None:
    async with CuttableLine(redis_url()) as line, processes(1, line=line.url) as (a,):
        source = Source()
        line.stall()
        for number in range(20):
            await a.get_or_fill(f"k{number}", ("t",), 60, source)
        assert not a.healthy
        assert source.reads == 20
        line.mend()
        await until(lambda: a.healthy)


async def test_redis_that_forgets_everything_costs_a_fill() -> None:
    async with processes(2) as (a, b), Redis.from_url(redis_url()) as client:
        source = Source(b"old")
        await a.get_or_fill("k", ("t",), 60, source)
        await client.delete(*[key async for key in client.scan_iter(match=a._prefix + "*")])  # noqa: SLF001
        source.body = b"new"
        assert await b.get_or_fill("k", ("t",), 60, source) == b"new"


async def test_no_redis_at_start_is_no_fault() -> None:
    cache = RedisCache("redis://127.0.0.1:1/0", ProcessCache())
    await cache.start(patience=0.05)
    try:
        assert await cache.get_or_fill("k", ("t",), 60, Source()) == b"body"
        await cache.block(("t",))
        await cache.release(("t",))
        assert not cache.healthy
    finally:
        await cache.close()


async def test_readers_and_writers_of_three_processes_never_keep_what_is_stale() -> None:
    async with processes(3) as caches:
        version = 0

        async def read() -> bytes:
            seen = version
            await asyncio.sleep(0.002)
            return b"%d" % seen

        async def write(cache: RedisCache) -> None:
            nonlocal version
            for _ in range(25):
                await cache.block(("t",))
                await asyncio.sleep(0.001)
                version += 1
                await cache.release(("t",))
                await asyncio.sleep(0.003)

        async def watch(cache: RedisCache) -> None:
            while not done.is_set():
                await cache.get_or_fill("k", ("t",), 60, read)
                await asyncio.sleep(0)

        done = asyncio.Event()
        watchers = [asyncio.create_task(watch(cache)) for cache in caches * 3]
        await asyncio.gather(*(write(cache) for cache in caches))
        await asyncio.sleep(0.05)
        done.set()
        await asyncio.gather(*watchers)
        for cache in caches:
            assert await cache.get_or_fill("k", ("t",), 60, read) == b"75"
