"""How courses are shown: the catalogue, one course in detail, what is popular, what I teach.

What is the same for everybody is kept as bytes and forgotten when a writer changes it; what is the
caller's own is one small statement, joined to those bytes. Not here: changing anything.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from lyceum.courses import permissions
from lyceum.courses.queries import access as access_queries
from lyceum.courses.queries import catalogue as queries
from lyceum.courses.queries import courses as course_queries
from lyceum.courses.records import CataloguePage, CourseAccess, PublicCourse, Viewer
from lyceum.courses.schemas.catalogue import CatalogueQuery, TaughtQuery
from lyceum.courses.schemas.courses import LockedLecture, ViewerEnrolment, ViewerView
from lyceum.platform import clock, errors
from lyceum.platform.access import Actor
from lyceum.platform.cache import ByteCache
from lyceum.platform.database import Reader, Writer
from lyceum.platform.statements import Json

COURSE_SECONDS: Final = 3600.0
LIST_SECONDS: Final = 3600.0
POPULAR_SECONDS: Final = 7200.0
SEARCH_SECONDS: Final = 60.0


class ListedCourses(msgspec.Struct, frozen=True):
    """A page of courses as JSON, how many there are in all, and the ETag of both.

    `cache_key` is under which the cache holds the very same bytes, if it does.
    """

    items: Json
    total: int
    etag: str
    cache_key: str | None


class ShownCourse(msgspec.Struct, frozen=True):
    """A course as JSON and its ETag, which holds the version that If-Match may name."""

    body: Json
    etag: str
    is_public: bool
    cache_key: str | None = None


Gate = tuple[str, datetime | None, int | None, str | None]
"""A release rule: the lecture, a moment, days of learning, a lecture to complete before."""


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What is kept before the public JSON of a course: who may see it, and what to join.

    `staff` are roles by user id: whoever changes the instructors of a course forgets the course.
    """

    id: UUID
    slug: str
    status: str
    visibility: str
    owner_id: UUID
    is_deleted: bool
    version: int
    digest: str
    staff: dict[str, str]
    lecture_ids: list[str]
    starts_at: datetime | None = None
    gates: list[Gate] = []


_encode = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(_Head).decode


async def list_courses(
    tx: Reader, actor: Actor, cache: ByteCache, query: CatalogueQuery
) -> ListedCourses:
    """Return a page of the catalogue, which is the same for everybody."""

    async def fill() -> bytes:
        page = await _find_page(tx, query)
        digest = sha256(page.items).hexdigest()[:24]
        return f"{page.total}-{digest}\n".encode() + page.items

    key = f"cache:courses:list:{msgspec.json.encode(query).decode()}"
    seconds = LIST_SECONDS if query.search is None else SEARCH_SECONDS
    kept = await cache.get_or_fill(f"{key}:head", (queries.LIST_TAG,), seconds, fill)
    end = kept.index(b"\n")
    head = kept[:end].decode()
    items, shared = await _same_bytes(cache, key, queries.LIST_TAG, seconds, kept[end + 1 :])
    return ListedCourses(Json(items), int(head.partition("-")[0]), f'"{head}"', shared)


async def _same_bytes(
    cache: ByteCache, key: str, tag: str, seconds: float, body: bytes
) -> tuple[bytes, str | None]:
    """Return `body` as the cache holds it under `key`, so that the express lane may answer with it;
    without the key if something else is there by now."""

    async def fill() -> bytes:
        return body

    kept = await cache.get_or_fill(key, (tag,), seconds, fill)
    return (kept, key) if kept == body else (body, None)


async def _find_page(tx: Reader, query: CatalogueQuery) -> CataloguePage:
    order = query.sort or ("new" if query.search is None else "relevance")
    facets = (
        query.difficulty,
        query.language.lower() if query.language else None,
        query.min_rating,
        query.min_price,
        query.max_price,
        query.instructor,
    )
    shape = _shape(query)
    if shape == "facets" and all(facet is None for facet in facets):
        return await tx.one(queries.LIST_PLAIN[order], query.offset, query.per_page)
    category_ids = None
    if query.category is not None:
        category_ids = await tx.all(queries.LIST_CATEGORY_IDS, query.category)
    words = () if query.search is None else (query.search,)
    return await tx.one(
        queries.LIST_FILTERED[shape, order],
        query.offset,
        query.per_page,
        category_ids,
        *facets,
        *words,
    )


def _shape(query: CatalogueQuery) -> str:
    """Return which filter narrows most, so that the plan starts from it."""
    if query.search is not None:
        return "search"
    if query.instructor is not None:
        return "instructor"
    return "facets" if query.category is None else "category"


async def list_popular(tx: Reader, actor: Actor, cache: ByteCache, limit: int) -> tuple[Json, str]:
    """Return the courses with the most learners, the same for everybody, and their cache key."""

    async def fill() -> bytes:
        return await tx.one(queries.LIST_POPULAR, limit)

    key = f"cache:courses:popular:{limit}"
    return Json(await cache.get_or_fill(key, (queries.LIST_TAG,), POPULAR_SECONDS, fill)), key


async def list_taught(tx: Reader, actor: Actor, query: TaughtQuery) -> CataloguePage:
    """Return the courses that the actor teaches, in whatever status, the newest first."""
    user_id = actor.require_user()
    return await tx.one(queries.LIST_TAUGHT, user_id, query.offset, query.per_page, query.status)


async def show_course(tx: Reader, actor: Actor, cache: ByteCache, id_or_slug: str) -> ShownCourse:
    """Return a course by id or slug, with the caller's own part when somebody is signed in."""
    kept = await _public_part(tx, cache, id_or_slug)
    end = kept.index(b"\n")
    head = _decode_head(kept[:end])
    body = kept[end + 1 :]
    if actor.user_id is None:
        _require_visible(actor, head, None, None)
        key, tag = f"cache:courses:{head.id}", queries.course_tag(head.id)
        body, shared = await _same_bytes(cache, key, tag, COURSE_SECONDS, body)
        etag = f'"v{head.version}-{head.digest}"'
        return ShownCourse(Json(body), etag, is_public=True, cache_key=shared)
    viewer = await tx.one_or_none(queries.FIND_VIEWER, head.id, actor.user_id)
    role = head.staff.get(str(actor.user_id))
    _require_visible(actor, head, role, viewer)
    own = _encode(_own_part(head, role, viewer))
    digest = head.digest + sha256(own).hexdigest()[:12]
    spliced = b"".join((body[:-1], b',"viewer":', own, b"}"))
    return ShownCourse(Json(spliced), f'"v{head.version}-{digest}"', is_public=False)


async def show_changed_course(tx: Reader, actor: Actor, course_id: UUID) -> ShownCourse:
    """Return a course, whose visibility was checked, as this transaction sees it."""
    course = await tx.one(queries.FIND_PUBLIC_COURSE, course_id)
    body = _splice(course)
    return ShownCourse(Json(body), f'"v{course.version}-{_digest(body)}"', is_public=False)


async def refresh_cards(tx: Writer, actor: Actor) -> int:
    """Bring cards up to date with the names of instructors, who change them in another domain;
    return how many were not. At most 200 at a time."""
    stale = await tx.all(course_queries.FIND_STALE_CARDS)
    await tx.execute(course_queries.REFRESH_CARDS, stale)
    for course_id in stale:
        queries.forget_course(tx, course_id)
    return len(stale)


async def _public_part(tx: Reader, cache: ByteCache, id_or_slug: str) -> bytes:
    """Return the head, a newline and the JSON that is the same for everybody."""
    course_id = access_queries.parse_id(id_or_slug)
    if course_id is None:
        course_id = await _find_id(tx, cache, id_or_slug)
    key = f"cache:courses:{course_id}:head"
    kept = cache.peek(key)
    if kept is not None:
        return kept

    async def fill() -> bytes:
        course = await tx.one_or_none(queries.FIND_PUBLIC_COURSE, course_id)
        if course is None:
            raise errors.NotFound
        body = _splice(course)
        head = _Head(
            course.id,
            course.slug,
            course.status,
            course.visibility,
            course.owner_id,
            course.is_deleted,
            course.version,
            _digest(body),
            msgspec.json.decode(course.staff),
            course.lecture_ids,
            course.starts_at,
            msgspec.json.decode(course.gates, type=list[Gate]),
        )
        return msgspec.json.encode(head) + b"\n" + body

    tags = (queries.course_tag(course_id),)
    return await cache.get_or_fill(key, tags, COURSE_SECONDS, fill)


async def _find_id(tx: Reader, cache: ByteCache, slug: str) -> UUID:
    """Return the id behind a slug; kept without a tag, because a slug never moves."""

    async def fill() -> bytes:
        found = await tx.one_or_none(access_queries.FIND_ID_BY_SLUG, slug)
        if found is None:
            raise errors.NotFound
        return found.bytes

    key = f"cache:courses:slug:{slug}"
    return UUID(bytes=await cache.get_or_fill(key, (), COURSE_SECONDS, fill))


def _splice(course: PublicCourse) -> bytes:
    return course.card[:-1] + b"," + course.details[1:]


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:18]


def _require_visible(actor: Actor, head: _Head, role: str | None, viewer: Viewer | None) -> None:
    access = CourseAccess(
        head.id,
        head.slug,
        head.status,
        head.visibility,
        head.owner_id,
        head.is_deleted,
        head.version,
        role,
        viewer.enrolment_id if viewer else None,
        viewer.status if viewer else None,
    )
    if permissions.may_view(actor, access):
        return
    if head.is_deleted and permissions.is_staff_of(actor, access.actor_role):
        raise errors.Deleted
    raise errors.NotFound


def _own_part(head: _Head, role: str | None, viewer: Viewer | None) -> ViewerView:
    """Return the caller's part: completed lectures in the outline's order, and where to go on."""
    if viewer is None:
        return ViewerView(role=role, enrolment=None, completed_lecture_ids=(), next_lecture_id=None)
    completed = {str(lecture_id) for lecture_id in viewer.completed}
    done = tuple(lecture_id for lecture_id in head.lecture_ids if lecture_id in completed)
    is_learner = viewer.status in permissions.ENROLLED
    next_id = None
    if is_learner and len(done) < len(head.lecture_ids):
        # From the last one worked on, then from the start, as courses.next_lecture has it.
        last, order = str(viewer.last_lecture_id), list(head.lecture_ids)
        start = order.index(last) if last in order else 0
        next_id = next(i for i in order[start:] + order[:start] if i not in completed)
    begins_at: datetime | None = None
    locked: tuple[LockedLecture, ...] = ()
    if is_learner and role is None:
        begins_at, locked = _locked(head, viewer, completed)
    enrolment = ViewerEnrolment(
        id=viewer.enrolment_id,
        status=viewer.status,
        progress_percent=viewer.progress_percent,
        enrolled_at=viewer.enrolled_at,
        completed_at=viewer.completed_at,
    )
    return ViewerView(
        role=role or ("learner" if is_learner else None),
        enrolment=enrolment,
        completed_lecture_ids=done,
        next_lecture_id=next_id,
        begins_at=begins_at,
        locked_lectures=locked,
    )


def _locked(
    head: _Head, viewer: Viewer, completed: set[str]
) -> tuple[datetime | None, tuple[LockedLecture, ...]]:
    """Return when learning begins, if that is to come, and what else is locked for a learner, as
    courses.is_locked has it."""
    now = clock.utc_now()
    begins_at = viewer.begins_at or head.starts_at
    base = max(viewer.enrolled_at, begins_at or viewer.enrolled_at)
    locked = []
    for lecture_id, moment, days, before in head.gates:
        opens = [moment] if moment is not None else []
        if days is not None:
            opens.append(base + timedelta(days=days))
        available_at = max(opens, default=None)
        after = before if before is not None and before not in completed else None
        if after is not None or (available_at is not None and available_at > now):
            locked.append(
                LockedLecture(
                    lecture_id=lecture_id, available_at=available_at, after_lecture_id=after
                )
            )
    return begins_at if begins_at is not None and begins_at > now else None, tuple(locked)
