"""Searching the catalogue with facets and highlights, and courses that are like another.

Not here: the plain list (`catalogue`), which is the faster way to read page after page.
"""

import html
from typing import Final

import msgspec

from lyceum.courses.queries import catalogue as catalogue_queries
from lyceum.courses.queries import search as queries
from lyceum.courses.schemas.catalogue import CatalogueQuery
from lyceum.courses.service import access
from lyceum.platform.access import Actor
from lyceum.platform.cache import ByteCache
from lyceum.platform.database import Reader
from lyceum.platform.statements import Json

SECONDS: Final = 60.0
_MARKS: Final = str.maketrans({"\x02": "<mark>", "\x03": "</mark>"})


async def search_courses(
    tx: Reader, actor: Actor, cache: ByteCache, query: CatalogueQuery
) -> tuple[Json, int]:
    """Return a page of matches with facets (`SearchResult`), and how many match in all; the same
    for everybody."""

    async def fill() -> bytes:
        found = await _find(tx, query)
        items = await tx.all(queries.SHOW_MATCHES, found.course_ids, query.search)
        shown = b",".join(_show(item, is_search=query.search is not None) for item in items)
        body = b"".join((b'{"items":[', shown, b'],"facets":', found.facets, b"}"))
        return f"{found.total}\n".encode() + body

    key = f"cache:courses:search:{msgspec.json.encode(query).decode()}"
    kept = await cache.get_or_fill(key, (catalogue_queries.LIST_TAG,), SECONDS, fill)
    total, _, body = kept.partition(b"\n")
    return Json(body), int(total)


async def list_similar(
    tx: Reader, actor: Actor, cache: ByteCache, id_or_slug: str, limit: int
) -> Json:
    """Return listed courses that are like one that the actor sees, the most alike first."""
    course = await access.get_visible_course(tx, actor, id_or_slug)

    async def fill() -> bytes:
        return await tx.one(queries.LIST_SIMILAR, course.id, limit)

    key = f"cache:courses:{course.id}:similar:{limit}"
    tags = (catalogue_queries.LIST_TAG, catalogue_queries.course_tag(course.id))
    return Json(await cache.get_or_fill(key, tags, SECONDS, fill))


async def _find(tx: Reader, query: CatalogueQuery) -> queries.Found:
    order = query.sort or ("new" if query.search is None else "relevance")
    category_ids = None
    if query.category is not None:
        category_ids = await tx.all(catalogue_queries.LIST_CATEGORY_IDS, query.category)
    filters = (
        query.offset,
        query.per_page,
        category_ids,
        query.difficulty,
        query.language.lower() if query.language else None,
        query.min_rating,
        query.min_price,
        query.max_price,
        query.instructor,
    )
    if query.search is None:
        return await tx.one(queries.BROWSE[order], *filters)
    return await tx.one(queries.SEARCH[order], *filters, query.search)


def _show(item: queries.ShownMatch, *, is_search: bool) -> bytes:
    if not is_search:
        return b"".join((item.card[:-1], b',"highlight":null}'))
    highlight = msgspec.json.encode(
        {"title": _mark(item.title), "text": _mark(" ".join(item.text.split()))}
    )
    return b"".join((item.card[:-1], b',"highlight":', highlight, b"}"))


def _mark(text: str) -> str:
    """Return text from PostgreSQL as HTML in which nothing is markup but what matched."""
    return html.escape(html.unescape(text)).translate(_MARKS)
