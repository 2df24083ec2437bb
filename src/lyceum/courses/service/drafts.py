"""Storing a whole course that was read elsewhere: once, and again when its source has changed.

Not here: reading packages (`packages`), quizzes (`assessments`).
"""

import re
from collections.abc import Iterable
from html import escape
from typing import Final
from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import events, permissions
from lyceum.courses.adapters import text
from lyceum.courses.queries import courses as course_queries
from lyceum.courses.queries import drafts as queries
from lyceum.courses.records import (
    ChapterDraft,
    CourseDraft,
    CourseFields,
    LectureDraft,
    LectureRelease,
    StoredCourse,
)
from lyceum.courses.service import access, categories, courses, structure
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer, constraint_facts
from lyceum.platform.events import emit

TYPES: Final = ("video", "text", "quiz", "assignment", "live", "file", "embed")
MAX_CONTENT: Final = 1_000_000
MAX_RELEASE_DAYS: Final = 3650
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_MEDIA_URL: Final = re.compile(r"(https?://|/(?!/))[^\s<>\"'\\]{1,2000}")


async def store_course(
    tx: Writer, actor: Actor, *, owner_id: UUID, draft: CourseDraft
) -> StoredCourse:
    """Make the draft a course of the owner, or bring the one of the same source up to date.

    A part is the same part when its source key is; lectures that the source dropped go, unless a
    learner has progress on them, and what was added by hand stays. Text is cleaned and cut to what
    the tables hold.
    """
    actor.require(permissions.CREATE_COURSE)
    if owner_id != actor.user_id:
        actor.require(permissions.MANAGE_ANY_COURSE)
    _require_sound(draft)
    course_id, is_new = await _find_or_make(tx, actor, owner_id, draft)
    lecture_ids = await _store_outline(tx, course_id, draft)
    await structure.recount_outline(tx, actor, course_id)
    if not is_new:
        changed = ("title", "subtitle", "description", "language", "objectives", "outline")
        await emit(tx, actor, events.CourseUpdated(course_id=course_id, changed=changed))
    return StoredCourse(course_id, is_new, lecture_ids)


async def find_stored_course(
    tx: Writer, actor: Actor, owner_id: UUID, source_key: str
) -> UUID | None:
    """Return the course of the owner that came from this source, locked; None when there is none.

    Forbidden when the actor may not change it.
    """
    known = await tx.one_or_none(queries.FIND_STORED_COURSE, owner_id, source_key)
    if known is not None:
        await access.lock_editable_course(tx, actor, known)
    return known


def _require_sound(draft: CourseDraft) -> None:
    lectures = [lecture for chapter in draft.chapters for lecture in chapter.lectures]
    if len(draft.chapters) > structure.MAX_CHAPTERS or len(lectures) > structure.MAX_LECTURES:
        raise facts.OutlineFull(limit=structure.MAX_LECTURES)
    for parts in (draft.chapters, lectures):
        if len({part.source_key for part in parts}) < len(parts):
            raise errors.InvalidInput("Two parts of the course have the same source key.")
    for lecture in lectures:
        if lecture.type not in TYPES:
            raise errors.InvalidInput(f"There is no lecture of type {lecture.type[:50]}.")
    _require_sound_releases(lectures)


def _require_sound_releases(lectures: list[LectureDraft]) -> None:
    """Refuse rules that could never open a lecture: out of range, or that wait in a circle."""
    keys = {lecture.source_key for lecture in lectures}
    waits = {}
    for lecture in lectures:
        rule = lecture.release or LectureRelease()
        is_in_time = rule.at is None or 1970 <= rule.at.year <= 2999
        is_in_days = rule.after_days is None or 1 <= rule.after_days <= MAX_RELEASE_DAYS
        if not is_in_time or not is_in_days or (rule.after is not None and rule.after not in keys):
            raise errors.InvalidInput(f"The lecture {lecture.title[:100]} could never open.")
        if rule.after is not None:
            waits[lecture.source_key] = rule.after
    for start in waits:
        seen = {start}
        at = waits.get(start)
        while at is not None and at not in seen:
            seen.add(at)
            at = waits.get(at)
        if at == start:
            raise errors.InvalidInput("Lectures of the course wait for each other.")


async def _find_or_make(
    tx: Writer, actor: Actor, owner_id: UUID, draft: CourseDraft
) -> tuple[UUID, bool]:
    """Return the locked course of the draft, and whether it was made now."""
    fields = await _fields(tx, actor, draft)
    for _ in range(2):
        known = await tx.one_or_none(queries.FIND_STORED_COURSE, owner_id, draft.source_key)
        if known is not None:
            await access.lock_editable_course(tx, actor, known)
            if draft.settings is not None:
                values = msgspec.structs.astuple(fields)
                with constraint_facts(courses.BROKEN):
                    await tx.execute(course_queries.UPDATE_FIELDS, known, *values)
                return known, False
            await tx.execute(
                queries.UPDATE_STORED_COURSE,
                known,
                fields.title,
                fields.subtitle,
                fields.description,
                fields.language,
                fields.category_id,
                fields.objectives,
            )
            return known, False
        made = await courses.insert_course(tx, actor, owner_id, fields, draft.source_key)
        if made is not None:
            return made, True
    raise errors.TransactionFailed


async def _fields(tx: Writer, actor: Actor, draft: CourseDraft) -> CourseFields:
    """Return the fields of the course, cleaned; ValidationFailed for settings that contradict."""
    if draft.settings is not None:
        sent = {name: getattr(draft.settings, name) for name in draft.settings.__struct_fields__}
        del sent["prerequisites"]
        return await courses.apply_fields(tx, actor, courses.EMPTY, sent)
    category_id = None
    if draft.category is not None:
        category_id = await categories.find_or_create_category(tx, actor, draft.category)
    language = draft.language.lower()
    return msgspec.structs.replace(
        courses.EMPTY,
        title=_line(draft.title, "Untitled course", least=5),
        subtitle=richtext.clean_text(draft.subtitle)[:255],
        description=_description(draft),
        language=language if _LANGUAGE.fullmatch(language) else "en",
        category_id=category_id,
        objectives=[line for each in draft.objectives if (line := richtext.clean_text(each))],
    )


async def _store_outline(tx: Writer, course_id: UUID, draft: CourseDraft) -> dict[str, UUID]:
    """Write chapters and lectures, drop what is gone; return the lectures' ids by source key."""
    chapters = await tx.all(
        queries.STORE_CHAPTERS,
        course_id,
        [ids.new_id() for _ in draft.chapters],
        [_line(chapter.title, "Untitled") for chapter in draft.chapters],
        [chapter.source_key for chapter in draft.chapters],
    )
    chapter_ids = {part.source_key: part.id for part in chapters}
    placed = [(chapter, lecture) for chapter in draft.chapters for lecture in chapter.lectures]
    lectures = [lecture for _, lecture in placed]
    stored = await tx.all(
        queries.STORE_LECTURES,
        course_id,
        [ids.new_id() for _ in lectures],
        [chapter_ids[chapter.source_key] for chapter, _ in placed],
        [_line(lecture.title, "Untitled") for lecture in lectures],
        [lecture.type for lecture in lectures],
        [_content(lecture) for lecture in lectures],
        [_media_url(lecture.media_url) for lecture in lectures],
        [min(max(lecture.duration_seconds, 0), 1_000_000) for lecture in lectures],
        [richtext.clean_text(lecture.section)[:255] for lecture in lectures],
        [lecture.source_key for lecture in lectures],
    )
    said = [lecture for lecture in lectures if lecture.is_preview is not None]
    if said:
        previews = [bool(lecture.is_preview) for lecture in said]
        await tx.execute(queries.SET_PREVIEWS, course_id, _keys(said), previews)
    await _store_releases(tx, course_id, lectures)
    await tx.execute(queries.DROP_MISSING_LECTURES, course_id, _keys(lectures))
    await tx.execute(queries.DROP_MISSING_CHAPTERS, course_id, _keys(draft.chapters))
    return {part.source_key: part.id for part in stored if part.source_key is not None}


async def _store_releases(tx: Writer, course_id: UUID, lectures: list[LectureDraft]) -> None:
    ruled = [(lecture, lecture.release) for lecture in lectures if lecture.release is not None]
    if ruled:
        await tx.execute(
            queries.SET_RELEASES,
            course_id,
            _keys(lecture for lecture, _ in ruled),
            [rule.at for _, rule in ruled],
            [rule.after_days for _, rule in ruled],
            [rule.after for _, rule in ruled],
        )


def _keys(parts: Iterable[ChapterDraft | LectureDraft]) -> list[str]:
    return [part.source_key for part in parts]


def _line(line: str, fallback: str, *, least: int = 1) -> str:
    cleaned = richtext.clean_text(line)[:255].strip()
    if len(cleaned) >= least:
        return cleaned
    return f"{fallback} {cleaned}".strip()


def _content(lecture: LectureDraft) -> str:
    cleaned = richtext.clean_html(lecture.content)
    if len(cleaned) > MAX_CONTENT:
        raise errors.InvalidInput(f"The lecture {lecture.title[:100]} is too long.")
    return cleaned


def _media_url(address: str | None) -> str | None:
    return address if address is not None and _MEDIA_URL.fullmatch(address) else None


def _description(draft: CourseDraft) -> str:
    """Return the draft's description, or its table of contents when it says too little."""
    least, most = courses.DESCRIPTION_LENGTH
    cleaned = richtext.clean_html(draft.description)
    length = len(text.html_to_text(cleaned))
    if length > most:
        return f"<p>{escape(text.html_to_text(cleaned)[:most])}</p>"
    if length >= least:
        return cleaned
    titles = [escape(richtext.clean_text(chapter.title)) for chapter in draft.chapters]
    listed = "".join(f"<li>{title}</li>" for title in titles if title)[: most * 2]
    return richtext.clean_html(
        f"{cleaned}<p>{escape(richtext.clean_text(draft.title))}</p><ul>{listed}</ul>"
    )
