"""Customers for tests, made by the domain's own use cases."""

from typing import Any
from uuid import UUID

from lyceum.customers.records import Customer
from lyceum.customers.schemas.customers import NewCustomer
from lyceum.customers.service import customers
from lyceum.platform import ids
from lyceum.platform.access import Actor, permissions_of
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import sql
from tests.users import factories as users

_EVENTS = sql("SELECT name FROM platform.outbox WHERE key = $1 ORDER BY position", str)


def manager() -> Actor:
    """A manager whom no account stands for."""
    return Actor(user_id=ids.new_id(), roles=("manager",), permissions=permissions_of(("manager",)))


def word() -> str:
    """A word that no other test has."""
    return f"w{ids.new_id().hex}"


async def make_customer(tx: Writer, actor: Actor | None = None, **changes: Any) -> Customer:
    facts: dict[str, Any] = {"name": f"Lantern Works {ids.new_id().hex}", **changes}
    return await customers.create_customer(tx, actor or manager(), NewCustomer(**facts))


async def store_customer(database: Database, **changes: Any) -> Customer:
    async with database.transaction() as tx:
        return await make_customer(tx, **changes)


async def store_customers(database: Database, count: int, **changes: Any) -> list[Customer]:
    async with database.transaction() as tx:
        return [await make_customer(tx, **changes) for _ in range(count)]


async def make_account(tx: Writer, **changes: Any) -> UUID:
    return (await users.make_user(tx, **changes)).id


async def link(tx: Writer, customer_id: UUID, person_id: UUID) -> None:
    await customers.link_account(tx, manager(), customer_id, person_id)


async def events_of(tx: Writer, key: object) -> list[str]:
    return await tx.all(_EVENTS, str(key))
