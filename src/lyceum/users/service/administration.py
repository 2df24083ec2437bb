"""People as others see them, and what administrators do with accounts.

Nobody acts on a person above them, nobody raises anyone above themselves, and the last super
admin stays. Not here: what people do with their own account (`account`).
"""

from uuid import UUID

import msgspec

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.adapters import email_addresses, passwords
from lyceum.users.errors import LastSuperAdmin, NotOnOneself
from lyceum.users.events import UserReinstated, UserRoleChanged, UserSuspended
from lyceum.users.permissions import (
    CHANGE_ROLES,
    CREATE_USERS,
    READ_USERS,
    SUPER_ADMIN,
    SUSPEND_USERS,
    canonical_roles,
    may_see_profile,
    require_rank,
)
from lyceum.users.queries import accounts as account_queries
from lyceum.users.records import Account
from lyceum.users.schemas.accounts import NewUser, UserQuery
from lyceum.users.service.browser_sessions import end_browser_sessions
from lyceum.users.service.registration import insert_account
from lyceum.users.service.roles import hold_roles, require_reach
from lyceum.users.service.sessions import revoke_all_sessions
from lyceum.users.service.step_up import require_fresh


async def list_accounts(tx: Reader, actor: Actor, query: UserQuery) -> tuple[list[Account], int]:
    """Return a page of accounts, the newest first, and how many there are."""
    actor.require(READ_USERS)
    filters: dict[str, str] = {}
    if query.search is not msgspec.UNSET:
        filters["search"] = query.search.lower()
    if query.role is not msgspec.UNSET:
        filters["role"] = canonical_roles((query.role,))[0]
    if query.status is not msgspec.UNSET:
        filters["status"] = query.status
    shape, values = tuple(filters), tuple(filters.values())
    total = await tx.one(account_queries.COUNT_ACCOUNTS[shape], *values)
    rows = await tx.all(account_queries.LIST_ACCOUNTS[shape], *values, query.per_page, query.offset)
    return rows, total


async def get_account(tx: Reader, actor: Actor, user_id: UUID) -> Account:
    """Return a person whom the actor may see; what of them is `may_see_account`'s to say."""
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT, user_id)
    if account is None or not may_see_profile(actor, account):
        raise errors.NotFound
    return account


async def create_account(tx: Writer, actor: Actor, new: NewUser) -> Account:
    """Make an account for somebody whose address the actor vouches for.

    Hashes before the first statement of `tx`; a hash from elsewhere is kept until the owner signs
    in (see `prove_password`).
    """
    actor.require(CREATE_USERS)
    require_rank(actor, canonical_roles(new.roles))
    email = email_addresses.normalise_email(new.email)
    password_hash = await _hash_of(new, email)
    return await insert_account(
        tx,
        actor,
        email=email,
        password_hash=password_hash,
        first_name=new.first_name,
        last_name=new.last_name,
        roles=await hold_roles(tx, actor, new.roles),
        is_verified=True,
    )


async def _hash_of(new: NewUser, email: str) -> str:
    if new.password is not msgspec.UNSET and new.password_hash is msgspec.UNSET:
        passwords.require_acceptable(new.password, email)
        return await passwords.hash_password(new.password)
    if new.password is not msgspec.UNSET or new.password_hash is msgspec.UNSET:
        raise errors.InvalidInput(
            "", errors.FieldError("/password", "Give a password, or the hash of one")
        )
    if not passwords.is_importable(new.password_hash):
        raise errors.InvalidInput(
            "", errors.FieldError("/passwordHash", "This is no hash that can be kept")
        )
    return new.password_hash


async def change_roles(
    tx: Writer, actor: Actor, user_id: UUID, names: tuple[str, ...], *, if_match: int | None
) -> Account:
    """Give a person other roles, effective on tokens already issued.

    Changes of rank are made one after the other, so that two super admins cannot remove each
    other. Raises StepUpRequired, RankTooLow, LastSuperAdmin, PreconditionFailed.
    """
    await get_account(tx, actor, user_id)
    actor.require(CHANGE_ROLES)
    await require_fresh(tx, actor)
    await tx.execute(account_queries.LOCK_RANKS)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    if if_match is not None and if_match != account.version:
        raise errors.PreconditionFailed
    await require_reach(tx, actor, account.roles)
    roles = await hold_roles(tx, actor, names)
    if tuple(account.roles) == roles:
        return account
    if SUPER_ADMIN not in roles:
        await require_other_super_admin(tx, actor, account)
    changed = await tx.one(account_queries.UPDATE_ROLES, user_id, list(roles))
    await end_browser_sessions(tx, actor, user_id, reason="role_changed")
    await events.emit(
        tx,
        actor,
        UserRoleChanged(user_id=user_id, roles=roles, previous_roles=tuple(account.roles)),
    )
    tx.invalidate(f"users:{user_id}", "users:list")
    return changed


async def suspend(tx: Writer, actor: Actor, user_id: UUID) -> Account:
    """Shut a person out at once: every session ends, and no new one begins. Done twice, the
    person is still suspended."""
    account = await _lock_for_suspension(tx, actor, user_id)
    if account.status == "suspended" and not account.may_sign_in:
        return account
    await require_other_super_admin(tx, actor, account)
    changed = await tx.one(account_queries.UPDATE_STATUS, user_id, "suspended")
    await revoke_all_sessions(tx, actor, user_id, but=None, reason="suspended")
    await events.emit(tx, actor, UserSuspended(user_id=user_id))
    tx.invalidate(f"users:{user_id}", "users:list")
    return changed


async def reinstate(tx: Writer, actor: Actor, user_id: UUID) -> Account:
    """Let a suspended person sign in again."""
    account = await _lock_for_suspension(tx, actor, user_id)
    if account.status == "active":
        return account
    changed = await tx.one(account_queries.UPDATE_STATUS, user_id, "active")
    await events.emit(tx, actor, UserReinstated(user_id=user_id))
    tx.invalidate(f"users:{user_id}", "users:list")
    return changed


async def _lock_for_suspension(tx: Writer, actor: Actor, user_id: UUID) -> Account:
    await get_account(tx, actor, user_id)
    actor.require(SUSPEND_USERS)
    if user_id == actor.user_id:
        raise NotOnOneself
    await tx.execute(account_queries.LOCK_RANKS)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    await require_reach(tx, actor, account.roles)
    if account.status == "erased":
        raise errors.Conflict("This account was erased.")
    return account


async def require_other_super_admin(tx: Writer, actor: Actor, account: Account) -> None:
    """Raise LastSuperAdmin if nobody else is one; call it under the lock of ranks."""
    if SUPER_ADMIN not in account.roles or account.status != "active":
        return
    if await tx.one(account_queries.COUNT_OTHER_SUPER_ADMINS, account.id) == 0:
        raise LastSuperAdmin
