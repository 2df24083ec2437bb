"""The tree of categories: kept by managers, added to by naming, never a loop."""

from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest

from lyceum.courses import errors as facts
from lyceum.courses.schemas.categories import CategoryChanges, CategoryTree, NewCategory
from lyceum.courses.service import categories, courses
from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.cache import ProcessCache
from lyceum.platform.database import Database, Writer
from tests.courses import factories


def unique(word: str = "Topic") -> str:
    return f"{word} {ids.new_id().hex}"


@pytest.fixture
async def manager(tx: Writer) -> Actor:
    return await factories.make_person(tx, "manager")


async def tree_of(tx: Writer) -> tuple[CategoryTree, ...]:
    body = await categories.list_categories(tx, ANONYMOUS, ProcessCache())
    return msgspec.json.decode(body, type=tuple[CategoryTree, ...])


async def make(tx: Writer, actor: Actor, parent_id: UUID | None = None) -> UUID:
    new = NewCategory(name=unique(), parent_id=parent_id)
    return (await categories.create_category(tx, actor, new)).id


async def test_a_tree_by_position_and_name(tx: Writer, manager: Actor) -> None:
    top = await categories.create_category(tx, manager, NewCategory(name=unique()))
    for name, position in (("Zeta", 1), ("beta", 1), ("Alpha", 1), ("Last", 2), ("First", 0)):
        new = NewCategory(name=name, parent_id=top.id, position=position)
        await categories.create_category(tx, manager, new)
    found = next(node for node in await tree_of(tx) if node.id == top.id)
    assert [node.name for node in found.children] == ["First", "Alpha", "beta", "Zeta", "Last"]
    assert all(node.parent_id == top.id and node.children == () for node in found.children)


async def test_a_name_is_taken_once_below_one_parent(tx: Writer, manager: Actor) -> None:
    name = unique()
    top = await categories.create_category(tx, manager, NewCategory(name=name))
    with pytest.raises(facts.CategoryExists):
        await categories.create_category(tx, manager, NewCategory(name=name.upper()))
    below = await categories.create_category(tx, manager, NewCategory(name=name, parent_id=top.id))
    assert below.slug != top.slug
    assert below.slug.startswith(top.slug)


async def test_a_taken_name_refuses_the_renaming(tx: Writer, manager: Actor) -> None:
    taken = await categories.create_category(tx, manager, NewCategory(name=unique()))
    changes = CategoryChanges(name=taken.name)
    other = await make(tx, manager)
    with pytest.raises(facts.CategoryExists):
        await categories.update_category(tx, manager, other, changes, None)


async def test_a_category_is_renamed_and_moved(tx: Writer, manager: Actor) -> None:
    one, two = await make(tx, manager), await make(tx, manager)
    name = unique("Renamed")
    changes = CategoryChanges(name=f" {name}\n", parent_id=two, position=7)
    moved = await categories.update_category(tx, manager, one, changes, 1)
    assert (moved.name, moved.parent_id, moved.position, moved.version) == (name, two, 7, 2)
    same = await categories.update_category(tx, manager, one, changes, 2)
    assert same.version == 2
    with pytest.raises(errors.PreconditionFailed):
        await categories.update_category(tx, manager, one, CategoryChanges(position=1), 1)
    top = await categories.update_category(tx, manager, one, CategoryChanges(parent_id=None), 2)
    assert top.parent_id is None


async def test_no_category_is_below_itself(tx: Writer, manager: Actor) -> None:
    one = await make(tx, manager)
    two = await make(tx, manager, one)
    three = await make(tx, manager, two)
    for parent in (one, two, three):
        changes = CategoryChanges(parent_id=parent)
        with pytest.raises(facts.CategoryLoop):
            await categories.update_category(tx, manager, one, changes, None)
    with pytest.raises(errors.ValidationFailed):
        await categories.update_category(
            tx, manager, one, CategoryChanges(parent_id=ids.new_id()), None
        )


async def test_the_tree_has_a_depth(tx: Writer, manager: Actor) -> None:
    above: UUID | None = None
    for _ in range(categories.MAX_DEPTH):
        above = await make(tx, manager, above)
    with pytest.raises(errors.ValidationFailed):
        await make(tx, manager, above)
    other = await make(tx, manager)
    with pytest.raises(errors.ValidationFailed):
        await categories.update_category(tx, manager, other, CategoryChanges(parent_id=above), None)


async def test_a_category_in_use_is_kept(database: Database) -> None:
    async with database.transaction() as tx:
        manager = await factories.make_person(tx, "manager")
        top = await make(tx, manager)
        below = await make(tx, manager, top)
        name = unique("Used")
        course_id = await factories.make_course(tx, manager, category=name)
        await courses.delete_course(tx, manager, str(course_id), None)
        used = await categories.find_or_create_category(tx, manager, name)
    for category_id in (top, used):
        with pytest.raises(facts.CategoryInUse):
            async with database.transaction() as tx:
                await categories.delete_category(tx, manager, category_id, None)
    async with database.transaction() as tx:
        await categories.delete_category(tx, manager, below, 1)
        await categories.delete_category(tx, manager, top, None)
        with pytest.raises(errors.NotFound):
            await categories.delete_category(tx, manager, top, None)


async def test_courses_are_counted_where_they_are(tx: Writer, manager: Actor) -> None:
    name = unique()
    await factories.make_published(tx, manager, category=name)
    await factories.make_published(tx, manager, category=name, visibility="unlisted")
    await factories.make_course(tx, manager, category=name)
    node = next(node for node in await tree_of(tx) if node.name == name)
    assert node.course_count == 1


@pytest.mark.parametrize("form", [str.upper, str.lower, lambda n: f"  {n}\t", lambda n: n])
async def test_a_name_finds_its_category_in_any_case(
    tx: Writer, manager: Actor, form: Callable[[str], str]
) -> None:
    made = await categories.create_category(tx, manager, NewCategory(name=unique("Économie Ж")))
    assert await categories.find_or_create_category(tx, manager, form(made.name)) == made.id
    assert await categories.find_or_create_category(tx, manager, form(made.slug)) == made.id


async def test_a_name_without_latin_letters_works(tx: Writer, manager: Actor) -> None:
    made = await categories.create_category(tx, manager, NewCategory(name="数学と科学"))
    assert made.slug.isascii()
    assert await categories.find_or_create_category(tx, manager, "数学と科学") == made.id


async def test_who_may_keep_categories(tx: Writer) -> None:
    instructor = await factories.make_person(tx, "instructor")
    made = await make(tx, instructor)
    student = await factories.make_person(tx, "student")
    with pytest.raises(errors.Forbidden):
        await make(tx, student)
    with pytest.raises(errors.Unauthorized):
        await make(tx, ANONYMOUS)
    for actor in (instructor, student):
        changes = CategoryChanges(name="Other")
        with pytest.raises(errors.Forbidden):
            await categories.update_category(tx, actor, made, changes, None)
        with pytest.raises(errors.Forbidden):
            await categories.delete_category(tx, actor, made, None)


async def test_an_unknown_parent_is_invalid(database: Database) -> None:
    async with database.transaction() as tx:
        manager = await factories.make_person(tx, "manager")
    with pytest.raises(errors.ValidationFailed):
        async with database.transaction() as tx:
            await make(tx, manager, ids.new_id())
