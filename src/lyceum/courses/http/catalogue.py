"""The HTTP door of the catalogue: lists of courses, and one course in detail."""

from lyceum.courses.schemas.catalogue import (
    CatalogueQuery,
    PopularQuery,
    SearchResult,
    SimilarQuery,
    TaughtQuery,
)
from lyceum.courses.schemas.courses import CourseCard, CourseDetail
from lyceum.courses.service import catalogue, search
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Reader
from lyceum.platform.digests import content_etag
from lyceum.platform.engines import Engines
from lyceum.platform.routing import PUBLIC, SIGNED_IN, Routes
from lyceum.platform.statements import Json
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get(
    "/courses",
    access=PUBLIC,
    summary="List the courses of the catalogue",
    is_hot=True,
    returns=tuple[CourseCard, ...],
)
async def list_courses(tx: Reader, engines: Engines, query: CatalogueQuery) -> Answer[Json]:
    """Published public courses. Prices are in minor units; a search takes whole words or their
    beginnings, and without `sort` puts the best match first."""
    found = await catalogue.list_courses(tx, ANONYMOUS, engines.cache, query)
    return Answer(
        data=found.items,
        page=query.info(found.total),
        etag=found.etag,
        is_public=True,
        kept=found.kept,
    )


@routes.get(
    "/courses/popular",
    access=PUBLIC,
    summary="List the courses with the most learners",
    is_hot=True,
    returns=tuple[CourseCard, ...],
)
async def list_popular_courses(tx: Reader, engines: Engines, query: PopularQuery) -> Answer[Json]:
    """The most popular first."""
    items, key = await catalogue.list_popular(tx, ANONYMOUS, engines.cache, query.limit)
    return Answer(data=items, etag=content_etag(items), is_public=True, kept=(key, items))


@routes.get(
    "/courses/search",
    access=PUBLIC,
    summary="Search the catalogue",
    is_hot=True,
    returns=SearchResult,
)
async def search_courses(tx: Reader, engines: Engines, query: CatalogueQuery) -> Answer[Json]:
    """As the list of courses, with the counts of every other choice, and what matched marked.
    Courses that are not in the catalogue are neither found nor counted."""
    body, total = await search.search_courses(tx, ANONYMOUS, engines.cache, query)
    return Answer(data=body, page=query.info(total), etag=content_etag(body), is_public=True)


@routes.get(
    "/courses/{id_or_slug}/similar",
    access=PUBLIC,
    summary="List courses that are like another",
    returns=tuple[CourseCard, ...],
)
async def list_similar_courses(
    tx: Reader, actor: Actor, engines: Engines, id_or_slug: str, query: SimilarQuery
) -> Answer[Json]:
    """By tags, category, language and difficulty; the most alike first."""
    found = await search.list_similar(tx, actor, engines.cache, id_or_slug, query.limit)
    return Answer(data=found)


@routes.get(
    "/courses/{id_or_slug}",
    access=PUBLIC,
    summary="Show a course",
    is_hot=True,
    returns=CourseDetail,
)
async def get_course(tx: Reader, actor: Actor, engines: Engines, id_or_slug: str) -> Answer[Json]:
    """With its outline; `viewer` is there when somebody is signed in. The ETag may be sent as
    If-Match."""
    shown = await catalogue.show_course(tx, actor, engines.cache, id_or_slug)
    return Answer(
        data=shown.body,
        etag=shown.etag,
        is_public=shown.is_public,
        kept=shown.kept,
        beginning=shown.beginning,
    )


@routes.get(
    "/me/courses",
    access=SIGNED_IN,
    summary="List the courses that I teach",
    returns=tuple[CourseCard, ...],
)
async def list_my_courses(tx: Reader, actor: Actor, query: TaughtQuery) -> Answer[Json]:
    """In whatever status, the newest first."""
    page = await catalogue.list_taught(tx, actor, query)
    return Answer(data=page.items, page=query.info(page.total))
