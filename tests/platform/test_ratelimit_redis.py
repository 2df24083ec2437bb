import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from lyceum.platform.ratelimit import Bucket, ProcessLimiter
from lyceum.platform.ratelimit_redis import RedisLimiter
from tests.platform.redis_line import CuttableLine, redis_url

pytestmark = pytest.mark.services

LOGIN = Bucket("login", 5, 60)


@asynccontextmanager
async def limiter_at(url: str, prefix: str = "") -> AsyncIterator[RedisLimiter]:
    limiter = RedisLimiter(url, prefix=prefix or f"limit-test-{secrets.token_hex(6)}:")
    try:
        yield limiter
    finally:
        await limiter.close()


async def test_two_processes_share_one_limit() -> None:
    prefix = f"limit-test-{secrets.token_hex(6)}:"
    async with limiter_at(redis_url(), prefix) as a, limiter_at(redis_url(), prefix) as b:
        seen = [await limiter.check(LOGIN, "k") for limiter in (a, b, a, b, a, b)]
        assert [decision.remaining for decision in seen] == [4, 3, 2, 1, 0, 0]
        assert [decision.allowed for decision in seen] == [True] * 5 + [False]
        assert 1 <= seen[-1].retry_after <= 60
        assert 59 <= seen[0].reset_seconds <= 60


async def test_limit_holds_under_concurrency() -> None:
    bucket = Bucket("reads", 100, 60)
    async with limiter_at(redis_url()) as limiter:
        seen = await asyncio.gather(*(limiter.check(bucket, "k") for _ in range(300)))
        assert sum(decision.allowed for decision in seen) == 100
        assert sorted({decision.remaining for decision in seen}) == list(range(100))


async def test_hits_come_back_when_the_window_has_passed() -> None:
    bucket = Bucket("short", 2, 1)
    async with limiter_at(redis_url()) as limiter:
        assert [(await limiter.check(bucket, "k")).allowed for _ in range(3)] == [True, True, False]
        await asyncio.sleep(1.1)
        assert (await limiter.check(bucket, "k")).remaining == 1


@pytest.mark.parametrize("limit", [1, 5, 40])
async def test_answers_as_the_process_limiter_does(limit: int) -> None:
    bucket, local = Bucket("b", limit, 3600), ProcessLimiter()
    async with limiter_at(redis_url()) as limiter:
        acts = ["peek", "hit", "check", "refund", "hit", "hit", "peek", "check", "refund"] * 10
        for act in acts:
            here = await getattr(local, act)(bucket, "k")
            there = await getattr(limiter, act)(bucket, "k")
            if act == "refund":
                continue
            assert (there.allowed, there.remaining, there.used) == (
                here.allowed,
                here.remaining,
                here.used,
            )
            assert abs(there.retry_after - here.retry_after) <= 1
            assert abs(there.reset_seconds - here.reset_seconds) <= 1


async def test_keys_end_with_their_window_and_stay_small() -> None:
    prefix = f"limit-test-{secrets.token_hex(6)}:"
    bucket = Bucket("b", 1000, 60)
    async with limiter_at(redis_url(), prefix) as limiter, Redis.from_url(redis_url()) as client:
        for _ in range(300):
            await limiter.hit(bucket, "k")
        assert 0 < await client.pttl(f"{prefix}b:k") <= 60_000
        assert await client.strlen(f"{prefix}b:k") < 400


async def test_without_redis_the_process_counts_and_comes_back() -> None:
    async with CuttableLine(redis_url()) as line, limiter_at(line.url) as limiter:
        assert (await limiter.check(LOGIN, "k")).remaining == 4
        line.cut()
        seen = [await limiter.check(LOGIN, "k") for _ in range(6)]
        assert [decision.allowed for decision in seen] == [True] * 5 + [False]
        assert not limiter.healthy
        line.mend()
        await asyncio.sleep(1.1)
        assert (await limiter.peek(LOGIN, "k")).remaining == 4
        assert limiter.healthy


async def test_redis_that_hangs_costs_one_timeout() -> None:
    async with CuttableLine(redis_url()) as line, limiter_at(line.url) as limiter:
        await limiter.check(LOGIN, "k")
        line.stall()
        async with asyncio.timeout(15):  # a timeout for each would be 20 s
            for _ in range(20):
                await limiter.check(LOGIN, "k")
        assert not limiter.healthy


async def test_no_redis_at_all_is_no_fault() -> None:
    async with limiter_at("redis://127.0.0.1:1/0") as limiter:
        assert [(await limiter.check(LOGIN, "k")).allowed for _ in range(6)].count(True) == 5
        await limiter.refund(LOGIN, "k")
        assert (await limiter.hit(LOGIN, "k")).allowed
