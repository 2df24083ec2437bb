"""The lists of courses: what is in them, in which order, page by page, and never stale."""

from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.courses.queries.catalogue import LIST_NEWEST
from lyceum.courses.schemas.courses import CourseCard, CourseChanges, Price
from lyceum.courses.service import catalogue, courses
from lyceum.platform import ids
from lyceum.platform.access import system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import command, sql
from tests.courses import factories
from tests.courses.conftest import SignIn

COURSES = "/api/v1/courses"
_RAISE = command("UPDATE courses.courses SET enrolment_count = $2 WHERE id = $1")
_RATE = command("UPDATE courses.courses SET rating_count = 1, rating_sum = $2 WHERE id = $1")
_CARD = sql("SELECT card::text FROM courses.catalogue WHERE course_id = $1", str)
_SETTLE = command("SET CONSTRAINTS ALL IMMEDIATE")


async def listed(client: httpx.AsyncClient, **query: Any) -> tuple[CourseCard, ...]:
    response = await client.get(COURSES, params={"perPage": 100, **query})
    assert response.status_code == 200, response.text
    data = msgspec.json.encode(response.json()["data"])
    return msgspec.json.decode(data, type=tuple[CourseCard, ...])


async def found(client: httpx.AsyncClient, **query: Any) -> list[UUID]:
    return [card.id for card in await listed(client, **query)]


class Shelf(msgspec.Struct):
    """Courses of one instructor, so that other tests' courses are not among them."""

    owner: str
    category: str
    ids: list[UUID]


@pytest.fixture
async def shelf(database: Database) -> Shelf:
    """Five courses: prices 400, 300 … 0, learners 0 … 4, ratings 1 … 5, published in order."""
    category = f"Shelf {ids.new_id().hex}"
    made: list[UUID] = []
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "instructor")
    for number in range(5):
        async with database.transaction() as tx:
            outline = await factories.make_published(
                tx,
                owner,
                title=f"Rope work {'knots' if number % 2 else 'splices'} {number}",
                category=category,
                difficulty=("beginner", "advanced")[number % 2],
                language=("en", "de-AT")[number % 2],
                price=Price(amount=400 - number * 100, currency="EUR"),
            )
            await tx.execute(_RAISE, outline.course_id, number)
            await tx.execute(_RATE, outline.course_id, number + 1)
            made.append(outline.course_id)
    return Shelf(str(owner.user_id), category, made)


async def test_every_order(client: httpx.AsyncClient, shelf: Shelf) -> None:
    newest = shelf.ids[::-1]
    for order, wanted in {
        "new": newest, "popular": newest, "rating": newest, "price": newest, "-price": shelf.ids,
    }.items():  # fmt: skip
        assert await found(client, instructor=shelf.owner, sort=order) == wanted, order
        assert await found(client, category=shelf.category, sort=order) == wanted, order
        everything = await found(client, sort=order)
        # Others fill the academy meanwhile, so not all of the shelf need be on the first page.
        seen = [i for i in everything if i in shelf.ids]
        assert seen == [i for i in wanted if i in seen], order
    assert await found(client, instructor=shelf.owner) == newest


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"difficulty": "advanced"}, [3, 1]),
        ({"language": "de-at"}, [3, 1]),
        ({"language": "DE-AT"}, [3, 1]),
        ({"minRating": 4}, [4, 3]),
        ({"minRating": 3.5, "difficulty": "beginner"}, [4]),
        ({"minPrice": 300}, [1, 0]),
        ({"maxPrice": 100}, [4, 3]),
        ({"minPrice": 100, "maxPrice": 200}, [3, 2]),
        ({"search": "splices"}, [4, 2, 0]),
        ({"search": "SPLI"}, [4, 2, 0]),
        ({"search": "knot wor"}, [3, 1]),
        ({"search": "knots", "maxPrice": 100}, [3]),
        ({"search": "gybing"}, []),
        ({"search": "' | !&*():<-> \\ %_"}, []),
        ({"sort": "price", "search": "rope"}, [4, 3, 2, 1, 0]),
    ],
)
async def test_every_filter(
    client: httpx.AsyncClient, shelf: Shelf, query: dict[str, Any], wanted: list[int]
) -> None:
    expected = [shelf.ids[number] for number in wanted]
    by_order = found(client, **{"sort": "new", **query}, instructor=shelf.owner)
    assert await by_order == expected
    by_category = found(client, **{"sort": "new", **query}, category=shelf.category)
    assert await by_category == expected
    everything = await found(client, **{"sort": "new", **query})
    assert [i for i in everything if i in shelf.ids] == expected


async def test_a_search_ranks_the_title_first(
    client: httpx.AsyncClient, database: Database
) -> None:
    word = f"zq{ids.new_id().hex[-12:]}"
    body = f"<p>In the middle of the text there is {word}, once.</p>"
    in_text = await factories.store_published(database, description=body)
    in_title = await factories.store_published(database, title=f"All of {word}")
    in_tags = await factories.store_published(database, tags=(word,))
    assert await found(client, search=word) == [
        in_title.course_id, in_tags.course_id, in_text.course_id,
    ]  # fmt: skip


async def test_a_category_has_the_courses_of_those_below(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn, shelf: Shelf
) -> None:
    manager = await factories.store_person(database, "manager")
    headers = await sign_in(manager)
    top = await client.post(
        "/api/v1/categories", json={"name": f"Top {ids.new_id().hex}"}, headers=headers
    )
    tree = (await client.get("/api/v1/categories")).json()["data"]
    below = next(node for node in tree if node["name"] == shelf.category)
    moved = await client.patch(
        f"/api/v1/categories/{below['id']}",
        json={"parentId": top.json()["data"]["id"]},
        headers=headers,
    )
    assert moved.status_code == 200, moved.text
    for category in (top.json()["data"]["slug"], top.json()["data"]["id"], below["slug"]):
        assert set(await found(client, category=category)) == set(shelf.ids)
    assert await found(client, category="no such category") == []


async def test_pages_and_their_total(client: httpx.AsyncClient, shelf: Shelf) -> None:
    seen: list[str] = []
    for page in (1, 2, 3):
        query = {"instructor": shelf.owner, "page": page, "perPage": 2}
        response = await client.get(COURSES, params=query)
        meta = response.json()["meta"]
        assert (meta["page"], meta["perPage"], meta["total"]) == (page, 2, 5)
        seen += [card["id"] for card in response.json()["data"]]
    assert seen == [str(i) for i in shelf.ids[::-1]]
    beyond = await client.get(COURSES, params={"instructor": shelf.owner, "page": 99})
    assert 'rel="prev"' in beyond.headers["link"]
    assert (beyond.json()["data"], beyond.json()["meta"]["total"]) == ([], 5)


async def test_the_newest_first_at_any_depth(tx: Writer) -> None:
    """The marks lead every page, of any size, to where counting from the start would."""
    owner = await factories.make_person(tx, "instructor")
    publish = command(
        """
        UPDATE courses.courses SET status = 'published', published_at = now() - $2 * interval '1 h'
        WHERE id = $1
        """
    )
    for number in range(65):
        await tx.execute(publish, await factories.make_course(tx, owner), number // 3)
    await tx.execute(_SETTLE)
    whole = await tx.one(LIST_NEWEST, 0, 100_000)
    cards = msgspec.json.decode(whole.items, type=list[msgspec.Raw])
    assert whole.total == len(cards) >= 65
    for size in (1, 7, 20, 33, 100):
        for offset in (0, 1, 19, 20, 21, 39, 40, 41, 59, 60, 64, len(cards) - 1, len(cards)):
            page = await tx.one(LIST_NEWEST, offset, size)
            found = msgspec.json.decode(page.items, type=list[msgspec.Raw])
            assert found == cards[offset : offset + size], (offset, size)
            assert page.total == whole.total
    assert (await tx.one(LIST_NEWEST, 100_000_000, 100)).items == b"[]"


async def test_only_listed_courses_are_listed_or_counted(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "instructor")
        title = f"Hidden zq{ids.new_id().hex[-12:]}"
        await factories.make_course(tx, owner, title=title)
        await factories.make_published(tx, owner, title=title, visibility="unlisted")
        await factories.make_published(tx, owner, title=title, visibility="invited")
        archived = await factories.make_published(tx, owner, title=title)
        await courses.archive_course(tx, owner, archived.course_id)
        deleted = await factories.make_published(tx, owner, title=title)
        await courses.delete_course(tx, owner, str(deleted.course_id), None)
        shown = await factories.make_published(tx, owner, title=title)
    for query in ({"instructor": str(owner.user_id)}, {"search": title.split()[-1]}):
        response = await client.get(COURSES, params=query)
        assert [card["id"] for card in response.json()["data"]] == [str(shown.course_id)]
        assert response.json()["meta"]["total"] == 1


async def test_a_list_is_never_stale(client: httpx.AsyncClient, database: Database) -> None:
    outline = await factories.store_published(database)
    query = {"instructor": str(outline.owner.user_id)}
    before = await client.get(COURSES, params=query)
    again = await client.get(COURSES, params=query)
    assert again.headers["etag"] == before.headers["etag"]
    assert before.headers["cache-control"].startswith("public")
    unchanged = await client.get(
        COURSES, params=query, headers={"if-none-match": before.headers["etag"]}
    )
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    async with database.transaction() as tx:
        changes = CourseChanges(title="Lanterns, renamed")
        await courses.update_course(tx, outline.owner, str(outline.course_id), changes, None)
    renamed = await client.get(
        COURSES, params=query, headers={"if-none-match": before.headers["etag"]}
    )
    assert renamed.status_code == 200
    assert renamed.json()["data"][0]["title"] == "Lanterns, renamed"
    async with database.transaction() as tx:
        learner = await factories.make_person(tx)
        await factories.enrol(tx, outline.course_id, learner)
    assert (await listed(client, **query))[0].enrolment_count == 1
    async with database.transaction() as tx:
        await courses.archive_course(tx, outline.owner, outline.course_id)
    assert await found(client, **query) == []


async def test_the_same_for_everybody(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    outline = await factories.store_published(database)
    query = {"instructor": str(outline.owner.user_id)}
    nobody = await client.get(COURSES, params=query)
    owner = await client.get(COURSES, params=query, headers=await sign_in(outline.owner))
    assert nobody.json()["data"] == owner.json()["data"]


async def test_popular_courses(client: httpx.AsyncClient, database: Database) -> None:
    outline = await factories.store_published(database)
    async with database.transaction() as tx:
        await tx.execute(_RAISE, outline.course_id, 1_000_000)
        tx.invalidate("courses:list")
    response = await client.get(f"{COURSES}/popular", params={"limit": 1})
    assert response.status_code == 200
    cards = msgspec.convert(response.json()["data"], tuple[CourseCard, ...])
    assert [card.id for card in cards] == [outline.course_id]
    async with database.transaction() as tx:
        await courses.archive_course(tx, outline.owner, outline.course_id)
    response = await client.get(f"{COURSES}/popular", params={"limit": 50})
    assert str(outline.course_id) not in response.text


async def test_the_courses_that_i_teach(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "instructor")
        draft = await factories.make_course(tx, owner)
        published = await factories.make_published(tx, owner)
        deleted = await factories.make_course(tx, owner)
        await courses.delete_course(tx, owner, str(deleted), None)
        await factories.make_published(tx)
    headers = await sign_in(owner)
    assert (await client.get("/api/v1/me/courses")).status_code == 401
    mine = await client.get("/api/v1/me/courses", headers=headers)
    cards = msgspec.convert(mine.json()["data"], tuple[CourseCard, ...])
    assert {card.id for card in cards} == {draft, published.course_id}
    assert mine.json()["meta"]["total"] == 2
    assert mine.headers["cache-control"] == "private, no-store"
    drafts = await client.get("/api/v1/me/courses", params={"status": "draft"}, headers=headers)
    assert [card["id"] for card in drafts.json()["data"]] == [str(draft)]


async def test_a_new_name_of_an_instructor_reaches_the_cards(tx: Writer) -> None:
    outline = await factories.make_published(tx)
    rename = command("UPDATE users.users SET first_name = 'Augusta' WHERE id = $1")
    await tx.execute(rename, outline.owner.user_id)
    assert await catalogue.refresh_cards(tx, system_actor("test")) >= 1
    card = await tx.one(_CARD, outline.course_id)
    assert "Augusta Lovelace" in card
    assert await catalogue.refresh_cards(tx, system_actor("test")) == 0


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0}, {"page": "x"}, {"perPage": 101}, {"perPage": 0}, {"sort": "title"},
        {"sort": "price; DROP TABLE"}, {"difficulty": "hard"}, {"minRating": 6},
        {"minRating": "nan"}, {"minPrice": -1}, {"minPrice": 2**63}, {"instructor": "me"},
        {"language": "e"}, {"search": ""}, {"search": "x" * 201}, {"category": "x"},
        {"nonsense": 1}, {"page": 2**70},
    ],
)  # fmt: skip
async def test_wrong_parameters_are_422(client: httpx.AsyncClient, query: dict[str, Any]) -> None:
    response = await client.get(COURSES, params=query)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"].startswith("/query")
