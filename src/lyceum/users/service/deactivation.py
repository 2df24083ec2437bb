"""Laying one's account to rest, and coming back by signing in. Not here: erasing it for good."""

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.events import UserDeactivated, UserReactivated
from lyceum.users.queries import accounts as account_queries
from lyceum.users.records import Account
from lyceum.users.service.administration import require_other_super_admin
from lyceum.users.service.sessions import revoke_all_sessions
from lyceum.users.service.step_up import require_fresh


async def deactivate(tx: Writer, actor: Actor) -> None:
    """Hide the actor from others and end every session, until they sign in again.

    Raises StepUpRequired, LastSuperAdmin.
    """
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    await tx.execute(account_queries.LOCK_RANKS)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    if account.status != "active":
        raise errors.Conflict
    await require_other_super_admin(tx, actor, account)
    await tx.execute(account_queries.DEACTIVATE, user_id)
    await revoke_all_sessions(tx, actor, user_id, but=None, reason="deactivated")
    await events.emit(tx, actor, UserDeactivated(user_id=user_id))
    tx.invalidate(f"users:{user_id}", "users:list")


async def reactivate(tx: Writer, actor: Actor, account: Account) -> Account:
    """Bring an account back, whose row is locked and whose owner has proved to be there."""
    changed = await tx.one(account_queries.REACTIVATE, account.id)
    await events.emit(tx, actor, UserReactivated(user_id=account.id))
    tx.invalidate(f"users:{account.id}", "users:list")
    return changed
