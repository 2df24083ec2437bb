"""Policies about objects: whether somebody may do something to this one, and why.

A domain registers one function for each kind of object that others may ask about, in its `service`:

    @policies.policy("course")
    async def judge_course(
        tx: Reader, actor: Actor, wanted: Permission, id_or_slug: str
    ) -> Ruling | None:

It looks up how the actor stands to the object (own, enrolled, taught, the object's state) and asks
the same rules as the use cases do; None when the object does not exist for the actor. Whoever asks
(`POST /permissions/check`, other services) need not know the domain: imports go down only.
"""

from collections.abc import Awaitable, Callable

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Actor, Permission
from lyceum.platform.database import Reader


class Ruling(msgspec.Struct, frozen=True):
    """Whether somebody may, and why or why not, in words for a person."""

    allowed: bool
    reason: str


Policy = Callable[[Reader, Actor, Permission, str], Awaitable[Ruling | None]]
_policies: dict[str, Policy] = {}


def policy(resource_type: str) -> Callable[[Policy], Policy]:
    """Register a function as the judge of objects of a type; a type has one."""

    def register(function: Policy) -> Policy:
        if resource_type in _policies:
            raise ValueError(f"objects of the type {resource_type} have a policy already")
        _policies[resource_type] = function
        return function

    return register


def resource_types() -> list[str]:
    """Return the types of objects that may be asked about."""
    return sorted(_policies)


def rule_by_role(actor: Actor, wanted: Permission) -> Ruling:
    """Judge by role alone, whatever the object."""
    if actor.scopes is not None and wanted.name not in actor.scopes:
        return Ruling(allowed=False, reason="The key that asks does not have this in its scopes.")
    if actor.may(wanted):
        return Ruling(allowed=True, reason="A role grants it.")
    return Ruling(
        allowed=False,
        reason=f"This needs the role {wanted.role}, one above it, or a custom role with it.",
    )


async def rule_on(
    tx: Reader, actor: Actor, wanted: Permission, resource_type: str, resource_id: str
) -> Ruling:
    """Judge one object; what is missing and what the actor may not see get the same answer."""
    judge = _policies.get(resource_type)
    if judge is None:
        known = ", ".join(resource_types())
        return Ruling(allowed=False, reason=f"Nobody knows this type; there are {known}.")
    try:
        ruling = await judge(tx, actor, wanted, resource_id)
    except errors.NotFound:
        ruling = None
    return ruling or Ruling(allowed=False, reason=f"There is no such {resource_type}.")
