"""Everything that is held on a person, as an archive of theirs.

It is made by a job, kept for seven days, and opened by a link that its owner asks for: random, for
an hour, for this archive alone. Not here: which tables there are (`platform.privacy`).
"""

from uuid import UUID

from lyceum.platform import errors, events, ids, privacy
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.errors import ExportNotReady
from lyceum.users.events import DataExportReady, DataExportRequested
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import privacy as queries
from lyceum.users.records import DataExport
from lyceum.users.service.step_up import require_fresh

KEPT_DAYS = 7
LINK_SECONDS = 3600


async def request_export(tx: Writer, actor: Actor) -> DataExport:
    """Note that the actor wants an export; StepUpRequired. The job makes it."""
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    made = await tx.one(queries.INSERT_EXPORT, ids.new_id(), user_id)
    await events.emit(tx, actor, DataExportRequested(user_id=user_id, export_id=made.id))
    return made


async def list_exports(tx: Reader, actor: Actor) -> list[DataExport]:
    """Return the actor's exports, the newest first."""
    return await tx.all(queries.LIST_EXPORTS, actor.require_user())


async def create_link(tx: Writer, actor: Actor, export_id: UUID) -> str:
    """Return the secret of a link to one of the actor's exports; an earlier one ends.

    Raises NotFound, ExportNotReady, StepUpRequired.
    """
    user_id = actor.require_user()
    found = await tx.one_or_none(queries.FIND_EXPORT, export_id)
    if found is None or found.user_id != user_id:
        raise errors.NotFound
    await require_fresh(tx, actor)
    secret = ids.new_secret()
    done = await tx.one_or_none(
        queries.SET_LINK, export_id, user_id, ids.hash_secret(secret), float(LINK_SECONDS)
    )
    if done is None:
        raise ExportNotReady
    return secret


async def open_export(tx: Reader, actor: Actor, secret: str) -> DataExport:
    """Return the export that a link is for; NotFound when it is too old or was never made."""
    found = await tx.one_or_none(queries.FIND_EXPORT_BY_LINK, ids.hash_secret(secret))
    if found is None:
        raise errors.NotFound
    return found


async def find_subject(tx: Reader, actor: Actor, export_id: UUID) -> privacy.Subject | None:
    """Return whom an export is to be made about; None when it is made, or not wanted any more."""
    found = await tx.one_or_none(queries.FIND_EXPORT, export_id)
    if found is None or found.ready_at is not None:
        return None
    account = await tx.one(account_queries.FIND_ACCOUNT, found.user_id)
    return privacy.Subject(account.id, account.email)


async def finish_export(
    tx: Writer, actor: Actor, export_id: UUID, *, file_key: str, size_bytes: int
) -> bool:
    """Note where the archive is, and tell of it once; return whether anybody still wants it."""
    finished = await tx.one_or_none(
        queries.FINISH_EXPORT, export_id, file_key, size_bytes, KEPT_DAYS
    )
    if finished is not None:
        await events.emit(tx, actor, DataExportReady(user_id=finished, export_id=export_id))
        return True
    return await tx.one_or_none(queries.FIND_EXPORT, export_id) is not None


async def forget_old_exports(tx: Writer, actor: Actor) -> list[str]:
    """Delete exports whose time is over; return the keys of their files."""
    return [key for key in await tx.all(queries.DELETE_OLD_EXPORTS) if key]
