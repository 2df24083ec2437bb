"""Searching with facets and highlights, and similar courses: over what is listed alone."""

from typing import Any

import httpx

from lyceum.courses.schemas.categories import NewCategory
from lyceum.courses.service import categories, courses
from lyceum.platform import ids
from lyceum.platform.database import Database
from tests.courses import factories
from tests.courses.learning import SYSTEM

API = "/api/v1"


async def search(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    got = await client.get(f"{API}/courses/search", params=query)
    assert got.status_code == 200, got.text
    data: dict[str, Any] = got.json()["data"]
    data["total"] = got.json()["meta"]["total"]
    return data


def counts(facet: list[dict[str, Any]]) -> dict[str, int]:
    return {each["value"]: each["count"] for each in facet}


async def test_facets_leave_their_own_filter_out_and_count_what_is_listed(
    client: httpx.AsyncClient, database: Database
) -> None:
    word = f"zither{ids.new_id().hex[-8:]}"
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "instructor")
        group = await categories.create_category(tx, SYSTEM, NewCategory(name=f"Play {word}"))
        listed = [
            {"difficulty": "beginner", "language": "en", "category": group.name},
            {"difficulty": "beginner", "language": "de"},
            {"difficulty": "advanced", "language": "en"},
        ]
        for number, changes in enumerate(listed):
            await factories.make_published(tx, owner, title=f"A {word} {number}", **changes)
        for hidden in ({"visibility": "unlisted"}, {"visibility": "invited"}):
            await factories.make_published(tx, owner, title=f"Hidden {word}", **hidden)
        await factories.make_course(tx, owner, title=f"Draft of {word}")
        gone = await factories.make_published(tx, owner, title=f"Gone {word}")
        await courses.delete_course(tx, owner, str(gone.course_id), None)
    found = await search(client, search=word)
    assert found["total"] == 3
    assert counts(found["facets"]["difficulties"]) == {"beginner": 2, "advanced": 1}
    assert counts(found["facets"]["prices"]) == {"free": 3}
    assert [each["count"] for each in found["facets"]["categories"]] == [1]
    narrowed = await search(client, search=word, difficulty="beginner", language="en")
    assert narrowed["total"] == len(narrowed["items"]) == 1
    assert counts(narrowed["facets"]["difficulties"]) == {"beginner": 1, "advanced": 1}
    assert counts(narrowed["facets"]["languages"]) == {"en": 1, "de": 1}
    assert (await search(client, search=word, maxPrice=0))["total"] == 3
    nothing = await search(client, search=word, minPrice=1)
    assert (nothing["total"], counts(nothing["facets"]["prices"])) == (0, {"free": 3})
    mine = await search(client, search=word, instructor=str(owner.user_id))
    assert mine["total"] == 3
    assert (await search(client, search=word, instructor=str(ids.new_id())))["total"] == 0
    deep = await search(client, search=word, page=2, perPage=2, sort="popular")
    assert (deep["total"], len(deep["items"])) == (3, 1)


async def test_matches_are_ranked_and_marked_and_nothing_else_is_markup(
    client: httpx.AsyncClient, database: Database
) -> None:
    word = f"quill{ids.new_id().hex[-8:]}"
    text = f"<p>Of <b>pens</b> &lt;script&gt;alert(1)&lt;/script&gt; and a {word} &amp; ink.</p>"
    async with database.transaction() as tx:
        await factories.make_published(tx, title="Writing by hand", description=text)
        await factories.make_published(tx, title=f"The <i> {word.upper()} & more")
    found = await search(client, search=word[:-2])
    first, second = [item["highlight"] for item in found["items"]]
    assert first["title"] == f"The &lt;i&gt; <mark>{word.upper()}</mark> &amp; more"
    assert f"<mark>{word}</mark>" in second["text"]
    for highlight in (first, second):
        left = "".join(highlight.values()).replace("<mark>", "").replace("</mark>", "")
        assert "<" not in left
    browsed = await search(client, perPage=1)
    assert browsed["items"][0]["highlight"] is None


async def test_similar_courses_share_something_and_are_listed(
    client: httpx.AsyncClient, database: Database
) -> None:
    tag = ids.new_id().hex[-8:]
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "instructor")
        this = await factories.make_published(tx, owner, tags=(tag, f"{tag}x"))
        near = await factories.make_published(tx, owner, tags=(tag, f"{tag}x"))
        far = await factories.make_published(tx, owner, tags=(tag,))
        await factories.make_published(tx, owner, tags=(tag,), visibility="unlisted")
        hidden = await factories.make_published(tx, owner, tags=(tag,), visibility="invited")
        await factories.make_published(tx, owner, tags=("other",))
    got = await client.get(f"{API}/courses/{this.course_id}/similar")
    assert [card["id"] for card in got.json()["data"]] == [
        str(near.course_id),
        str(far.course_id),
    ]
    assert (await client.get(f"{API}/courses/{hidden.course_id}/similar")).status_code == 404


async def test_odd_words_find_nothing_and_break_nothing(client: httpx.AsyncClient) -> None:
    for words in ("'", "& | !", ":*", "\\", "a:b", "<mark>", "%", "\x02", "🦉", "x" * 200):
        got = await client.get(f"{API}/courses/search", params={"search": words})
        assert got.status_code == 200, words
