"""Delivery of emitted events: claims, leases, chains of one key, retries, parking.

Events of one key are delivered in the order of emitting, those of different keys side by side. What
nobody has tried is tried in batches; what a batch leaves is delivered one by one. A row that nobody
has had goes to each of its consumers in place, or to whatever `deliver` does instead (the broker's
`relay`); a row that is held for a consumer goes to that one. An event that this program does not
know is parked like one that fails. Not here: emitting
(`events`), the rows (`leases`), the handlers (`handling`), parked events (`dead_letters`).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import Final
from uuid import UUID

from lyceum.platform import batches, errors, events, leases
from lyceum.platform.database import Database, Writer
from lyceum.platform.handling import SUSPECT, Handling
from lyceum.platform.leases import ClaimedEvent, LeaseLost
from lyceum.platform.observer import UNOBSERVED, Observer

log = logging.getLogger("lyceum.outbox")

TRIES: Final = leases.TRIES
LEASE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 1.0
CAPACITY: Final = 200
"""Events that one process has claimed at most."""
SIDE_BY_SIDE: Final = 8
"""Handlers, or batches of them, that run at once."""
Chain = list[ClaimedEvent]
"""Events of one key, in their order."""


class EndedWithoutAWord(Exception):
    """Whoever handled an event was gone before it could say how that ended, again and again."""


class NotNow(Exception):
    """What an event needs is away; it stays in the outbox, and that is no try."""


class Deliverer:
    """Delivers what is in the outbox; several processes may each run one.

    `consumers`: whose rows; None for everybody's, as long as there is no broker.
    """

    def __init__(
        self,
        database: Database,
        *,
        observer: Observer = UNOBSERVED,
        lease_seconds: float = LEASE_SECONDS,
        on_failure: Callable[[Exception], None] | None = None,
        consumers: Sequence[str] | None = None,
        side_by_side: int | None = None,
    ) -> None:
        self._database = database
        self._observer = observer
        self._lease_seconds = lease_seconds
        self._consumers = consumers
        self._handling = Handling(database, observer=observer, on_failure=on_failure)
        self._suspect = asyncio.Lock()
        # Each handler holds a connection, and the pool has others to serve.
        most = side_by_side or min(SIDE_BY_SIDE, database.write_pool.size - 2)
        self._slots = asyncio.Semaphore(max(1, most))
        self._tasks: dict[asyncio.Task[int], UUID] = {}
        self._in_flight = 0
        self._owed: list[tuple[list[UUID], UUID]] = []
        self._is_stopping = False
        self._wake = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether events can be delivered now."""
        return True

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def deliver_due(self, limit: int = CAPACITY) -> int:
        """Claim at most `limit` due events and deliver them; return how many are done with."""
        done = await asyncio.gather(*self._start(await self._claim(limit)))
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
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=grace_seconds)
        finally:
            for task in (renewing, stopping, *self._tasks):
                task.cancel()
            await asyncio.gather(renewing, stopping, *self._tasks, return_exceptions=True)

    async def _deliver_more(self) -> bool:
        """Claim if there is room; return whether there may be more to claim at once."""
        room = CAPACITY - self._in_flight
        if room < CAPACITY // 2 or not self.is_open:
            return False
        try:
            claimed = await self._claim(room)
        except errors.Fact as fact:
            log.warning("the outbox cannot be read: %s", fact)
            return False
        self._start(claimed)
        return len(claimed) == room

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _claim(self, limit: int) -> list[ClaimedEvent]:
        while self._owed:
            await leases.release(self._database, *self._owed[-1])
            self._owed.pop()
        claimed = await leases.claim(self._database, self._consumers, limit, self._lease_seconds)
        self._observer.lag(leases.waited_seconds(claimed))
        return claimed

    def _start(self, claimed: list[ClaimedEvent]) -> list[asyncio.Task[int]]:
        lanes: dict[tuple[str, str], list[ClaimedEvent]] = {}
        for row in claimed:
            lanes.setdefault((row.consumer, row.key), []).append(row)
        started = []
        for group in self._group(list(lanes.values())):
            task = asyncio.create_task(self._deliver_group(group))
            self._tasks[task] = group[0][0].lease_token
            self._in_flight += sum(map(len, group))
            task.add_done_callback(self._end)
            started.append(task)
        return started

    def _group(self, chains: list[Chain]) -> list[list[Chain]]:
        """Return chains in groups, each to be tried as one batch."""
        groups: list[list[Chain]] = []
        room = 0
        for chain in chains:
            if len(chain) > room:
                groups.append([])
                room = batches.MOST
            groups[-1].append(chain)
            room -= len(chain)
        return groups

    async def _deliver_group(self, group: list[Chain]) -> int:
        """Deliver what can be together, and the rest of each chain by itself; return how many went
        well."""
        left = group
        try:
            done = await self._deliver_together(group)
            self._in_flight -= len(done)
            left = [rest for chain in group if (rest := [r for r in chain if r.row_id not in done])]
            chains = [asyncio.create_task(self._deliver_chain(chain)) for chain in left]
        except BaseException:
            rows = [row for chain in left for row in chain]
            self._in_flight -= len(rows)
            await self._release(rows)
            raise
        return len(done) + sum(await asyncio.gather(*chains))

    async def _deliver_together(self, group: list[Chain]) -> set[UUID]:
        """Return which rows everybody has had now, in one transaction."""
        rows = {row.id: row for chain in group for row in takewhile(_is_fresh, chain)}
        items = [
            batches.Item(row, (row.consumer,), in_turn=False)
            if row.consumer
            else batches.Item(row, events.consumers_of(row.name))
            for row in rows.values()
        ]

        async def forget(tx: Writer, done: list[batches.Item]) -> None:
            await leases.forget_together(tx, [rows[item.envelope.id] for item in done])

        async with self._slots:
            if self._is_stopping:
                return set()
            done = await self._handling.take_together(items, lambda: self._is_stopping, forget)
        return {rows[item.envelope.id].row_id for item in done}

    def _end(self, task: asyncio.Task[int]) -> None:
        del self._tasks[task]
        self._wake.set()

    async def _deliver_chain(self, chain: Chain) -> int:
        """Deliver events of one key until one stays in the outbox; return how many went well."""
        left, well = list(chain), 0
        try:
            for row in chain:
                async with self._slots:
                    if self._is_stopping:
                        break
                    went_well = await self._try_to_deliver(row)
                if went_well is None:
                    break
                left.remove(row)
                self._in_flight -= 1
                well += went_well
        finally:
            self._in_flight -= len(left)
            # The one that failed is no longer under our lease, so this leaves it as it is.
            await self._release(left)
        return well

    async def _try_to_deliver(self, row: ClaimedEvent) -> bool | None:
        """Return whether all consumers had it, or None if it is still in the outbox."""
        try:
            return await (self._deliver_held(row) if row.consumer else self._deliver(row))
        except LeaseLost:
            log.warning("event %s was taken over while it was handled", row.id)
        except errors.DatabaseUnreachable:
            log.info("event %s waits for the database", row.id)
        except NotNow as reason:
            log.info("event %s waits: %s", row.id, reason)
        except Exception as problem:  # noqa: BLE001 - whatever a handler raises is kept, not lost
            await self._keep_failure(row, problem)
        return None

    async def _deliver(self, row: ClaimedEvent) -> bool:
        """Deliver an event that nobody has had; return whether no consumer had trouble with it."""
        events.class_of(row.name, row.version)
        consumers = events.consumers_of(row.name)
        went_well = True
        is_gone = False
        for consumer in consumers:
            last = partial(leases.forget, row=row) if consumer is consumers[-1] else None
            had = await self._handling.take(consumer, row, lost=row.lost, last=last)
            is_gone = last is not None and had
            went_well = went_well and had
        if not is_gone:
            await leases.forget(self._database.sole_writer(), row)
        return went_well

    async def _deliver_held(self, row: ClaimedEvent) -> bool:
        forget = partial(leases.forget, row=row)
        if row.lost < SUSPECT:
            return await self._handling.run(row.consumer, row, last=forget)
        async with self._suspect:
            attempts = await leases.count_try(self._database, row)
            if attempts > TRIES:
                raise EndedWithoutAWord(f"in {row.lost} tries, nobody lived to tell the end")
            return await self._handling.run(row.consumer, row, last=forget)

    async def _keep_failure(self, row: ClaimedEvent, problem: Exception) -> None:
        # A full disk is not the event's fault, and parking does not help.
        attempts = row.attempts + (not isinstance(problem, errors.ServiceUnavailable))
        text = self._handling.describe(row, attempts, problem)
        try:
            if attempts < TRIES:
                await leases.postpone(self._database, row, attempts, text)
            else:
                log.error("event %s %s is parked: %s", row.name, row.id, text)
                await leases.park(self._database, row, min(attempts, TRIES), text)
        except errors.Fact as fact:
            log.warning("event %s keeps its lease until it runs out: %s", row.id, fact)

    async def _release(self, rows: list[ClaimedEvent]) -> None:
        if not rows:
            return
        freed = [row.row_id for row in rows], rows[0].lease_token
        try:
            await leases.release(self._database, *freed)
        except errors.Fact as fact:
            log.warning("%d events are given back later: %s", len(rows), fact)
            self._owed.append(freed)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            await self._renew(set(self._tasks.values()))

    async def _renew(self, tokens: Iterable[UUID]) -> None:
        try:
            held = list(tokens)
            if held:
                await leases.renew(self._database, held, self._lease_seconds)
        except errors.Fact as fact:
            log.warning("leases could not be renewed: %s", fact)


def _is_fresh(row: ClaimedEvent) -> bool:
    """Whether nothing has gone wrong with it yet."""
    return row.attempts == 0 and row.lost == 0
