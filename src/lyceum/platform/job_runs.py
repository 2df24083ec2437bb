"""One try of a job, from its claim to its mark. Not here: who calls it (`runner`: SAQ, `drain`).

The row in `platform.jobs` decides, not the queue: a try begins by claiming the row under a lease
that the process renews, so a job that the queue delivers twice runs once, and one whose worker was
killed comes back when the lease has run out. A try that was cut off by that may have had its
effect already: jobs are safe to repeat.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.platform import clock, context, errors, failures, ids, job_arguments, job_marks
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Reader
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext, JobSpec, all_jobs
from lyceum.platform.observer import UNOBSERVED, Observer

log = logging.getLogger("lyceum.jobs")

LEASE_SECONDS: Final = 20.0
ELSEWHERE_SECONDS: Final = 15.0
"""Before a job that this program does not know is offered again, to another worker."""
MARK_SECONDS: Final = 60.0
"""How long a finished job waits for the database, to be marked."""
MAX_RESULT_BYTES: Final = 256 * 1024

ActorOf = Callable[[Reader, UUID], Awaitable[Actor]]
"""How the app makes the actor of a user."""


class WorkerLost(Exception):
    """The worker that ran the job ended before the job did."""


class JobStopped(Exception):
    """Somebody asked for a job that runs here to be stopped."""


class JobRunner:
    """Runs tries of jobs in this process and keeps their leases."""

    def __init__(
        self,
        engines: Engines,
        actor_of: ActorOf,
        *,
        observer: Observer = UNOBSERVED,
        lease_seconds: float = LEASE_SECONDS,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._engines = engines
        self._actor_of = actor_of
        self._observer = observer
        self._lease_seconds = lease_seconds
        self._on_failure = on_failure
        self._tokens: set[UUID] = set()
        self._limits: dict[UUID, asyncio.Timeout] = {}
        self._stopped: set[UUID] = set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self.is_stopping = False

    async def run(self, job_id: UUID) -> bool:
        """Try a job; return whether it was ours to try. Its failure is kept, not raised."""
        if self.is_stopping:
            # The queue takes this for done; after a moment it can be offered to it again.
            await self._engines.database.sole_writer().execute(job_marks.GIVE_BACK, job_id, 1.0)
            return False
        token = ids.new_id()
        job = await self._engines.database.sole_writer().one_or_none(
            job_marks.CLAIM, job_id, token, self._lease_seconds
        )
        if job is None:
            return False
        self._tokens.add(token)
        self._is_idle.clear()
        if job.started_at is not None:
            waited = (job.started_at - job.available_at).total_seconds()
            self._observer.job_started(job.name, job.queue, max(waited, 0.0))
        try:
            await self._try(job, token)
        finally:
            self._tokens.discard(token)
            self._stopped.discard(token)
            if not self._tokens:
                self._is_idle.set()
        return True

    async def wait_idle(self, seconds: float) -> None:
        """Return when no job runs, or when the time is up."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_idle.wait()
        except TimeoutError:
            log.warning("%d jobs are cut off and start again later", len(self._tokens))

    def count_running(self) -> int:
        """Return how many jobs run here."""
        return len(self._tokens)

    async def heed_cancellations(self) -> None:
        """Stop those jobs of this process that somebody has asked to stop: each is cancelled where
        it waits next, as one is that takes too long."""
        if not self._tokens:
            return
        primary = self._engines.database.sole_writer()
        now = asyncio.get_running_loop().time()
        for token in await primary.all(job_marks.ASKED_TO_STOP, list(self._tokens)):
            limit = self._limits.get(token)
            if limit is not None and not limit.expired():
                self._stopped.add(token)
                limit.reschedule(now)

    async def renew_leases(self) -> None:
        """Keep the jobs that run here; to be called several times within a lease."""
        if self._tokens:
            await self._engines.database.sole_writer().execute(
                job_marks.RENEW, list(self._tokens), self._lease_seconds
            )

    async def recover_lost(self) -> int:
        """Bring back jobs whose worker is gone, or fail those that have had all their tries."""
        lost = await self._engines.database.sole_writer().all(job_marks.EXPIRED)
        specs = all_jobs()
        for job in lost:
            if job.lease_token is not None and job.lease_token not in self._tokens:
                problem = WorkerLost("its worker ended before it did")
                await self._keep_failure(job, job.lease_token, problem, specs.get(job.name))
        return len(lost)

    async def _try(self, job: job_marks.ClaimedJob, token: UUID) -> None:
        spec = all_jobs().get(job.name)
        if spec is None:
            log.warning("job %s %s is not known here: left to another worker", job.name, job.id)
            await self._mark(job_marks.PUT_BACK, job.id, token, ELSEWHERE_SECONDS)
            return
        context.enter(job.request_id, job.trace, job.origin)
        started = clock.monotonic()
        state = "waiting"
        try:
            result = await self._call(job, spec, token)
        except asyncio.CancelledError:
            await asyncio.shield(self._mark(job_marks.PUT_BACK, job.id, token, 1.0))
            raise
        except JobStopped:
            log.info("job %s %s is stopped because somebody asked for it", job.name, job.id)
            await self._mark(job_marks.STOP, job.id, token)
            state = "cancelled"
        except Exception as problem:  # noqa: BLE001 - whatever a job raises is kept, not lost
            state = await self._keep_failure(job, token, problem, spec)
        else:
            await self._mark(job_marks.SUCCEED, job.id, token, _result_bytes(result))
            state = "succeeded"
        finally:
            self._observer.job_finished(job.name, state, clock.monotonic() - started)

    async def _call(self, job: job_marks.ClaimedJob, spec: JobSpec, token: UUID) -> Any:
        arguments = job_arguments.decode(spec, job.arguments)
        actor = system_actor(job.name)
        if job.actor_id is not None:
            asked = await self._actor_of(self._engines.database.sole_writer(), job.actor_id)
            actor = msgspec.structs.replace(asked, impersonator_id=job.impersonator_id)
        given = JobContext(self._engines, job.id, job.attempts, actor)
        limit = asyncio.timeout(spec.timeout_seconds)
        try:
            async with limit:
                self._limits[token] = limit
                try:
                    return await spec.function(given, **arguments)
                finally:
                    del self._limits[token]
        except TimeoutError as problem:
            if not limit.expired():
                raise
            if token in self._stopped:
                raise JobStopped from problem
            raise errors.TimedOut(f"It took longer than {spec.timeout_seconds} s.") from problem

    async def _keep_failure(
        self, job: job_marks.ClaimedJob, token: UUID, problem: Exception, spec: JobSpec | None
    ) -> str:
        text = failures.describe(problem)
        told = failures.tell(problem)
        if self._on_failure is not None:
            self._on_failure(problem)
        most = spec.attempts if spec is not None else len(failures.PAUSES_SECONDS)
        if job.attempts >= most or failures.is_final(problem):
            log.error("job %s %s failed: %s", job.name, job.id, text, exc_info=problem)
            await self._mark(job_marks.FAIL, job.id, token, told, text)
            return "failed"
        log.warning("job %s %s: try %d: %s", job.name, job.id, job.attempts, text)
        pause = failures.pause_after(job.attempts)
        await self._mark(job_marks.TRY_AGAIN, job.id, token, told, text, pause)
        return "waiting"

    async def _mark(self, statement: Any, *arguments: object) -> None:
        """Write how a try ended, waiting for a database that is away."""
        until = clock.monotonic() + MARK_SECONDS
        while True:
            try:
                await self._engines.database.sole_writer().execute(statement, *arguments)
            except errors.DatabaseUnreachable:
                if clock.monotonic() > until:
                    raise
                await asyncio.sleep(0.5)
            else:
                return


def _result_bytes(result: object) -> bytes | None:
    """Return a job's result as JSON; None for one that is empty, too long, or not storable."""
    if result is None:
        return None
    encoded = msgspec.json.encode(result)
    if len(encoded) > MAX_RESULT_BYTES or re.search(rb"(?<!\\)(?:\\\\)*\\u0000", encoded):
        log.warning("the result of a job was not kept: %d bytes", len(encoded))
        return None
    return encoded
