"""People for tests, made by the domain's own use cases."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

import argon2
import msgspec

from lyceum.platform import ids
from lyceum.platform.access import ANONYMOUS, Actor, permissions_of
from lyceum.platform.database import Database, Writer
from lyceum.platform.settings import Settings
from lyceum.platform.statements import command
from lyceum.users.queries import sessions as session_queries
from lyceum.users.records import Account, Device
from lyceum.users.service import registration, sessions
from lyceum.users.service.tokens import SignedIn

SignIn = Callable[[Account], Awaitable[dict[str, str]]]
SET_VISIBILITY = command("UPDATE users.users SET visibility = $2 WHERE id = $1")
PASSWORD = "tide-over-9-lanterns"


@lru_cache(maxsize=1)
def _hash() -> str:
    """The hash of PASSWORD, made once: it takes a while by design."""
    hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    return hasher.hash(PASSWORD)


def unique_email() -> str:
    return f"p{ids.new_id().hex}@people.test"


async def make_user(tx: Writer, **changes: Any) -> Account:
    """Store a person who can sign in with PASSWORD."""
    facts: dict[str, Any] = {
        "email": unique_email(),
        "password_hash": _hash(),
        "first_name": "Ada",
        "last_name": "Lovelace",
        "roles": ("student",),
        "is_verified": True,
    }
    return await registration.insert_account(tx, ANONYMOUS, **{**facts, **changes})


async def store_user(database: Database, **changes: Any) -> Account:
    """Store and commit a person."""
    async with database.transaction() as tx:
        return await make_user(tx, **changes)


async def open_session(database: Database, settings: Settings, account: Account) -> SignedIn:
    """Sign a person in without asking for the password."""
    async with database.transaction() as tx:
        return await sessions.open_session(
            tx, ANONYMOUS, settings, account, Device("192.0.2.1", "Tester/1.0")
        )


def actor_of(account: Account) -> Actor:
    roles = tuple(account.roles)
    return Actor(user_id=account.id, roles=roles, permissions=permissions_of(roles))


async def fresh_actor(tx: Writer, account: Account) -> Actor:
    """Return a person who has signed in just now."""
    session_id = ids.new_id()
    await tx.execute(
        session_queries.INSERT_SESSION,
        session_id,
        account.id,
        3600.0,
        7200.0,
        "192.0.2.1",
        "",
        ["password"],
    )
    return msgspec.structs.replace(actor_of(account), session_id=session_id)


async def sign_in_actor(database: Database, account: Account) -> Actor:
    """Commit a session of a person, and return them as they act in it."""
    async with database.transaction() as tx:
        return await fresh_actor(tx, account)
