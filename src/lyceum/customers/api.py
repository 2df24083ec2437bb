"""What other domains may ask about customers: whose an account is, and who is in a group.

Prices, enrolments and messages for a group ask here; a group by rule is looked at anew each time.
"""

from collections.abc import AsyncIterator, Iterable
from uuid import UUID

import msgspec

from lyceum.customers.queries import customers as queries
from lyceum.customers.queries.selection import Selection
from lyceum.customers.service import groups, listing
from lyceum.platform.access import system_actor
from lyceum.platform.database import Reader

_ACTOR = system_actor("customers")
_AT_A_TIME = 1000


class CustomerFacts(msgspec.Struct, frozen=True):
    """A customer, as other domains know them."""

    customer_id: UUID
    name: str
    email: str | None
    tax_id: str | None
    lifecycle: str
    consents: frozenset[str]


async def find_customer_of_account(tx: Reader, user_id: UUID) -> CustomerFacts | None:
    """Return the customer that a person's account belongs to, or None."""
    customer_id = await tx.one_or_none(queries.FIND_CUSTOMER_OF_ACCOUNT, user_id)
    if customer_id is None:
        return None
    row = await tx.one_or_none(queries.FIND, customer_id)
    if row is None or row.deleted_at is not None:
        return None
    consents = frozenset(row.consents)
    return CustomerFacts(row.id, row.name, row.email, row.tax_id, row.lifecycle, consents)


async def list_accounts_of(tx: Reader, customer_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Return whose accounts belong to the customers, by customer; those without are not in it."""
    found: dict[UUID, list[UUID]] = {}
    for link in await tx.all(queries.LIST_ACCOUNTS_OF, list(customer_ids)):
        found.setdefault(link.customer_id, []).append(link.user_id)
    return found


async def is_in_group(tx: Reader, group_id: UUID, user_id: UUID) -> bool:
    """Return whether a person's account belongs to a customer of the group."""
    customer_id = await tx.one_or_none(queries.FIND_CUSTOMER_OF_ACCOUNT, user_id)
    return customer_id is not None and await groups.is_member(tx, _ACTOR, group_id, customer_id)


async def walk_group(tx: Reader, group_id: UUID) -> AsyncIterator[CustomerFacts]:
    """Yield the members of a group, the oldest first; NotFound when there is no such group."""
    after = None
    while True:
        selection = Selection()
        await listing.narrow_to_group(tx, _ACTOR, selection, group_id)
        statement = selection.page("createdAt", after, _AT_A_TIME)
        rows = await tx.all(statement, *selection.values)
        for row in rows:
            consents = frozenset(row.consents)
            yield CustomerFacts(row.id, row.name, row.email, row.tax_id, row.lifecycle, consents)
        if len(rows) < _AT_A_TIME:
            return
        after = (rows[-1].created_at, rows[-1].id)
