"""Which worker processes live: each signs in, says every few seconds that it is there, signs out.

One that was killed is struck off by the others. Not here: showing it (`queue_figures`).
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from lyceum.platform import errors, ids
from lyceum.platform.database import Database
from lyceum.platform.statements import command

log = logging.getLogger("lyceum.worker")

SAY_SECONDS: Final = 5.0
ALIVE_SECONDS: Final = 20.0
"""Who has not been heard of for this long is taken for dead."""

_SAY = command(
    """
    INSERT INTO platform.workers (id, host, process_id, services, running)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO UPDATE SET running = excluded.running, seen_at = now()
    """
)
_STRIKE_OFF = command(
    "DELETE FROM platform.workers WHERE id = $1 OR seen_at < now() - make_interval(secs => $2)"
)


@asynccontextmanager
async def signed_in(
    database: Database, services: str, running: Callable[[], int]
) -> AsyncIterator[None]:
    """Keep this process on the roll for the length of the block; `running` counts its jobs."""
    worker_id, host = ids.new_id(), socket.gethostname()

    async def strike_off() -> None:
        await database.sole_writer().execute(_STRIKE_OFF, worker_id, ALIVE_SECONDS * 3)

    async def keep_saying() -> None:
        with suppress(errors.Fact):
            await strike_off()
        while True:
            try:
                primary = database.sole_writer()
                await primary.execute(_SAY, worker_id, host, os.getpid(), services, running())
            except errors.Fact as fact:
                log.warning("the roll of workers cannot be written: %s", fact)
            await asyncio.sleep(SAY_SECONDS)

    saying = asyncio.create_task(keep_saying(), name="worker-roll")
    try:
        yield
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        with suppress(errors.Fact):
            await strike_off()
