"""Progress in a course: recording it, reading it, and what follows when the outline changes.

The rules (time, played parts, percentage, completion) are SQL functions of migration 0004, so that
recording is one round trip. Not here: what completing a course brings about (`jobs`).
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses.queries import progress as queries
from lyceum.courses.queries import structure
from lyceum.courses.schemas.progress import (
    LearningQuery,
    ProgressBatch,
    ProgressItem,
    ProgressUpdate,
)
from lyceum.courses.service import access
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.context import current
from lyceum.platform.database import Reader, Writer
from lyceum.platform.statements import Json
from lyceum.users import api as users


async def record_progress(
    tx: Writer, actor: Actor, course_id: UUID, update: ProgressUpdate
) -> Json:
    """Record what the actor did in a lecture; return the new state (`ProgressRecorded`).

    Completed stays completed. Completing the last lecture completes the course, once.
    """
    user_id = actor.require_user()
    now = clock.utc_now()
    answer = await tx.one_gathered(
        queries.RECORD, user_id, course_id, update.lecture_id, update.completed,
        update.time_spent_seconds, update.position_seconds, _played(update), now, now,
        actor.impersonator_id, *current(),
    )  # fmt: skip
    if answer.startswith(b'"'):
        reason = msgspec.json.decode(answer, type=str)
        raise await _refusal(tx, actor, course_id, reason, "/lectureId")
    return answer


async def record_batch(tx: Writer, actor: Actor, course_id: UUID, batch: ProgressBatch) -> Json:
    """Record what an offline client saved up, all or nothing; return the state (`CourseState`).

    The same batch again changes nothing.
    """
    user_id = actor.require_user()
    now = clock.utc_now()
    items = [_batch_row(item, number, now) for number, item in enumerate(batch.items)]
    digest = hashlib.blake2b(msgspec.json.encode(batch.items), digest_size=16).digest()
    event_ids = [ids.new_id() for _ in range(len(items) + 1)]
    answer = await tx.one(
        queries.RECORD_BATCH, user_id, course_id, UUID(bytes=digest), msgspec.json.encode(items),
        now, event_ids, user_id, actor.impersonator_id, *current(),
    )  # fmt: skip
    if answer.startswith(b'{"refused"'):
        refused = msgspec.json.decode(answer, type=_BatchRefused)
        pointer = f"/items/{refused.item}/lectureId"
        raise await _refusal(tx, actor, course_id, refused.refused, pointer)
    return answer


async def complete_lecture(tx: Writer, actor: Actor, user_id: UUID, lecture_id: UUID) -> None:
    """Complete a lecture for a learner whose attempt has passed; nothing if they are not enrolled.

    The only way to complete a quiz. Safe to repeat; locks the enrolment.
    """
    course_id = await tx.one_or_none(structure.FIND_LECTURE_COURSE, lecture_id)
    if course_id is None:
        return
    await tx.one(
        queries.COMPLETE, user_id, course_id, lecture_id, clock.utc_now(),
        actor.user_id, actor.impersonator_id, *current(),
    )  # fmt: skip


async def recount_enrolments(tx: Writer, actor: Actor, course_id: UUID) -> int:
    """Count progress anew after lectures came or went, in the same transaction, once, after it.

    Whoever has all that is left completes the course; return how many. Locks the course's
    enrolments.
    """
    return await tx.one(queries.RECOUNT, course_id, actor.user_id, *current())


async def get_progress(tx: Reader, actor: Actor, course_id: UUID) -> Json:
    """Return the actor's progress in every lecture of a course (`ProgressView`)."""
    course = await access.get_visible_course(tx, actor, course_id)
    found = await tx.one_or_none(queries.FIND_PROGRESS, actor.require_user(), course.id)
    if found is None:
        raise facts.NotEnrolled
    return found


async def get_learning(tx: Reader, actor: Actor, query: LearningQuery) -> Json:
    """Return how long and on which days the actor learnt (`LearningView`), by the days of the time
    zone that is asked for, or of their own."""
    user_id = actor.require_user()
    zone = query.time_zone
    if zone is None:
        zone = await users.get_time_zone(tx, user_id)
    elif zone not in available_timezones():
        raise facts.invalid("/query/timeZone", "There is no such time zone")
    return await tx.one(queries.FIND_LEARNING, user_id, zone, clock.utc_now(), query.days)


class _BatchRefused(msgspec.Struct):
    refused: str
    item: int


def _played(update: ProgressUpdate) -> str | None:
    for number, (start, end) in enumerate(update.played_segments):
        if start >= end:
            raise facts.invalid(f"/playedSegments/{number}", "A part ends after it begins")
    return _parts(update.played_segments)


def _parts(segments: Sequence[tuple[int, int]]) -> str | None:
    """Return played parts as the text of a multirange, None for none."""
    return f"{{{','.join(f'[{start},{end})' for start, end in segments)}}}" if segments else None


def _batch_row(item: ProgressItem, number: int, now: datetime) -> dict[str, object]:
    """Return an item as the columns of the SQL function; made in the future means made now."""
    recorded_at = item.recorded_at or now
    if recorded_at.year < 2000:
        raise facts.invalid(f"/items/{number}/recordedAt", "A year from 2000 on, please")
    if any(start >= end for start, end in item.played_segments):
        raise facts.invalid(f"/items/{number}/playedSegments", "A part ends after it begins")
    return {
        "lecture_id": item.lecture_id,
        "completed": item.completed,
        "seconds": item.time_spent_seconds,
        "position": item.position_seconds,
        "played": _parts(item.played_segments),
        "recorded_at": min(recorded_at, now),
    }


async def _refusal(
    tx: Reader, actor: Actor, course_id: UUID, reason: str, pointer: str
) -> errors.Fact:
    """Return the fact for what the SQL functions call `reason`; NotFound goes before it."""
    if reason == "no_lecture":
        return facts.invalid(pointer, "There is no such lecture in this course")
    if reason == "quiz":
        return facts.CompletedByQuiz(pointer=pointer)
    course = await access.get_visible_course(tx, actor, course_id)
    if reason == "closed":
        return facts.CourseStateConflict("The course is not open.", state=course.status)
    return facts.NotEnrolled()
