"""How long entries are kept, what is held, and removing what is past its time.

The database itself keeps the rules: whoever calls its functions cannot remove early, and every
rule, hold and removal is an entry of the chain of upkeep. Not here: proving it (`verifying`).
"""

from datetime import UTC, datetime
from typing import Final, get_args
from uuid import UUID

from lyceum.audit import queries
from lyceum.audit.permissions import MANAGE_AUDIT, require_program
from lyceum.audit.records import Batch, Expired, Hold, Rule
from lyceum.audit.schemas import NewHold, RetentionClass
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.context import current_request_id
from lyceum.platform.database import Reader, Writer

CHAINS: Final = range(10)
AT_ONCE: Final = 1000
START: Final = Batch(0, datetime(1970, 1, 1, tzinfo=UTC), 0)
"""The place before all entries of a chain."""


async def list_rules(tx: Reader, actor: Actor) -> list[tuple[Rule, Expired]]:
    """Return the rules, the shortest first, each with what is past its time."""
    actor.require(MANAGE_AUDIT)
    expired = {one.retention_class: one for one in await tx.all(queries.COUNT_EXPIRED)}
    return [(rule, expired[rule.retention_class]) for rule in await tx.all(queries.LIST_RULES)]


async def set_retention(tx: Writer, actor: Actor, retention_class: str, days: int | None) -> None:
    """Keep entries of a class for so many days, or for ever; saying the same again is no change."""
    actor.require(MANAGE_AUDIT)
    if retention_class not in get_args(RetentionClass):
        raise errors.NotFound("There is no such class.")
    await tx.execute(queries.SET_RETENTION, retention_class, days, *_told_by(actor))


async def list_holds(tx: Reader, actor: Actor) -> list[Hold]:
    """Return every hold, the oldest first."""
    actor.require(MANAGE_AUDIT)
    return await tx.all(queries.LIST_HOLDS)


async def place_hold(tx: Writer, actor: Actor, new: NewHold) -> Hold:
    """Keep entries of a class or of a person until the hold is lifted."""
    actor.require(MANAGE_AUDIT)
    if (new.retention_class is None) == (new.person_id is None):
        wrong = errors.FieldError("/personId", "Name either a class or a person")
        raise errors.ValidationFailed("", wrong)
    hold_id = ids.new_id()
    what = new.retention_class, new.person_id, new.reason
    await tx.execute(queries.PLACE_HOLD, hold_id, *what, *_told_by(actor))
    return await tx.one(queries.FIND_HOLD, hold_id)


async def lift_hold(tx: Writer, actor: Actor, hold_id: UUID) -> None:
    """End a hold. What an erasure has left of a person whom nothing holds any more goes now."""
    actor.require(MANAGE_AUDIT)
    if not await tx.one(queries.LIFT_HOLD, hold_id, *_told_by(actor)):
        raise errors.NotFound


async def remove_expired(
    tx: Writer, actor: Actor, retention_class: RetentionClass, stream: int, after: Batch
) -> Batch | None:
    """Remove of the next thousand entries of a class in a chain those that may go; None at the end.

    The caller commits before the next, so that nobody waits long.
    """
    require_program(actor)
    place = stream, after.last_at, after.last_sequence
    return await tx.one_or_none(
        queries.REMOVE_EXPIRED, retention_class, *place, AT_ONCE, ids.new_id()
    )


def _told_by(actor: Actor) -> tuple[UUID, UUID | None, UUID | None, str]:
    """Return what the entry about it needs."""
    return ids.new_id(), actor.user_id, actor.impersonator_id, current_request_id()
