"""Work for later: declaring jobs and asking for them. Not here: running them (`runner`).

`@job` marks an async function of a domain's `jobs.py`; `enqueue(tx, function, …)` writes the job's
row in the caller's transaction, and the worker hands it to SAQ after the commit. The row is what
`GET /api/v1/jobs/{id}` shows. A job gets a `JobContext` and opens transactions itself, because it
may call outside systems between them; it must be safe to run again. What it returns is its result;
a field `location` of it is the address of what it made, for the `result` link.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

import msgspec

from lyceum.platform import ids
from lyceum.platform.access import Actor
from lyceum.platform.context import current
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.statements import command

P = ParamSpec("P")
QUEUES = ("high-priority", "default", "email")
JOBS_CHANNEL = "lyceum_outbox"
CANCEL_CHANNEL = "lyceum_job_cancel"

_INSERT = command(
    """
    INSERT INTO platform.jobs
        (id, name, queue, arguments, unique_key, actor_id, impersonator_id, request_id, trace,
        origin)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (unique_key) WHERE state IN ('waiting', 'queued', 'running')
        DO UPDATE SET unique_key = excluded.unique_key
    RETURNING id
    """,
    UUID,
)
_PROGRESS = command(
    "UPDATE platform.jobs SET progress = $2, note = $3 WHERE id = $1 AND state = 'running'"
)


class JobContext:
    """What a running job may use."""

    def __init__(self, engines: Engines, job_id: UUID, attempt: int, actor: Actor) -> None:
        self.engines = engines
        self.job_id = job_id
        self.attempt = attempt
        self.actor = actor

    def reader(self) -> Reader:
        """Return a Reader of the primary: a replica may not have what asked for the job yet."""
        return self.engines.database.sole_writer()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Writer]:
        """Give a Writer that commits at the end of the block."""
        async with self.engines.database.transaction() as tx:
            yield tx

    async def report(self, progress: float, note: str = "") -> None:
        """Show how far the job is, from 0 to 1, at once to whoever watches it."""
        shown = min(max(progress, 0.0), 1.0)
        await self.engines.database.sole_writer().execute(_PROGRESS, self.job_id, shown, note)


class JobSpec(msgspec.Struct, frozen=True):
    """How a job runs; `name` is its identity in the queue, so it must stay."""

    name: str
    function: Callable[..., Awaitable[Any]]
    queue: str
    timeout_seconds: int
    attempts: int
    cron: str | None


_jobs: dict[str, JobSpec] = {}
JobFunction = Callable[Concatenate[JobContext, P], Awaitable[Any]]


def job(
    *, queue: str = "default", timeout_seconds: int = 30, attempts: int = 3, cron: str | None = None
) -> Callable[[JobFunction[P]], JobFunction[P]]:
    """Declare a job. With `cron` (five fields, UTC) it is also started by the clock, once per due
    time over all workers. Failed attempts are repeated after 5, 15 and 45 s."""

    def declare(function: JobFunction[P]) -> JobFunction[P]:
        domain = function.__module__.removeprefix("lyceum.").split(".")[0]
        name = f"{domain}.{function.__name__}"
        if name in _jobs or queue not in QUEUES:
            raise ValueError(f"job {name} is declared twice, or its queue {queue} is unknown")
        _jobs[name] = JobSpec(name, function, queue, timeout_seconds, attempts, cron)
        return function

    return declare


def all_jobs() -> dict[str, JobSpec]:
    """Return every declared job by name."""
    return dict(_jobs)


def jobs_of(domains: Collection[str] | None) -> dict[str, JobSpec]:
    """Return the declared jobs of some domains by name; None is all of them."""
    return {
        name: spec
        for name, spec in _jobs.items()
        if domains is None or name.partition(".")[0] in domains
    }


def spec_of(function: Callable[..., Any]) -> JobSpec:
    """Return how `function` runs; KeyError when it is not a job."""
    return _jobs[f"{function.__module__.removeprefix('lyceum.').split('.')[0]}.{function.__name__}"]


async def enqueue(
    tx: Writer, actor: Actor, function: JobFunction[P], *args: P.args, **arguments: P.kwargs
) -> UUID:
    """Ask for a job, effective with the caller's commit; return the job's id."""
    return await enqueue_once(tx, actor, None, function, *args, **arguments)


async def enqueue_once(
    tx: Writer,
    actor: Actor,
    unique_key: str | None,
    function: JobFunction[P],
    *args: P.args,
    **arguments: P.kwargs,
) -> UUID:
    """Ask for a job unless one with `unique_key` is waiting or running; return that job's id.

    Arguments are JSON-able and passed by name; the job's annotations turn them back.
    """
    if args:
        raise TypeError("a job takes its arguments by name")
    spec = spec_of(function)
    return await enqueue_named(tx, actor, unique_key, spec.name, spec.queue, arguments)


async def enqueue_named(
    tx: Writer,
    actor: Actor,
    unique_key: str | None,
    name: str,
    queue: str,
    arguments: dict[str, Any],
) -> UUID:
    """As `enqueue_once`, for a job that this process need not know: of a schedule, by its name."""
    job_id = await tx.one(
        _INSERT,
        ids.new_id(),
        name,
        queue,
        msgspec.json.encode(arguments),
        unique_key,
        actor.user_id,
        actor.impersonator_id,
        *current(),
    )
    tx.notify(JOBS_CHANNEL)
    return job_id
