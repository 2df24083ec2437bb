"""What may be asked about one person from outside, by the rules of `administration`."""

import contextlib
from uuid import UUID

from lyceum.platform import errors, policies
from lyceum.platform.access import Actor, Permission
from lyceum.platform.database import Reader
from lyceum.platform.policies import Ruling
from lyceum.users.errors import RankTooLow
from lyceum.users.service.administration import get_account
from lyceum.users.service.roles import require_reach


@policies.policy("user")
async def judge_user(tx: Reader, actor: Actor, wanted: Permission, user_id: str) -> Ruling | None:
    """Judge by role, and by whether the person stands above the actor."""
    account = None
    with contextlib.suppress(ValueError):
        account = await get_account(tx, actor, UUID(user_id))
    if account is None:
        raise errors.NotFound
    by_role = policies.rule_by_role(actor, wanted)
    if not by_role.allowed:
        return by_role
    try:
        await require_reach(tx, actor, account.roles)
    except RankTooLow as refused:
        return Ruling(allowed=False, reason=refused.detail)
    return by_role
