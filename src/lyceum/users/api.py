"""What other domains may ask about people, and what the program is wired with.

The view `users.public_profiles` may be joined instead where a list shows people.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Actor, permissions_of
from lyceum.platform.database import Reader, Writer
from lyceum.users.adapters import email_addresses, passwords
from lyceum.users.permissions import canonical_roles, require_rank
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import roles as role_queries
from lyceum.users.records import Account
from lyceum.users.schemas.fields import Status
from lyceum.users.service import registration
from lyceum.users.service.authentication import Authenticator as Authenticator
from lyceum.users.service.roles import hold_roles
from lyceum.users.service.tokens import get_signing_key as get_signing_key


class Person(msgspec.Struct, frozen=True):
    """A person, as other domains know them."""

    user_id: UUID
    email: str
    display_name: str
    roles: tuple[str, ...]
    status: Status


async def find_person(tx: Reader, user_id: UUID) -> Person | None:
    """Return a person, whatever their status, or None."""
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT, user_id)
    return _person(account) if account else None


async def list_active(tx: Reader, user_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of `user_ids` who are people with an active account."""
    return set(await tx.all(account_queries.LIST_ACTIVE, list(user_ids)))


async def find_person_by_email(tx: Reader, email: str) -> Person | None:
    """Return the person with an address, however it is written, or None."""
    address = email_addresses.find_normal_form(email)
    if address is None:
        return None
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, address)
    return _person(account) if account else None


async def get_time_zone(tx: Reader, user_id: UUID) -> str:
    """Return the time zone of a person's days, UTC for somebody unknown."""
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT, user_id)
    return account.time_zone if account else "UTC"


async def actor_for(tx: Reader, user_id: UUID) -> Actor:
    """Return a person as an actor, for work done in their name; NotFound unless they are active."""
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT, user_id)
    if account is None or account.status != "active":
        raise errors.NotFound("There is no such active person.")
    roles = tuple(account.roles)
    granted = await role_queries.list_granted(tx, roles)
    return Actor(user_id=account.id, roles=roles, permissions=permissions_of(roles, granted))


async def ensure_account(
    tx: Writer,
    actor: Actor,
    *,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    roles: tuple[str, ...],
) -> UUID:
    """Return the id of the account with an address, making it (proved, with `password` and
    `roles`) if there is none; one that is there stays as it is."""
    address = email_addresses.normalise_email(email)
    found = await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, address)
    if found is not None:
        return found.id
    require_rank(actor, canonical_roles(roles))
    passwords.require_acceptable(password, address)
    account = await registration.insert_account(
        tx,
        actor,
        email=address,
        password_hash=await passwords.hash_password(password),
        first_name=first_name,
        last_name=last_name,
        roles=await hold_roles(tx, actor, roles),
        is_verified=True,
    )
    return account.id


def _person(account: Account) -> Person:
    return Person(
        account.id, account.email, account.display_name, tuple(account.roles), account.status
    )
