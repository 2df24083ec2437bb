"""SAQ as we use it: three queues on PostgreSQL or Redis, and a worker for each.

SAQ carries jobs to a free worker and limits how many run at once. Everything that must not be lost
is in `platform.jobs`: a SAQ job holds the row's id, is never repeated by SAQ, and leaves when it
is done. Worked around here, all seen in 0.26.4: a queue that fails makes its worker spin without
a pause or a word; a worker takes the process's signals; stopping waits for the whole grace period
even when nothing runs, and strands what was fetched too early; psycopg's pool waits ever longer
to reconnect. Its listener, one more connection for each queue, is left out: the hand-over says
itself when something is there.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from redis.asyncio import Redis
from redis.exceptions import RedisError
from saq import Job, Status, Worker
from saq.queue.postgres import PostgresQueue
from saq.queue.redis import RedisQueue

from lyceum.platform import ids
from lyceum.platform.jobs import QUEUES
from lyceum.platform.redis_client import open_redis

log = logging.getLogger("lyceum.queues")

FUNCTION: Final = "run_job"
AT_ONCE: Final = 4
"""Jobs of one queue that run at once in one process."""
POLL_SECONDS: Final = 1.0
BLOCK_SECONDS: Final = 5.0
"""How long a worker's read waits at Redis before it asks again."""
FAILED_PAUSE_SECONDS: Final = 1.0
LEAVE_SECONDS: Final = 1.0
"""How long a worker that stops waits for its queue to let go of what is done."""
CONNECTIONS: Final = 4
# What SAQ allows beyond a job's own limit, before it takes it for stuck: longer than a mark may
# wait for the database.
GRACE_SECONDS: Final = 90
FAULTS: Final = (psycopg.Error, PoolTimeout, RedisError, OSError)
"""What a queue may raise when its engine is gone, full or slow."""

RunJob = Callable[[UUID], Awaitable[object]]


class _SteadyPostgresQueue(PostgresQueue):
    is_closing = False

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:  # noqa: ASYNC109 - SAQ's signature
        return await _take(self, super().dequeue(timeout, poll_interval))

    async def give_back(self) -> None:
        """Return what was fetched from the table for workers that were not free after all."""
        while not self._job_queue.empty():
            await self.retry(self._job_queue.get_nowait(), None)


class _SteadyRedisQueue(RedisQueue):
    is_closing = False

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:  # noqa: ASYNC109 - SAQ's signature
        return await _take(self, super().dequeue(timeout, poll_interval))


SteadyQueue = _SteadyPostgresQueue | _SteadyRedisQueue


async def _take(queue: SteadyQueue, taking: Coroutine[Any, Any, Job | None]) -> Job | None:
    if queue.is_closing:
        taking.close()
        # The end of the worker cancels this; to answer None would be to be asked again at once.
        await asyncio.Event().wait()
    try:
        return await taking
    except FAULTS as problem:
        await _pause(queue.name, problem)
        return None


async def _pause(queue: str, problem: Exception) -> None:
    log.warning("the queue %s cannot be used (%s): trying again", queue, type(problem).__name__)
    await asyncio.sleep(FAILED_PAUSE_SECONDS)


class _Calm(logging.Filter):
    """Says in one line what SAQ says in a traceback every few seconds while its engine is away."""

    def filter(self, record: logging.LogRecord) -> bool:
        problem = record.exc_info[1] if record.exc_info else None
        if isinstance(problem, FAULTS):
            record.exc_info = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args = "%s: %s", (record.getMessage(), type(problem).__name__)
        # It is said at every stop, because of loops that wait for nothing.
        return "within the shutdown grace period" not in str(record.msg)


def _calm_logs() -> None:
    saq = logging.getLogger("saq")
    saq.setLevel(logging.WARNING)
    if not any(isinstance(existing, _Calm) for existing in saq.filters):
        saq.addFilter(_Calm())
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class _QuietWorker(Worker[Any]):
    SIGNALS = []  # noqa: RUF012 - SAQ's own name; signals belong to the process


@asynccontextmanager
async def open_queues(
    dsn: str, redis_url: str | None, circle: str = ""
) -> AsyncIterator[dict[str, SteadyQueue]]:
    """Give the queues by name, on Redis if there is an address, else on PostgreSQL. Workers that
    carry the same domains are a circle, with queues of its own: whoever takes a job can run it.

    Nothing needs to answer yet: what cannot be reached is tried again by whoever uses it.
    """
    _calm_logs()
    async with AsyncExitStack() as stack:
        queues: dict[str, SteadyQueue] = {}
        if redis_url is not None:
            for name in QUEUES:
                # The socket has to wait longer than a worker's read.
                client = open_redis(redis_url, timeout=BLOCK_SECONDS * 2)
                queues[name] = _SteadyRedisQueue(client, name=f"{name}{circle}")
                stack.push_async_callback(_close_redis, client)
        else:
            pool = _open_pool(dsn)
            stack.push_async_callback(pool.close, 2.0)
            await pool.open()
            for name in QUEUES:
                queues[name] = _SteadyPostgresQueue(pool, name=f"{name}{circle}")
        yield queues


async def _close_redis(client: Redis) -> None:
    # SAQ's own way connects once more to say goodbye, and fails when Redis is gone.
    with suppress(*FAULTS):
        await client.aclose()


def _open_pool(dsn: str) -> AsyncConnectionPool:
    return AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=CONNECTIONS,
        open=False,
        check=AsyncConnectionPool.check_connection,
        timeout=5.0,
        # Given up soon and asked for anew by the next user: the pauses in between double.
        reconnect_timeout=2.0,
        # SAQ makes its tables where the search path points to.
        kwargs={"autocommit": True, "options": "-c search_path=platform -c statement_timeout=30s"},
    )


async def connect(queues: dict[str, SteadyQueue], stop: asyncio.Event) -> None:
    """Make the queues ready, one after the other because they share tables; retry until `stop`."""
    for queue in queues.values():
        while not stop.is_set():
            try:
                await queue.connect()
            except FAULTS as problem:
                await _pause(queue.name, problem)
            else:
                break


async def offer(queue: SteadyQueue, job_id: UUID, attempt: int, timeout_seconds: int) -> None:
    """Put a try of a job into its queue; the same try twice is there once."""
    await _put(queue, f"{job_id}.{attempt}", job_id, timeout_seconds)


async def offer_again(queue: SteadyQueue, job_id: UUID, attempt: int, timeout_seconds: int) -> None:
    """Put in a try that nobody has begun, unless the queue still has it.

    What a killed worker has taken is lost until SAQ sweeps it, so it goes in under another key.
    """
    key = f"{job_id}.{attempt}"
    known = await queue.job(key)
    if known is None:
        await _put(queue, key, job_id, timeout_seconds)
    elif known.status is not Status.QUEUED:
        await _put(queue, f"{key}.{ids.new_id()}", job_id, timeout_seconds)


async def _put(queue: SteadyQueue, key: str, job_id: UUID, timeout_seconds: int) -> None:
    await queue.enqueue(
        FUNCTION,
        key=key,
        timeout=timeout_seconds + GRACE_SECONDS,
        retries=1,
        ttl=-1,
        job_id=str(job_id),
    )


def close(queues: dict[str, SteadyQueue]) -> None:
    """Take no more jobs out of the queues; those that run go on."""
    for queue in queues.values():
        queue.is_closing = True


async def work(queue: SteadyQueue, run: RunJob, stop: asyncio.Event) -> None:
    """Run the jobs of one queue until `stop`, then cut off what runs; the caller has waited."""

    async def run_job(_context: Any, *, job_id: str) -> None:
        await run(UUID(job_id))

    worker = _QuietWorker(
        queue,
        [(FUNCTION, run_job)],
        concurrency=AT_ONCE,
        timers={"schedule": 1, "worker_info": 10, "sweep": 30, "abort": 5},
        poll_interval=POLL_SECONDS,
        dequeue_timeout=0.0 if isinstance(queue, PostgresQueue) else BLOCK_SECONDS,
    )
    working = asyncio.create_task(worker.start())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await _let_leave(worker)
        await worker.stop()
        await working
        if isinstance(queue, _SteadyPostgresQueue):
            with suppress(*FAULTS):
                await queue.give_back()


async def _let_leave(worker: _QuietWorker) -> None:
    """Wait for the ends that are being noted: cut off there, SAQ keeps a job that is done."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_SECONDS):
            while any(held["task"].done() for held in worker.job_task_contexts.values()):  # noqa: ASYNC110 - SAQ sets no event when it has noted an end
                await asyncio.sleep(0.01)


async def look_now(queue: SteadyQueue) -> None:
    """Make the queue's worker in this process look for jobs at once."""
    with suppress(*FAULTS):
        await queue.schedule()
