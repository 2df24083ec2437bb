"""The background work of a process: events, jobs and schedules, until it is told to stop.

`run_worker` is the worker's life; `drain` does all that waits, here and now, for tests and seeds.
Both go through the same claims and marks (`outbox`, `job_runs`); only the worker uses SAQ.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final
from uuid import UUID

import msgspec

from lyceum.platform import clock, errors, jobs, saq_queues, schedule, worker_roll
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.event_work import deliver_events
from lyceum.platform.job_runs import LEASE_SECONDS, ActorOf, JobRunner
from lyceum.platform.observer import UNOBSERVED, Observer
from lyceum.platform.outbox import Deliverer
from lyceum.platform.saq_queues import SteadyQueue
from lyceum.platform.statements import command, sql

log = logging.getLogger("lyceum.worker")

GRACE_SECONDS: Final = 25.0
"""What is under way at a stop may take this long; with the closing it stays below 30 s."""
POLL_SECONDS: Final = 1.0
CANCEL_SECONDS: Final = 5.0
"""How often a worker looks for jobs of its own to stop, in case it missed that it was told."""
FORGOTTEN_SECONDS: Final = 30.0
"""A job that is in the queue for longer is looked for there, in case a killed worker had it."""
AT_A_TIME: Final = 100
FORGOTTEN_AT_A_TIME: Final = 25


class DueJob(msgspec.Struct, frozen=True):
    """A job for the queue; `attempts` are those it has had."""

    id: UUID
    name: str
    queue: str
    attempts: int


_DUE = sql(
    """
    SELECT id, name, queue, attempts FROM platform.jobs
    WHERE state = 'waiting' AND available_at <= now() AND name = ANY($1::text[])
    ORDER BY available_at, id LIMIT $2
    """,
    DueJob,
)
_FORGOTTEN = sql(
    """
    SELECT id, name, queue, attempts FROM platform.jobs
    WHERE state = 'queued' AND queued_at < now() - make_interval(secs => $3)
        AND name = ANY($1::text[])
    ORDER BY queued_at LIMIT $2
    """,
    DueJob,
)
# The same try only: by now it may have run, failed, and be waiting for the next one.
_HANDED_OVER = command(
    """
    UPDATE platform.jobs SET state = 'queued', queued_at = now()
    WHERE id = $1 AND attempts = $2 AND state IN ('waiting', 'queued')
    """
)


async def run_worker(
    engines: Engines,
    stop: asyncio.Event,
    actor_of: ActorOf,
    observer: Observer = UNOBSERVED,
    *,
    consumers: Sequence[str] | None = None,
) -> None:
    """Deliver events, run jobs and start scheduled ones until `stop`; then finish what runs. With
    `consumers` jobs and schedules of these domains alone, and through a broker their events."""
    runner = JobRunner(engines, actor_of, observer=observer)
    scheduler = schedule.Scheduler(engines.database, consumers)
    known = list(jobs.jobs_of(consumers))
    job_waits, cancel_asked = asyncio.Event(), asyncio.Event()
    async with AsyncExitStack() as stack:
        listener = engines.listener
        await stack.enter_async_context(listener.waking(jobs.JOBS_CHANNEL, job_waits.set))
        await stack.enter_async_context(listener.waking(jobs.CANCEL_CHANNEL, cancel_asked.set))
        await stack.enter_async_context(
            worker_roll.signed_in(engines.database, engines.settings.services, runner.count_running)
        )
        queues = await stack.enter_async_context(
            saq_queues.open_queues(
                engines.database.write_pool.dsn,
                engines.settings.redis_for("jobs"),
                _circle_of(consumers),
            )
        )
        # What keeps the leases, and stops jobs, outlives what runs under them.
        watches = [
            asyncio.create_task(_watch_leases(runner)),
            asyncio.create_task(
                _every(CANCEL_SECONDS, asyncio.Event(), runner.heed_cancellations, cancel_asked)
            ),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    deliver_events(
                        engines,
                        stop,
                        grace_seconds=GRACE_SECONDS,
                        observer=observer,
                        consumers=consumers,
                    )
                )
                group.create_task(
                    _run_jobs(engines.database, queues, known, runner, job_waits, stop)
                )
                group.create_task(_every(1.0, stop, lambda: scheduler.start_due(clock.utc_now())))
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)


async def drain(engines: Engines, actor_of: ActorOf) -> int:
    """Handle every event and run every job that is due, and what comes of them, in this process.

    Returns how many; raises the first failure, which is kept as the worker would keep it.
    """
    failed: list[Exception] = []
    primary = engines.database.sole_writer()
    deliverer = Deliverer(engines.database, on_failure=failed.append)
    runner = JobRunner(engines, actor_of, on_failure=failed.append)
    total = 0
    while True:
        done = await deliverer.deliver_due()
        if not done and not failed:
            for due in await primary.all(_DUE, list(jobs.all_jobs()), AT_A_TIME):
                done += await runner.run(due.id)
        if failed:
            raise failed[0]
        if not done:
            return total
        total += done


async def _run_jobs(
    database: Database,
    queues: dict[str, SteadyQueue],
    known: list[str],
    runner: JobRunner,
    job_waits: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Hand jobs over to SAQ and let it run them, until `stop` and the end of those that run."""
    await saq_queues.connect(queues, stop)
    cut_off = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for queue in queues.values():
            group.create_task(saq_queues.work(queue, runner.run, cut_off))
        await _every(POLL_SECONDS, stop, lambda: hand_over(database, queues, known), job_waits)
        saq_queues.close(queues)
        runner.is_stopping = True
        await runner.wait_idle(GRACE_SECONDS)
        cut_off.set()


async def hand_over(database: Database, queues: dict[str, SteadyQueue], known: list[str]) -> None:
    """Put the jobs of the names `known` that are due into their queues.

    At least once: a crash in between offers a job again, which its queue or its claim ignores.
    """
    primary = database.sole_writer()
    touched: set[str] = set()
    while due := await primary.all(_DUE, known, AT_A_TIME):
        for job in due:
            await _offer(database, queues[job.queue], job, saq_queues.offer)
        touched.update(job.queue for job in due)
    for job in await primary.all(_FORGOTTEN, known, FORGOTTEN_AT_A_TIME, FORGOTTEN_SECONDS):
        await _offer(database, queues[job.queue], job, saq_queues.offer_again)
        touched.add(job.queue)
    for name in touched:
        await saq_queues.look_now(queues[name])


def _circle_of(domains: Sequence[str] | None) -> str:
    """Return what the queues of workers with these domains are called by; '' with all jobs."""
    carried = {name.partition(".")[0] for name in jobs.jobs_of(domains)}
    if len(jobs.jobs_of(domains)) == len(jobs.all_jobs()):
        return ""
    return "@" + "+".join(sorted(carried))


async def _offer(
    database: Database, queue: SteadyQueue, job: DueJob, offer: Callable[..., Awaitable[None]]
) -> None:
    await offer(queue, job.id, job.attempts + 1, jobs.all_jobs()[job.name].timeout_seconds)
    await database.sole_writer().execute(_HANDED_OVER, job.id, job.attempts)


async def _watch_leases(runner: JobRunner) -> None:
    # Jobs of others are taken for lost only after a round in which their workers could renew:
    # when the database comes back, everybody's lease has run out.
    could_renew = False
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        try:
            await runner.renew_leases()
            if could_renew:
                await runner.recover_lost()
            could_renew = True
        except errors.Fact as fact:
            could_renew = False
            log.warning("leases of jobs could not be renewed: %s", fact)


async def _every(
    seconds: float,
    stop: asyncio.Event,
    act: Callable[[], Awaitable[object]],
    wake: asyncio.Event | None = None,
) -> None:
    """Act now, whenever `wake` is set, and every few seconds, until `stop`."""
    wake = wake or asyncio.Event()
    stopping = asyncio.create_task(stop.wait())
    stopping.add_done_callback(lambda _: wake.set())
    try:
        while not stop.is_set():
            wake.clear()
            try:
                await act()
            except (errors.Fact, *saq_queues.FAULTS) as problem:
                log.warning("background work waits: %s", problem)
            try:
                async with asyncio.timeout(seconds):
                    await wake.wait()
            except TimeoutError:
                continue
    finally:
        stopping.cancel()
