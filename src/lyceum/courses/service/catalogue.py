"""How courses are shown: the catalogue, one course in detail, what is popular, what I teach.

What is the same for everybody is kept as bytes and forgotten when a writer changes it; what is the
caller's own is one small statement, joined to those bytes. Not here: changing anything.
"""

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

import msgspec

from lyceum.courses import permissions
from lyceum.courses.queries import access as access_queries
from lyceum.courses.queries import catalogue as queries
from lyceum.courses.queries import courses as course_queries
from lyceum.courses.records import CataloguePage, CourseAccess, PublicCourse, Viewer
from lyceum.courses.schemas.catalogue import CatalogueQuery, TaughtQuery
from lyceum.courses.schemas.courses import LockedLecture, ViewerEnrolment, ViewerView
from lyceum.platform import clock, errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.beginnings import Beginning
from lyceum.platform.cache import ByteCache
from lyceum.platform.database import Reader, Writer
from lyceum.platform.digests import content_digest
from lyceum.platform.statements import Json

COURSE_SECONDS: Final = 3600.0
LIST_SECONDS: Final = 3600.0
POPULAR_SECONDS: Final = 7200.0
SEARCH_SECONDS: Final = 60.0


class ListedCourses(msgspec.Struct, frozen=True):
    """A page of courses as JSON, how many there are in all, and the ETag of both.

    `kept` are the key and the bytes of the cache that end with the page.
    """

    items: Json
    total: int
    etag: str
    kept: tuple[str, bytes]


class ShownCourse(msgspec.Struct, frozen=True):
    """A course as JSON and its ETag, which holds the version that If-Match may name.

    With a `beginning`, which all who are signed in are shown alike, `body` is what follows it.
    """

    body: Json
    etag: str
    is_public: bool
    kept: tuple[str, bytes] | None = None
    beginning: Beginning | None = None


Gate = tuple[str, datetime | None, int | None, str | None]
"""A release rule: the lecture, a moment, days of learning, a lecture to complete before."""


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What is kept before the public JSON of a course: who may see it, and what to join.

    `staff` are roles by user id: whoever changes the instructors of a course forgets the course.
    `lecture_ids` are 16 bytes each, in the outline's order: as many objects would take as much
    memory as all the rest.
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
    lecture_ids: bytes
    starts_at: datetime | None = None
    gates: list[Gate] = []


class _Public(msgspec.Struct, frozen=True):
    """What is kept of a course: a head, and from `start` its public JSON, of which `beginning` has
    all but the closing brace; `is_open` says that everybody may see it."""

    head: _Head
    kept: bytes
    start: int
    beginning: Beginning
    is_open: bool


_encode = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(_Head).decode


async def list_courses(
    tx: Reader, actor: Actor, cache: ByteCache, query: CatalogueQuery
) -> ListedCourses:
    """Return a page of the catalogue, which is the same for everybody."""

    async def fill() -> bytes:
        page = await _find_page(tx, query)
        digest = content_digest(page.items)[:24]
        return f"{page.total}-{digest}\n".encode() + page.items

    key = f"cache:courses:list:{msgspec.json.encode(query).decode()}"
    seconds = LIST_SECONDS if query.search is None else SEARCH_SECONDS
    kept = await cache.get_or_fill(key, (queries.LIST_TAG,), seconds, fill)
    end = kept.index(b"\n")
    head = kept[:end].decode()
    items, total = Json(kept[end + 1 :]), int(head.partition("-")[0])
    return ListedCourses(items, total, f'"{head}"', (key, kept))


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
        if order != "new":
            return await tx.one(queries.LIST_SORTED[order], query.offset, query.per_page)
        # Every page has a row, the empty one too.
        page = await tx.find_gathered(queries.NEWEST, query.offset, query.per_page)
        return cast(CataloguePage, page)
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
    public = cache.peek_made(_key_of(id_or_slug), _take_apart)
    if public is None:
        public = await _public_part(tx, cache, id_or_slug)
    head = public.head
    if actor.user_id is None:
        _require_visible(actor, public, None, None)
        body, etag = Json(public.kept[public.start :]), f'"v{head.version}-{head.digest}"'
        return ShownCourse(body, etag, is_public=True, kept=(_key_of(head.id), public.kept))
    viewer = await tx.find_gathered(queries.VIEWER, head.id, actor.user_id)
    role = head.staff.get(str(actor.user_id))
    _require_visible(actor, public, role, viewer)
    own = _encode(_own_part(head, role, viewer))
    digest = head.digest + content_digest(own)[:12]
    etag = f'"v{head.version}-{digest}"'
    end = Json(b',"viewer":%b}' % own)
    return ShownCourse(end, etag, is_public=False, beginning=public.beginning)


async def show_changed_course(tx: Reader, actor: Actor, course_id: UUID) -> ShownCourse:
    """Return a course, whose visibility was checked, as this transaction sees it."""
    course = await tx.one(queries.FIND_PUBLIC_COURSE, course_id)
    body = _splice(course)
    return ShownCourse(
        Json(body), f'"v{course.version}-{content_digest(body)[:18]}"', is_public=False
    )


async def refresh_cards(tx: Writer, actor: Actor) -> int:
    """Bring cards up to date with the names of instructors, who change them in another domain;
    return how many were not. At most 200 at a time."""
    stale = await tx.all(course_queries.FIND_STALE_CARDS)
    await tx.execute(course_queries.REFRESH_CARDS, stale)
    for course_id in stale:
        queries.forget_course(tx, course_id)
    return len(stale)


def _take_apart(kept: bytes) -> _Public:
    end = kept.index(b"\n")
    head = _decode_head(memoryview(kept)[:end])
    is_open = permissions.may_view(ANONYMOUS, _access(head, None, None))
    beginning = Beginning(memoryview(kept)[end + 1 : -1])
    return _Public(head, kept, end + 1, beginning, is_open)


async def _public_part(tx: Reader, cache: ByteCache, id_or_slug: str) -> _Public:
    """Return what is the same for everybody, from the cache or for it."""
    course_id = access_queries.parse_id(id_or_slug)
    if course_id is None:
        course_id = await _find_id(tx, cache, id_or_slug)

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
            content_digest(body)[:18],
            msgspec.json.decode(course.staff),
            b"".join([one.bytes for one in course.lecture_ids]),
            course.starts_at,
            msgspec.json.decode(course.gates, type=list[Gate]),
        )
        return msgspec.json.encode(head) + b"\n" + body

    tags = (queries.course_tag(course_id),)
    return _take_apart(await cache.get_or_fill(_key_of(course_id), tags, COURSE_SECONDS, fill))


def _key_of(course_id: UUID | str) -> str:
    # Of another version of what is kept there is another key: processes of both may share a Redis.
    return f"cache:courses:detail:2:{course_id}"


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


def _access(head: _Head, role: str | None, viewer: Viewer | None) -> CourseAccess:
    return CourseAccess(
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


def _require_visible(
    actor: Actor, public: _Public, role: str | None, viewer: Viewer | None
) -> None:
    if public.is_open:
        return
    access = _access(public.head, role, viewer)
    if permissions.may_view(actor, access):
        return
    if access.is_deleted and permissions.is_staff_of(actor, access.actor_role):
        raise errors.Deleted
    raise errors.NotFound


def _own_part(head: _Head, role: str | None, viewer: Viewer | None) -> ViewerView:
    """Return the caller's part: completed lectures in the outline's order, and where to go on."""
    if viewer is None:
        return ViewerView(role=role, enrolment=None, completed_lecture_ids=(), next_lecture_id=None)
    order = head.lecture_ids
    completed = {_find(order, lecture_id): lecture_id for lecture_id in viewer.completed}
    completed.pop(-1, None)
    is_learner = viewer.status in permissions.ENROLLED
    begins_at: datetime | None = None
    locked: tuple[LockedLecture, ...] = ()
    if is_learner and role is None:
        begins_at, locked = _locked(head, viewer)
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
        completed_lecture_ids=tuple([str(completed[place]) for place in sorted(completed)]),
        next_lecture_id=_next_lecture(order, viewer, completed) if is_learner else None,
        begins_at=begins_at,
        locked_lectures=locked,
    )


def _find(order: bytes, lecture_id: UUID) -> int:
    """Return where in the outline's order a lecture begins, or -1."""
    wanted = lecture_id.bytes
    place = order.find(wanted)
    while place > 0 and place % 16:
        place = order.find(wanted, place + 1)
    return place


def _next_lecture(order: bytes, viewer: Viewer, completed: Container[int]) -> str | None:
    """Return where to go on: from the last one worked on, then from the start, as
    courses.next_lecture has it; None when all is completed."""
    last = viewer.last_lecture_id
    start = 0 if last is None else max(_find(order, last), 0)
    size = len(order)
    for step in range(start, start + size, 16):
        place = step % size
        if place not in completed:
            return ids.text_of(order[place : place + 16])
    return None


def _locked(head: _Head, viewer: Viewer) -> tuple[datetime | None, tuple[LockedLecture, ...]]:
    """Return when learning begins, if that is to come, and what else is locked for a learner, as
    courses.is_locked has it."""
    begins_at = viewer.begins_at or head.starts_at
    if begins_at is None and not head.gates:
        return None, ()
    completed = {str(lecture_id) for lecture_id in viewer.completed}
    now = clock.utc_now()
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
