"""What contributions have in common: whom they mention, and what is told of a change."""

from collections.abc import Sequence
from uuid import UUID

from lyceum.courses import api as courses
from lyceum.discussions.errors import invalid
from lyceum.discussions.events import ContributionChanged
from lyceum.discussions.records import Thread
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.events import emit


async def check_mentions(
    tx: Reader, actor: Actor, course_id: UUID, mentions: Sequence[UUID]
) -> list[UUID]:
    """Return whom a contribution mentions, each once; all of them take part in the course."""
    wanted = list(dict.fromkeys(mentions))
    if not wanted:
        return []
    known = await courses.list_participants(tx, actor, course_id, wanted)
    for place, user_id in enumerate(mentions):
        if user_id not in known:
            raise invalid(f"/mentions/{place}", "This person does not take part in the course")
    return wanted


async def tell_change(
    tx: Writer, actor: Actor, thread: Thread, post_id: UUID | None, *changed: str
) -> None:
    """Say that a thread or post is not what it was."""
    await emit(
        tx,
        actor,
        ContributionChanged(
            thread_id=thread.id, post_id=post_id, course_id=thread.course_id, changed=changed
        ),
    )
