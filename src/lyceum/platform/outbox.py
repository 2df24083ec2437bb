"""Delivery of emitted events to their handlers, in place: claims, leases, retries, parking.

Events of one key are handled one after the other in the order of emitting, those of different
keys side by side. Each handler runs in a transaction of its own together with its inbox row, so
its effect happens once however often the event is delivered; the outbox row leaves in the
transaction of the last handler. The worker must know every domain: an event that it does not know
is parked like one that fails. Not here: emitting (`events`), parked events (`dead_letters`).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from lyceum.platform import clock, errors, events, failures, ids, inbox
from lyceum.platform.context import set_request_id
from lyceum.platform.database import Database, Writer
from lyceum.platform.observer import UNOBSERVED, Observer
from lyceum.platform.statements import command

log = logging.getLogger("lyceum.outbox")

TRIES: Final = len(failures.PAUSES_SECONDS) + 1
LEASE_SECONDS: Final = 15.0
HANDLER_SECONDS: Final = 30.0
POLL_SECONDS: Final = 1.0
CAPACITY: Final = 200
"""Events that one process has claimed at most."""
SIDE_BY_SIDE: Final = 8
"""Handlers that run at once; each holds a connection, and the pool has others to serve."""
PER_KEY: Final = 25
"""Events of one key in a claim, so that a long queue of one key leaves room for others."""


class ClaimedEvent(events.Envelope, frozen=True):
    """An event under our lease."""

    attempts: int
    position: int
    lease_token: UUID


_CLAIM = command(
    """
    SELECT id, name, version, key, payload, occurred_at, actor_id, impersonator_id, request_id,
        attempts, position, $1 AS lease_token
    FROM platform.claim_events($1, $2, $3, $4)
    """,
    ClaimedEvent,
)
_RENEW = command(
    """
    UPDATE platform.outbox SET held_until = now() + make_interval(secs => $2)
    WHERE held_until < 'infinity' AND lease_token = ANY($1::uuid[])
    """
)
_FORGET = command(
    "DELETE FROM platform.outbox WHERE id = $1 AND lease_token = $2 RETURNING id", UUID
)
_RELEASE = command(
    """
    UPDATE platform.outbox SET lease_token = NULL, held_until = NULL
    WHERE id = ANY($1::uuid[]) AND lease_token = $2
    """
)
_POSTPONE = command(
    """
    UPDATE platform.outbox SET lease_token = NULL, attempts = $3, error = $4,
        held_until = now() + make_interval(secs => $5)
    WHERE id = $1 AND lease_token = $2
    """
)
_PARK = command(
    """
    UPDATE platform.outbox SET lease_token = NULL, held_until = 'infinity', attempts = $3,
        error = $4, dead_at = now()
    WHERE id = $1 AND lease_token = $2
    """
)


class LeaseLost(Exception):
    """Somebody else has taken the event over; whatever was done for it here is rolled back."""


class Deliverer:
    """Delivers what is in the outbox; several processes may each run one."""

    def __init__(
        self,
        database: Database,
        *,
        observer: Observer = UNOBSERVED,
        lease_seconds: float = LEASE_SECONDS,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._database = database
        self._observer = observer
        self._lease_seconds = lease_seconds
        self._on_failure = on_failure
        self._slots = asyncio.Semaphore(max(1, min(SIDE_BY_SIDE, database.write_pool.size - 2)))
        self._chains: dict[asyncio.Task[int], UUID] = {}
        self._in_flight = 0
        self._owed: list[tuple[list[UUID], UUID]] = []
        self._is_stopping = False
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def deliver_due(self, limit: int = CAPACITY) -> int:
        """Claim at most `limit` due events and deliver them; return how many are done with."""
        chains = self._start_chains(await self._claim(limit))
        done = await asyncio.gather(*chains)
        return sum(done)

    async def run(self, stop: asyncio.Event, *, grace_seconds: float = 30.0) -> None:
        """Deliver until `stop`; then finish the events that handlers have begun."""
        renewing = asyncio.create_task(self._keep_leases())
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._wake.set())
        try:
            while not stop.is_set():
                self._wake.clear()
                if not await self._deliver_more():
                    await self._pause()
            self._is_stopping = True
            if self._chains:
                await asyncio.wait(self._chains, timeout=grace_seconds)
        finally:
            for task in (renewing, stopping, *self._chains):
                task.cancel()
            await asyncio.gather(renewing, stopping, *self._chains, return_exceptions=True)

    async def _deliver_more(self) -> bool:
        """Claim if there is room; return whether there may be more to claim at once."""
        room = CAPACITY - self._in_flight
        if room < CAPACITY // 2:
            return False
        try:
            claimed = await self._claim(room)
        except errors.Fact as fact:
            log.warning("the outbox cannot be read: %s", fact)
            return False
        self._start_chains(claimed)
        return len(claimed) == room

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _claim(self, limit: int) -> list[ClaimedEvent]:
        while self._owed:
            await self._database.sole_writer().execute(_RELEASE, *self._owed[-1])
            self._owed.pop()
        claimed = await self._database.sole_writer().all(
            _CLAIM, ids.new_id(), limit, self._lease_seconds, PER_KEY
        )
        claimed.sort(key=lambda row: row.position)
        oldest = min((row.occurred_at for row in claimed), default=None)
        waited = (clock.utc_now() - oldest).total_seconds() if oldest is not None else 0.0
        self._observer.lag(max(waited, 0.0))
        return claimed

    def _start_chains(self, claimed: list[ClaimedEvent]) -> list[asyncio.Task[int]]:
        by_key: dict[str, list[ClaimedEvent]] = {}
        for row in claimed:
            by_key.setdefault(row.key, []).append(row)
        started = []
        for chain in by_key.values():
            task = asyncio.create_task(self._deliver_chain(chain))
            self._chains[task] = chain[0].lease_token
            self._in_flight += len(chain)
            task.add_done_callback(self._end_chain)
            started.append(task)
        return started

    def _end_chain(self, task: asyncio.Task[int]) -> None:
        del self._chains[task]
        self._wake.set()

    async def _deliver_chain(self, chain: list[ClaimedEvent]) -> int:
        """Deliver events of one key until one fails; return how many went well."""
        done = 0
        try:
            for row in chain:
                async with self._slots:
                    if self._is_stopping or not await self._try_to_deliver(row):
                        break
                self._in_flight -= 1
                done += 1
        finally:
            self._in_flight -= len(chain) - done
            # The one that failed is no longer under our lease, so this leaves it as it is.
            await self._release(chain[done:])
        return done

    async def _try_to_deliver(self, row: ClaimedEvent) -> bool:
        try:
            await self._deliver(row)
        except LeaseLost:
            log.warning("event %s was taken over while it was handled", row.id)
        except errors.DatabaseUnreachable:
            log.info("event %s waits for the database", row.id)
        except Exception as problem:  # noqa: BLE001 - whatever a handler raises is kept, not lost
            await self._keep_failure(row, problem)
        else:
            return True
        return False

    async def _deliver(self, row: ClaimedEvent) -> None:
        set_request_id(row.request_id)
        happened = events.decode(row)
        subscriptions = events.subscriptions_of(row.name)
        for subscription in subscriptions:
            started = clock.monotonic()
            is_handled = False
            try:
                async with asyncio.timeout(HANDLER_SECONDS), self._database.transaction() as tx:
                    await inbox.handle_once(tx, subscription, row, happened)
                    if subscription is subscriptions[-1]:
                        await _forget(tx, row)
                is_handled = True
            finally:
                seconds = clock.monotonic() - started
                self._observer.event_handled(row.name, subscription.name, seconds, is_handled)
        if not subscriptions:
            await _forget(self._database.sole_writer(), row)

    async def _keep_failure(self, row: ClaimedEvent, problem: Exception) -> None:
        # A full disk is not the event's fault, and parking does not help.
        attempts = row.attempts + (not isinstance(problem, errors.ServiceUnavailable))
        text = failures.describe(problem)
        writer = self._database.sole_writer()
        if self._on_failure is not None:
            self._on_failure(problem)
        try:
            if attempts < TRIES:
                log.warning("event %s %s: try %d: %s", row.name, row.id, attempts, text)
                pause = failures.pause_after(max(attempts, 1))
                await writer.execute(_POSTPONE, row.id, row.lease_token, attempts, text, pause)
            else:
                log.error("event %s %s is parked: %s", row.name, row.id, text)
                await writer.execute(_PARK, row.id, row.lease_token, attempts, text)
        except errors.Fact as fact:
            log.warning("event %s keeps its lease until it runs out: %s", row.id, fact)

    async def _release(self, rows: list[ClaimedEvent]) -> None:
        if not rows:
            return
        freed = [row.id for row in rows], rows[0].lease_token
        try:
            await self._database.sole_writer().execute(_RELEASE, *freed)
        except errors.Fact as fact:
            log.warning("%d events are given back later: %s", len(rows), fact)
            self._owed.append(freed)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            await self._renew(set(self._chains.values()))

    async def _renew(self, tokens: Iterable[UUID]) -> None:
        try:
            held = list(tokens)
            if held:
                await self._database.sole_writer().execute(_RENEW, held, self._lease_seconds)
        except errors.Fact as fact:
            log.warning("leases could not be renewed: %s", fact)


async def _forget(tx: Writer, row: ClaimedEvent) -> None:
    if await tx.one_or_none(_FORGET, row.id, row.lease_token) is None:
        raise LeaseLost(row.id)
