"""Heads of the chains kept outside the database, so that a cut or rewritten chain is seen."""

from lyceum.audit import queries
from lyceum.audit.adapters import anchor_files
from lyceum.audit.permissions import require_program
from lyceum.platform import clock
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader
from lyceum.platform.storage import Storage


async def anchor_heads(tx: Reader, actor: Actor, storage: Storage, secret: str) -> str:
    """Write the heads as they are into a new file; return its key."""
    require_program(actor)
    heads = await tx.all(queries.LIST_HEADS)
    return await anchor_files.store(storage, secret, clock.utc_now(), heads)
