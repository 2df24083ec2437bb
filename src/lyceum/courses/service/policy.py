"""What may be asked about one course from outside: the rules of `permissions`, and why."""

from collections.abc import Callable
from typing import Final

from lyceum.courses import permissions
from lyceum.courses.records import CourseAccess
from lyceum.courses.service.access import get_visible_course
from lyceum.platform import policies
from lyceum.platform.access import Actor, Permission
from lyceum.platform.database import Reader
from lyceum.platform.policies import Ruling

_STANDING: Final = {
    "owner": "You own the course.",
    "co_instructor": "You are a co-instructor of the course.",
    "assistant": "You assist in the course.",
}
_RULES: Final[dict[str, Callable[[Actor, CourseAccess], bool]]] = {
    permissions.UPDATE_COURSE.name: permissions.may_edit,
    permissions.PUBLISH_COURSE.name: permissions.may_publish,
    permissions.DELETE_COURSE.name: permissions.may_delete,
}
# Who may do it by their standing in the course alone, when the role allows it at all.
_NEEDS: Final = {
    permissions.UPDATE_COURSE.name: "its owner and co-instructors",
    permissions.PUBLISH_COURSE.name: "its owner and co-instructors",
    permissions.DELETE_COURSE.name: "its owner",
}


@policies.policy("course")
async def judge_course(
    tx: Reader, actor: Actor, wanted: Permission, id_or_slug: str
) -> Ruling | None:
    """Judge by how the actor stands to the course: taught, learnt, or neither."""
    access = await get_visible_course(tx, actor, id_or_slug)
    if wanted == permissions.WRITE_REVIEW:
        return _judge_learner(actor, wanted, access)
    rule = _RULES.get(wanted.name)
    if rule is None:
        return policies.rule_by_role(actor, wanted)
    if rule(actor, access):
        if access.actor_role is None:
            return Ruling(allowed=True, reason="A role lets you manage every course.")
        return Ruling(allowed=True, reason=_STANDING[access.actor_role])
    by_role = policies.rule_by_role(actor, wanted)
    if not by_role.allowed:
        return by_role
    who = _NEEDS[wanted.name]
    return Ruling(allowed=False, reason=f"Of this course {who} may, and whoever manages all.")


def _judge_learner(actor: Actor, wanted: Permission, access: CourseAccess) -> Ruling:
    by_role = policies.rule_by_role(actor, wanted)
    if not by_role.allowed:
        return by_role
    if permissions.is_enrolled(access):
        return Ruling(allowed=True, reason="You learn the course.")
    return Ruling(allowed=False, reason="Only those who learn the course may.")
