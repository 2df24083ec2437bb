"""Whoever has nothing to do with a course that is for the invited sees nothing of it, on any path:
every route that names a part of it, and every list."""

import httpx
import pytest

from lyceum.app import services
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.service import courses
from lyceum.platform import ids
from lyceum.platform.engines import Engines
from lyceum.platform.routing import Route
from lyceum.users.records import Account
from tests.app.academy import Academy, make_academy, make_people
from tests.app.test_permission_matrix import knock
from tests.courses import factories, learning
from tests.users.factories import actor_of

ROUTES = sorted(services.routes_of("all"), key=lambda route: (route.path, route.method))
PARTS = {
    "course_id", "id_or_slug", "chapter_id", "lecture_id", "quiz_id", "attempt_id", "cohort_id",
    "invitation_id", "enrolment_import_id", "thread_id", "post_id", "announcement_id", "file_id",
}  # fmt: skip
STRANGERS = ("anonymous", "student", "instructor")
NAMING = [route for route in ROUTES if PARTS & set(route.path_names)]
LISTING = [route for route in ROUTES if route.method == "GET" and not route.path_names]
_STATE = """
    SELECT c.version, c.enrolment_count, (SELECT count(*) FROM courses.lectures l
        WHERE l.course_id = c.id AND l.deleted_at IS NULL),
        (SELECT count(*) FROM courses.enrolments e WHERE e.course_id = c.id)
    FROM courses.courses c WHERE c.id = $1
"""


@pytest.fixture(scope="module")
async def people(engines: Engines) -> dict[str, Account]:
    """A learner and an instructor of course B, and everybody else who is a stranger to A."""
    people = await make_people(engines.database)
    async with engines.database.transaction() as tx:
        course_b = await factories.make_published(tx, actor_of(people["instructor"]))
        await factories.enrol(tx, course_b.course_id, actor_of(people["student"]))
    return people


@pytest.fixture(scope="module")
async def secret(engines: Engines) -> str:
    return f"obsidian{ids.new_id().hex[-12:]}"


@pytest.fixture(scope="module")
async def academy(engines: Engines, people: dict[str, Account], secret: str) -> Academy:
    """Course A: for the invited alone, with a word in it that nobody else may read."""
    made = await make_academy(engines, people, "isolation")
    async with engines.database.transaction() as tx:
        hidden = CourseChanges(
            title=f"The {secret} course",
            subtitle=secret,
            description=f"<p>All about {secret} and more.</p>",
            tags=(secret,),
            visibility="invited",
        )
        owner = actor_of(made.people["owner"])
        await courses.update_course(tx, owner, made.in_path["course_id"], hidden, None)
    return made


@pytest.mark.parametrize("route", NAMING, ids=lambda route: route.operation_id)
async def test_a_part_of_the_course_does_not_exist_for_strangers(
    route: Route, client: httpx.AsyncClient, engines: Engines, academy: Academy, secret: str
) -> None:
    course_id = academy.in_path["course_id"]
    before = await learning.rows(engines.database, _STATE, course_id)
    for actor in STRANGERS:
        response = await knock(client, engines, route, actor, academy)
        said = f"{actor}: {response.status_code} {response.text[:300]}"
        wanted = (401, 404) if actor == "anonymous" else (404,)
        if response.status_code == 403:
            # Whoever lacks the permission is told that, before anything is looked for.
            assert "permission" in response.json(), said
        else:
            assert response.status_code in wanted, said
        assert secret not in response.text, said
    assert await learning.rows(engines.database, _STATE, course_id) == before


@pytest.mark.parametrize("route", LISTING, ids=lambda route: route.operation_id)
async def test_no_list_shows_or_counts_the_course(
    route: Route, client: httpx.AsyncClient, engines: Engines, academy: Academy, secret: str
) -> None:
    for actor in STRANGERS:
        response = await knock(client, engines, route, actor, academy)
        assert response.status_code < 500
        assert secret not in response.text
        assert academy.in_path["course_id"] not in response.text
        assert academy.in_path["lecture_id"] not in response.text


async def test_no_search_finds_or_counts_it(
    client: httpx.AsyncClient, academy: Academy, secret: str
) -> None:
    for path in ("/courses", "/courses/search"):
        got = await client.get(f"/api/v1{path}", params={"search": secret[:-2]})
        assert got.json()["meta"]["total"] == 0
        assert secret not in got.text
    got = await client.get("/api/v1/courses/search", params={"search": secret})
    facets = got.json()["data"]["facets"]
    assert all(counts == [] for counts in facets.values()), facets
