"""Who may do what with accounts: permissions by role, and pure rules about rank.

Not here: permissions of other domains (each declares its own).
"""

from collections.abc import Iterable
from typing import Final

from lyceum.platform.access import READ_SELF, ROLE_ALIASES, ROLES, Actor, permission
from lyceum.users import errors
from lyceum.users.records import Account

READ_USERS = permission("users:read", role="admin", description="List people and see accounts")
CREATE_USERS = permission("users:create", role="admin", description="Make accounts for others")
CHANGE_ROLES = permission("users:change-roles", role="admin", description="Give and take roles")
SUSPEND_USERS = permission(
    "users:suspend", role="admin", description="Suspend and reinstate accounts"
)
MANAGE_ROLES = permission(
    "roles:manage", role="admin", description="Make, change and delete custom roles"
)
READ_ROLES = permission("roles:read", role="manager", description="See every role")
RESET_FACTORS = permission(
    "users:reset-factors",
    role="admin",
    description="Take second factors from people who lost them",
)
MANAGE_SERVICES = permission(
    "services:manage", role="super_admin", description="Make and end the keys of other services"
)
ERASE_USERS = permission(
    "users:erase", role="admin", description="Erase what is held on people who ask for it"
)
ACT_AS = permission(
    "users:act-as", role="admin", description="See the academy as somebody else, without acting"
)

SUPER_ADMIN: Final = "super_admin"


def canonical_roles(names: Iterable[str]) -> tuple[str, ...]:
    """Return the roles that `names` mean, aliases resolved, once each: the built-in ones, lowest
    first, then the custom ones."""
    wanted = {ROLE_ALIASES.get(name, name) for name in names}
    return (*(role for role in ROLES if role in wanted), *sorted(wanted.difference(ROLES)))


def custom_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """Return those of `roles` that are not built in."""
    return tuple(role for role in roles if role not in ROLES)


def role_tag(name: str) -> str:
    """Return what is invalidated when a custom role changes."""
    return f"users:role:{name}"


def rank_of(roles: Iterable[str]) -> int:
    """Return how high the highest of `roles` stands; -1 without any."""
    return max((ROLES.index(role) for role in roles if role in ROLES), default=-1)


def teaches(roles: Iterable[str]) -> bool:
    """Return whether somebody with `roles` stands in the academy as an instructor."""
    return "instructor" in roles


def require_rank(actor: Actor, *role_sets: Iterable[str]) -> None:
    """Raise RankTooLow unless the actor stands as high as every one of `role_sets`."""
    if actor.is_super:
        return
    own = rank_of(actor.roles)
    if any(rank_of(roles) > own for roles in role_sets):
        raise errors.RankTooLow("Your own role must be as high as those you deal with.")


def require_held(actor: Actor, names: Iterable[str]) -> None:
    """Raise RankTooLow unless the actor has every permission of `names`: nobody gives, changes or
    takes away what is not theirs."""
    missing = sorted(name for name in names if not actor.has(name))
    if missing:
        raise errors.RankTooLow(
            f"You do not have {', '.join(missing[:5])} yourself.", permissions=missing
        )


def may_see_account(actor: Actor, account: Account) -> bool:
    """Whether the actor sees the whole account: its owner, and administrators."""
    if actor.may(READ_USERS):
        return True
    is_own = actor.user_id is not None and actor.user_id == account.id
    return is_own and (actor.scopes is None or actor.may(READ_SELF))


def visible_to(actor: Actor) -> list[str]:
    """Return which of the profiles' visibilities the actor sees; the rule of `may_see_profile`
    for lists."""
    if actor.may(READ_USERS):
        return ["public", "academy", "private"]
    return ["public", "academy"] if actor.user_id is not None else ["public"]


def may_see_profile(actor: Actor, account: Account) -> bool:
    """Whether the person exists for the actor, by what they chose to show and to whom."""
    if may_see_account(actor, account):
        return True
    if account.status != "active" or account.visibility == "private":
        return False
    return account.visibility == "public" or actor.user_id is not None
