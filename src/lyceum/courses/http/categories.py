"""The HTTP door of categories."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.records import Category
from lyceum.courses.schemas import categories as schemas
from lyceum.courses.service import categories
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.digests import content_etag
from lyceum.platform.engines import Engines
from lyceum.platform.routing import API, PUBLIC, Routes
from lyceum.platform.statements import Json
from lyceum.platform.wire import Answer

routes = Routes("courses")


@routes.get(
    "/categories",
    access=PUBLIC,
    summary="Show the tree of categories",
    returns=tuple[schemas.CategoryTree, ...],
)
async def list_categories(tx: Reader, engines: Engines) -> Answer[Json]:
    """Every level by position, then by name."""
    tree = await categories.list_categories(tx, ANONYMOUS, engines.cache)
    etag = content_etag(tree)
    return Answer(data=tree, etag=etag, is_public=True, kept=(categories.CACHE_KEY, tree))


@routes.post(
    "/categories",
    access=permissions.CREATE_CATEGORY,
    summary="Add a category",
    status=201,
    facts=(facts.CategoryExists,),
)
async def create_category(
    tx: Writer, actor: Actor, data: schemas.NewCategory
) -> Answer[schemas.CategoryView]:
    """At the top, or below `parentId`."""
    made = await categories.create_category(tx, actor, data)
    return _answer(made, location=f"{API}/categories/{made.id}")


@routes.patch(
    "/categories/{category_id}",
    access=permissions.MANAGE_CATEGORIES,
    summary="Rename or move a category",
    facts=(facts.CategoryExists, facts.CategoryLoop),
)
async def update_category(
    tx: Writer, actor: Actor, category_id: UUID, data: schemas.CategoryChanges, if_match: int | None
) -> Answer[schemas.CategoryView]:
    """Only what is sent changes; the slug stays."""
    return _answer(await categories.update_category(tx, actor, category_id, data, if_match))


@routes.delete(
    "/categories/{category_id}",
    access=permissions.MANAGE_CATEGORIES,
    summary="Delete an empty category",
    facts=(facts.CategoryInUse,),
)
async def delete_category(
    tx: Writer, actor: Actor, category_id: UUID, if_match: int | None
) -> None:
    """One with courses, deleted ones included, or with subcategories is kept."""
    await categories.delete_category(tx, actor, category_id, if_match)


def _answer(category: Category, location: str | None = None) -> Answer[schemas.CategoryView]:
    view = schemas.CategoryView(**msgspec.structs.asdict(category))
    return Answer(data=view, version=category.version, location=location)
