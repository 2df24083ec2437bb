"""What requests leave for the trail, on its way there: no request waits for it.

Notices stand in a queue of the process, which a task empties in batches, and in a file of the
process until they are recorded: what waits when a process is killed is recorded by the next one
that starts, or by another one of the same machine within a minute. What comes while the queue is
full is counted as dropped.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from lyceum.audit.adapters import spool
from lyceum.audit.records import Notice
from lyceum.audit.service.noticing import record_notices
from lyceum.platform import clock, errors, metrics
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database

log = logging.getLogger("lyceum.audit")

MOST_WAITING: Final = 10_000
AT_ONCE: Final = 500
PAUSE_SECONDS: Final = 1.0
ADOPT_SECONDS: Final = 30.0
FOLDER: Final = "audit-waiting"
ACTOR: Final = system_actor("audit")
_encode = msgspec.json.Encoder().encode
_DECODER: Final = msgspec.json.Decoder(Notice)


class RequestLog:
    """The queue of one process."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._database = database
        self._waiting: deque[Notice] = deque()
        self._spool = spool.Spool(data_dir / FOLDER)
        self._adopted_at = 0.0

    @property
    def file_name(self) -> str:
        """The name of the process's own file, in the folder of those that wait."""
        return self._spool.path.name

    def add(self, notice: Notice) -> None:
        """Have a notice recorded soon, unless too many wait already."""
        if len(self._waiting) >= MOST_WAITING:
            metrics.AUDIT_DROPPED.inc()
            return
        self._waiting.append(notice)
        try:
            self._spool.write(_encode(notice))
        except OSError as problem:
            log.warning("what waits for the audit trail is in memory alone: %s", problem.strerror)

    async def run(self) -> None:
        """Record what waits, again and again, until cancelled."""
        while True:
            if clock.monotonic() - self._adopted_at >= ADOPT_SECONDS or not self._adopted_at:
                await self.adopt()
                self._adopted_at = clock.monotonic()
            await asyncio.sleep(PAUSE_SECONDS)
            await self.flush()

    async def close(self) -> None:
        """Record what waits; what cannot be is left to the next process."""
        await self.flush()
        self._spool.close()

    async def adopt(self) -> None:
        """Record what processes of this machine that are dead have left."""
        for path in self._spool.abandoned():
            with spool.adopt(path) as abandoned:
                if abandoned is None:
                    continue
                found = deque(_read(abandoned.lines))
                if found:
                    log.warning("%d notices of a process that is gone are recorded", len(found))
                await self._record(found)
                if found:
                    return  # the database is away: the file stays
                abandoned.remove()

    async def flush(self) -> None:
        """Record what waits; what the database does not take now waits on."""
        if not self._waiting:
            return
        await self._record(self._waiting)
        if not self._waiting:
            self._spool.clear()

    async def _record(self, waiting: deque[Notice]) -> None:
        while waiting:
            batch = [waiting.popleft() for _ in range(min(AT_ONCE, len(waiting)))]
            try:
                await self._record_batch(batch)
            except asyncio.CancelledError:
                waiting.extendleft(reversed(batch))
                raise
            except errors.Fact as problem:
                waiting.extendleft(reversed(batch))
                log.warning("what requests left waits to be recorded: %s", problem.detail)
                return

    async def _record_batch(self, batch: Sequence[Notice]) -> None:
        """Record all, or one by one those that can be; a Fact says to try all of it again later."""
        try:
            async with self._database.transaction() as tx:
                await record_notices(tx, ACTOR, batch)
        except Exception as problem:
            if isinstance(problem, errors.Fact) and problem.status >= 500:
                raise
            if len(batch) > 1:
                for notice in batch:
                    await self._record_batch([notice])
                return
            # A bug: it must not end the task, nor come again for ever.
            metrics.AUDIT_DROPPED.inc()
            log.exception("what a request left could not be recorded")


def _read(lines: Sequence[bytes]) -> list[Notice]:
    found = []
    for line in lines:
        try:
            found.append(_DECODER.decode(line))
        except msgspec.DecodeError:
            log.warning("a line that waited for the audit trail cannot be read")
    return found
