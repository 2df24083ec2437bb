"""Categories: a tree that managers keep and that instructors add to by naming a new one."""

from uuid import UUID

import msgspec

from lyceum.courses import errors as facts
from lyceum.courses import permissions
from lyceum.courses.adapters import text
from lyceum.courses.queries import catalogue
from lyceum.courses.queries import categories as queries
from lyceum.courses.records import Category
from lyceum.courses.schemas.categories import CategoryChanges, CategoryTree, NewCategory
from lyceum.platform import errors, ids, richtext
from lyceum.platform.access import Actor
from lyceum.platform.cache import ByteCache
from lyceum.platform.database import Reader, Writer, constraint_facts
from lyceum.platform.statements import Json

CACHE_KEY = "cache:courses:categories"
CACHE_SECONDS = 3600.0
MAX_DEPTH = 5
EXISTS = {"categories_name_unique": facts.CategoryExists}
IN_USE = {
    "categories_parent_id_fkey": facts.CategoryInUse,
    "courses_category_id_fkey": facts.CategoryInUse,
}


async def list_categories(tx: Reader, actor: Actor, cache: ByteCache) -> Json:
    """Return the whole tree as JSON; everybody sees the same."""

    async def fill() -> bytes:
        below = _by_parent(await tx.all(queries.LIST_CATEGORIES))
        return msgspec.json.encode(_children(below, None))

    tags = (catalogue.CATEGORIES_TAG, catalogue.LIST_TAG)
    return Json(await cache.get_or_fill(CACHE_KEY, tags, CACHE_SECONDS, fill))


Below = dict[UUID | None, list[Category]]


def _by_parent(rows: list[Category]) -> Below:
    below: Below = {}
    for row in rows:
        below.setdefault(row.parent_id, []).append(row)
    return below


def _children(below: Below, parent_id: UUID | None) -> tuple[CategoryTree, ...]:
    return tuple(
        CategoryTree(**msgspec.structs.asdict(row), children=_children(below, row.id))
        for row in below.get(parent_id, ())
    )


async def create_category(tx: Writer, actor: Actor, new: NewCategory) -> Category:
    """Add a category; CategoryExists when its parent has one of the name."""
    actor.require(permissions.CREATE_CATEGORY)
    if new.parent_id is not None:
        rows = await tx.all(queries.LIST_CATEGORIES)
        if _depth(rows, new.parent_id) >= MAX_DEPTH:
            raise facts.invalid("/parentId", f"The tree may be {MAX_DEPTH} levels deep")
    name = _clean_name(new.name)
    category_id = await _insert(tx, name, new.parent_id, new.position)
    if category_id is None:
        raise facts.CategoryExists
    return await _read(tx, category_id)


async def update_category(
    tx: Writer, actor: Actor, category_id: UUID, changes: CategoryChanges, if_match: int | None
) -> Category:
    """Rename or move a category; CategoryLoop when it would be below itself."""
    actor.require(permissions.MANAGE_CATEGORIES)
    await tx.all(queries.LOCK_CATEGORIES)
    before = await _read(tx, category_id)
    facts.require_version(before.version, if_match)
    sent = changes.changes()
    if "name" in sent:
        sent["name"] = _clean_name(sent["name"])
    after = msgspec.structs.replace(before, **sent)
    if after == before:
        return before
    if after.parent_id != before.parent_id and after.parent_id is not None:
        await _require_place(tx, category_id, after.parent_id)
    with constraint_facts(EXISTS):
        await tx.execute(
            queries.UPDATE_CATEGORY, category_id, after.name, after.parent_id, after.position
        )
    tx.invalidate(catalogue.CATEGORIES_TAG, catalogue.LIST_TAG)
    for course_id in await tx.all(queries.LIST_COURSES_OF_CATEGORY, category_id):
        tx.invalidate(catalogue.course_tag(course_id))
    return await _read(tx, category_id)


async def delete_category(
    tx: Writer, actor: Actor, category_id: UUID, if_match: int | None
) -> None:
    """Delete a category that has no courses and no subcategories; otherwise CategoryInUse."""
    actor.require(permissions.MANAGE_CATEGORIES)
    facts.require_version((await _read(tx, category_id)).version, if_match)
    with constraint_facts(IN_USE):
        await tx.execute(queries.DELETE_CATEGORY, category_id)
    tx.invalidate(catalogue.CATEGORIES_TAG)


async def find_or_create_category(tx: Writer, actor: Actor, name: str) -> UUID:
    """Return the category of the name or slug in any case, made at the top if there is none."""
    wanted = _clean_name(name, "/category")
    for _ in range(3):
        found = await tx.one_or_none(queries.FIND_CATEGORY_BY_NAME, wanted)
        if found is not None:
            return found
        made = await _insert(tx, wanted, None, 0)
        if made is not None:
            return made
    raise errors.TransactionFailed


async def _insert(tx: Writer, name: str, parent_id: UUID | None, position: int) -> UUID | None:
    """Add a category; None when its parent has one of the name. An unknown parent is invalid."""
    category_id = ids.new_id()
    base = text.make_slug(name)
    slugs = [base, f"{base}-{category_id.hex[-8:]}"] if base else [category_id.hex[-12:]]
    unknown = {"categories_parent_id_fkey": lambda: facts.invalid("/parentId", "No such category")}
    for slug in slugs:
        with constraint_facts(unknown):
            made = await tx.one_or_none(
                queries.INSERT_CATEGORY, category_id, parent_id, name, slug, position
            )
        if made is not None:
            tx.invalidate(catalogue.CATEGORIES_TAG)
            return made
    return None


async def _require_place(tx: Writer, category_id: UUID, parent_id: UUID) -> None:
    """Check that the parent exists, is not below the category, and is not too deep."""
    rows = await tx.all(queries.LIST_CATEGORIES)
    parents = {row.id: row.parent_id for row in rows}
    if parent_id not in parents:
        raise facts.invalid("/parentId", "No such category")
    above: UUID | None = parent_id
    while above is not None:
        if above == category_id:
            raise facts.CategoryLoop
        above = parents[above]
    if _depth(rows, parent_id) + _height(_by_parent(rows), category_id) >= MAX_DEPTH:
        raise facts.invalid("/parentId", f"The tree may be {MAX_DEPTH} levels deep")


def _depth(rows: list[Category], category_id: UUID) -> int:
    """Return how many levels end at the category: 1 at the top."""
    parents = {row.id: row.parent_id for row in rows}
    depth, above = 0, category_id if category_id in parents else None
    while above is not None:
        depth, above = depth + 1, parents[above]
    return depth


def _height(below: Below, category_id: UUID) -> int:
    """Return how many levels are below the category."""
    return max((1 + _height(below, child.id) for child in below.get(category_id, ())), default=0)


def _clean_name(name: str, pointer: str = "/name") -> str:
    cleaned = richtext.clean_text(name)
    if not 2 <= len(cleaned) <= 100:
        raise facts.invalid(pointer, "2 to 100 characters, please")
    return cleaned


async def _read(tx: Reader, category_id: UUID) -> Category:
    found = await tx.one_or_none(queries.FIND_CATEGORY, category_id)
    if found is None:
        raise errors.NotFound
    return found
