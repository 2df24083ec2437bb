"""Erasing a person: what tells of them goes from every table that is registered for it.

The account stays as a row without anything of them, so that what names its id still finds a former
member. Not here: the tables (`platform.privacy` and each domain's registrations).
"""

from uuid import UUID

from lyceum.platform import errors, events, privacy
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.users.errors import NotOnOneself
from lyceum.users.events import UserErased
from lyceum.users.permissions import ERASE_USERS
from lyceum.users.queries import accounts as account_queries
from lyceum.users.records import Account
from lyceum.users.service.administration import get_account, require_other_super_admin
from lyceum.users.service.roles import require_reach
from lyceum.users.service.step_up import require_fresh


async def erase_oneself(tx: Writer, actor: Actor) -> list[str]:
    """Erase the actor, who has proved a moment ago who they are; StepUpRequired, LastSuperAdmin.

    Returns the keys of the files to delete once `tx` has committed.
    """
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    return await _erase(tx, actor, user_id)


async def erase_other(tx: Writer, actor: Actor, user_id: UUID) -> list[str]:
    """Erase somebody who asked for it; StepUpRequired, RankTooLow, LastSuperAdmin.

    Returns the keys of the files to delete once `tx` has committed.
    """
    account = await get_account(tx, actor, user_id)
    actor.require(ERASE_USERS)
    if user_id == actor.user_id:
        raise NotOnOneself("Erase your own account with POST /api/v1/me/erasure.")
    await require_fresh(tx, actor)
    await require_reach(tx, actor, account.roles)
    return await _erase(tx, actor, user_id)


async def _erase(tx: Writer, actor: Actor, user_id: UUID) -> list[str]:
    await tx.execute(account_queries.LOCK_RANKS)
    account: Account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    if account.status == "erased":
        raise errors.Conflict("This account was erased.")
    await require_reach(tx, actor, account.roles)
    await require_other_super_admin(tx, actor, account)
    subject = privacy.Subject(account.id, account.email)
    files = await privacy.list_files(tx, subject)
    await privacy.erase_rows(tx, subject)
    await events.emit(tx, actor, UserErased(user_id=user_id))
    tx.invalidate(f"users:{user_id}", "users:list")
    return files
