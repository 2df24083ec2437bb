"""Finding the customer that a use case is about, and the checks that several of them share."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from lyceum.customers import errors as facts
from lyceum.customers import permissions
from lyceum.customers.queries import customers as queries
from lyceum.customers.records import Customer
from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users import api as users


async def get_customer(tx: Reader, actor: Actor, customer_id: UUID) -> Customer:
    """Return a customer; a deleted one exists for whoever may restore it, and a merged one tells
    where it went (CustomerMerged)."""
    actor.require(permissions.READ)
    found = await tx.one_or_none(queries.FIND, customer_id)
    if found is None:
        raise errors.NotFound
    if found.merged_into_id is not None:
        raise facts.CustomerMerged(merged_into=found.merged_into_id)
    if found.deleted_at is not None and not actor.may(permissions.DELETE):
        raise errors.NotFound
    return found


async def lock_customer(
    tx: Writer, actor: Actor, customer_id: UUID, if_match: int | None = None
) -> Customer:
    """Lock a customer that is present and return it as it is under the lock."""
    await get_customer(tx, actor, customer_id)
    found = await tx.all(queries.LOCK_MANY, [customer_id])
    if not found or found[0].deleted_at is not None:
        raise errors.NotFound
    if if_match is not None and if_match != found[0].version:
        raise errors.PreconditionFailed
    return found[0]


async def find_missing_owners(tx: Reader, actor: Actor, wanted: Iterable[Any]) -> set[UUID]:
    """Return those of `wanted` (None is nobody) who cannot look after customers: unknown people,
    and those who are not active."""
    people = {wish for wish in wanted if wish is not None}
    return people - await users.list_active(tx, people) if people else set()
