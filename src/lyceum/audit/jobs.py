"""What the worker does for the audit trail: recording every event, anchoring the chains."""

from collections.abc import Sequence

from lyceum.audit.service import anchoring, recording
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import Happened, handles_all_together
from lyceum.platform.jobs import JobContext, job

ACTOR = system_actor("audit")


@handles_all_together
async def write_down(tx: Writer, happened: Sequence[Happened]) -> None:
    """Record events."""
    await recording.record_events(tx, ACTOR, happened)


@job(cron="*/5 * * * *", timeout_seconds=60)
async def anchor_heads(context: JobContext) -> str:
    """Write the heads of the chains outside the database; return the key of the file."""
    engines = context.engines
    secret = engines.settings.secret_key
    return await anchoring.anchor_heads(context.reader(), ACTOR, engines.storage, secret)
