"""How this program opens Redis. Not here: what is kept there (`cache_redis`, `ratelimit_redis`).

Everybody who uses Redis can do without it, so a command is tried once and waits briefly; the
caller falls back and comes back later by itself.
"""

from collections.abc import Awaitable
from typing import Final, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

FAULTS: Final = (RedisError, OSError, TimeoutError)
"""What a command may raise when Redis is gone, slow, full or not what it should be."""


def open_redis(url: str, *, timeout: float = 1.0, max_connections: int = 32) -> Redis:
    """Return a client of `redis://`, `rediss://` or `unix://`; nothing is connected yet.

    `timeout` in seconds holds for connecting and for each command: long enough that a busy process
    does not take Redis for gone. Beyond `max_connections` a
    command waits for one to come free. Close it with `aclose`.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=None,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


async def ping(client: Redis) -> None:
    """Return when Redis has answered; raises one of FAULTS when it does not."""
    # redis-py's annotation is that of both its clients, the one that waits and the one that blocks.
    await cast("Awaitable[bool]", client.ping())
