"""What somebody may do: their permissions, and answers to questions about them with the reason.

Not here: custom roles (`roles`), the rules about an object (the `policy` of its domain).
"""

from collections.abc import Iterable

from lyceum.platform import policies
from lyceum.platform.access import Actor, Permission, all_permissions
from lyceum.platform.database import Reader
from lyceum.users.schemas.permissions import PermissionAnswer, PermissionQuestion


async def list_own_permissions(tx: Reader, actor: Actor) -> list[str]:
    """Return the names of what the actor may do by role."""
    actor.require_user()
    return [declared.name for declared in all_permissions() if actor.may(declared)]


async def check_permissions(
    tx: Reader, actor: Actor, questions: Iterable[PermissionQuestion]
) -> list[PermissionAnswer]:
    """Answer, in order, whether the actor may, by role or with one object, and why or why not."""
    actor.require_user()
    declared = {permission.name: permission for permission in all_permissions()}
    answers = []
    for question in questions:
        wanted = declared.get(question.permission)
        ruling = await _rule(tx, actor, wanted, question)
        answers.append(
            PermissionAnswer(
                permission=question.permission,
                resource=question.resource,
                allowed=ruling.allowed,
                reason=ruling.reason,
            )
        )
    return answers


async def _rule(
    tx: Reader, actor: Actor, wanted: Permission | None, question: PermissionQuestion
) -> policies.Ruling:
    if wanted is None:
        return policies.Ruling(allowed=False, reason="There is no such permission.")
    about = question.resource
    if about is None:
        return policies.rule_by_role(actor, wanted)
    return await policies.rule_on(tx, actor, wanted, about.type, about.id)
