"""The page for Prometheus with the figures of the queues, looked up for whoever scrapes it.

They are for that page alone: what another process has looked up some time ago would be taken for
the present. Not here: what every process counts for itself (`metrics`), alert rules (`deploy`).
"""

import asyncio
from typing import Final

from lyceum.platform import errors, metrics, queue_figures, queue_views
from lyceum.platform.database import Database

LOOK_SECONDS: Final = 2.0

QUEUE_JOBS: Final = metrics.REGISTRY.gauge(
    "lms_queue_jobs",
    "Jobs of a queue: waiting to begin, delayed, running, failed.",
    "queue",
    "state",
    merge="max",
)
QUEUE_OLDEST: Final = metrics.REGISTRY.gauge(
    "lms_queue_oldest_seconds", "How long the first job in line has been due.", "queue", merge="max"
)
WORKERS: Final = metrics.REGISTRY.gauge("lms_workers", "Worker processes that live.", merge="max")
STATES: Final = ("waiting", "delayed", "running", "failed")


async def render(database: Database) -> bytes:
    """Return the page; without the queues when the database does not answer soon."""
    found = await _look(database)
    try:
        for queue in found.queues if found is not None else ():
            for state in STATES:
                QUEUE_JOBS.set(getattr(queue, state), queue.name, state)
            QUEUE_OLDEST.set(queue.oldest_seconds, queue.name)
        if found is not None:
            WORKERS.set(len(found.workers))
        return metrics.render()
    finally:
        for family in (QUEUE_JOBS, QUEUE_OLDEST, WORKERS):
            family.series.clear()


async def _look(database: Database) -> queue_views.QueuesView | None:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return queue_views.view_overview(await queue_figures.read_overview(database.reader()))
    except (errors.Fact, TimeoutError):
        return None
