"""Refused requests on their way into the trail: no request waits for it.

They stand in a queue of the process, which a task empties in batches; what comes while it is full
is counted as dropped. What is in it when a process is killed is lost.
"""

import asyncio
import logging
from collections import deque
from typing import Final

from lyceum.audit.service.recording import Refusal, record_refusals
from lyceum.platform import errors, metrics
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database

log = logging.getLogger("lyceum.audit")

MOST_WAITING: Final = 10_000
AT_ONCE: Final = 500
PAUSE_SECONDS: Final = 1.0
ACTOR: Final = system_actor("audit")


class RefusalLog:
    """The queue of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Refusal] = deque()

    def add(self, refusal: Refusal) -> None:
        """Have a refusal recorded soon, unless too many wait already."""
        if len(self._waiting) >= MOST_WAITING:
            metrics.AUDIT_DROPPED.inc()
            return
        self._waiting.append(refusal)

    async def run(self) -> None:
        """Record what waits, again and again, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Record what waits; what the database does not take now waits on."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            try:
                async with self._database.transaction() as tx:
                    await record_refusals(tx, ACTOR, batch)
            except asyncio.CancelledError:
                self._waiting.extendleft(reversed(batch))
                raise
            except Exception as problem:
                if isinstance(problem, errors.Fact) and problem.status >= 500:
                    self._waiting.extendleft(reversed(batch))
                    log.warning("refused requests wait to be recorded: %s", problem.detail)
                    return
                # A bug: it must not end the task, nor come again for ever.
                metrics.AUDIT_DROPPED.inc(by=len(batch))
                log.exception("refused requests could not be recorded")
