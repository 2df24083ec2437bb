"""The doors of courses: 401, 404, 403, 2xx and 422 for every route that changes something."""

from typing import Any

import httpx
import msgspec
import pytest

from lyceum.courses import permissions
from lyceum.courses.http import catalogue, categories, courses, reviews, structure
from lyceum.platform import ids
from lyceum.platform.database import Database
from lyceum.platform.routing import PUBLIC, SIGNED_IN
from tests.courses import factories
from tests.courses.conftest import SignIn

API = "/api/v1"
# What a missing object's id stands for in a path.
NOWHERE = str(ids.new_id())


Headers = dict[str, str]


class Place(msgspec.Struct):
    """A published course and an unpublished one, by the names of their parts; their people."""

    shown: dict[str, str]
    hidden: dict[str, str]
    owner: Headers
    other: Headers
    learner: Headers
    student: Headers

    def path(self, template: str) -> str:
        """An address in the published course."""
        return API + template.format(**self.shown)

    def hidden_path(self, template: str) -> str:
        """The same address in the course that only its staff sees."""
        return API + template.format(**self.hidden)


@pytest.fixture
async def place(database: Database, sign_in: SignIn) -> Place:
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "instructor")
        outline = await factories.make_published(tx, owner)
        draft = await factories.make_outline(tx, owner, await factories.make_course(tx, owner))
        other = await factories.make_person(tx, "instructor")
        learner = await factories.make_person(tx)
        await factories.enrol(tx, outline.course_id, learner, percent=50)
        student = await factories.make_person(tx)

    def names(made: factories.Outline) -> dict[str, str]:
        return {
            "course": str(made.course_id),
            "chapter": str(made.chapters[0].id),
            "lecture": str(made.lectures[1].id),
        }

    return Place(
        shown=names(outline),
        hidden=names(draft),
        owner=await sign_in(owner),
        other=await sign_in(other),
        learner=await sign_in(learner),
        student=await sign_in(student),
    )


WRITES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("PATCH", "/courses/{course}", {"subtitle": "New"}, {"subtitle": 5}),
    ("POST", "/courses/{course}/archive", None, {}),
    ("POST", "/courses/{course}/chapters", {"title": "More"}, {"title": ""}),
    ("PATCH", "/chapters/{chapter}", {"title": "Other"}, {"title": None}),
    ("POST", "/chapters/{chapter}/lectures", {"title": "x", "type": "text"}, {"title": "x"}),
    ("PATCH", "/lectures/{lecture}", {"isPreview": True}, {"durationSeconds": -1}),
    ("DELETE", "/lectures/{lecture}", None, {}),
    ("DELETE", "/chapters/{chapter}", None, {}),
    ("DELETE", "/courses/{course}", None, {}),
]


@pytest.mark.parametrize(("method", "template", "body", "wrong"), WRITES, ids=lambda v: str(v)[:40])
async def test_the_door_of_every_change(
    client: httpx.AsyncClient, place: Place, method: str, template: str, body: Any, wrong: Any
) -> None:
    async def knock(headers: dict[str, str], path: str, body: Any = body) -> httpx.Response:
        return await client.request(method, path, headers=headers, json=body)

    shown = place.path(template)
    assert (await knock({}, shown)).status_code == 401
    hidden = place.hidden_path(template)
    for headers in (place.other, place.student):
        forbidden = await knock(headers, shown)
        assert (forbidden.status_code, forbidden.json()["code"]) == (403, 1005)
        assert forbidden.json()["detail"]
        assert (await knock(headers, hidden)).status_code == 404
    missing = API + template.format(course=NOWHERE, chapter=NOWHERE, lecture=NOWHERE)
    assert (await knock(place.owner, missing)).status_code == 404
    if wrong:
        refused = await knock(place.owner, shown, wrong)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"]
        unknown = await knock(place.owner, shown, {**(body or {}), "nonsense": 1})
        assert unknown.status_code == 422
    if method in ("PATCH", "DELETE"):
        stale = await knock({**place.owner, "if-match": '"v99"'}, shown)
        assert stale.status_code == 412
    done = await knock({**place.owner, "if-match": "*"}, shown)
    assert done.status_code in (200, 201, 204), done.text


async def test_from_an_empty_page_to_the_catalogue(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    headers = await sign_in(await factories.store_person(database, "instructor"))
    body = {
        "title": "Sailing by night", "subtitle": "For the brave",
        "description": "<p>Ten letters.</p>",
        "category": "Seamanship", "tags": ["sea"], "difficulty": "advanced", "language": "en",
        "estimatedMinutes": 90, "price": {"amount": 0, "currency": "EUR"},
        "thumbnailUrl": "https://img.example/a.png", "objectives": ["Sail"], "visibility": "public",
        "seats": 20, "enrolmentOpensAt": "2020-01-01T00:00:00Z",
        "enrolmentClosesAt": "2900-01-01T00:00:00+02:00", "startsAt": None, "endsAt": None,
        "hasCertificate": True,
    }  # fmt: skip
    made = await client.post(f"{API}/courses", json=body, headers=headers)
    assert made.status_code == 201, made.text
    course = made.json()["data"]
    assert made.headers["location"] == f"{API}/courses/{course['id']}"
    assert '"v1-' in made.headers["etag"]
    assert course["enrolmentClosesAt"] == "2899-12-31T22:00:00.000Z"
    path = f"{API}/courses/{course['id']}"
    early = await client.post(f"{path}/publish", headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, 6100)
    assert [part["field"] for part in early.json()["missing"]] == ["chapters", "lectures"]
    assert (await client.get(path)).status_code == 404
    chapter = await client.post(f"{path}/chapters", json={"title": "One"}, headers=headers)
    assert chapter.status_code == 201
    lectures = f"{API}/chapters/{chapter.json()['data']['id']}/lectures"
    new = {"title": "Start", "type": "video", "mediaUrl": "https://v.example/1",
           "durationSeconds": 5, "content": "<p>Go.</p>", "isPreview": True}  # fmt: skip
    lecture = await client.post(lectures, json=new, headers=headers)
    assert lecture.status_code == 201
    assert lecture.json()["data"]["mediaUrl"] == "https://v.example/1"
    published = await client.post(f"{path}/publish", headers=headers)
    assert published.status_code == 200, published.text
    assert published.json()["data"]["status"] == "published"
    listed = await client.get(f"{API}/courses", params={"search": "sailing night"})
    assert course["id"] in [card["id"] for card in listed.json()["data"]]
    opened = await client.get(f"{API}/lectures/{lecture.json()['data']['id']}")
    assert opened.json()["data"]["content"] == "<p>Go.</p>"


async def test_an_order_and_a_way_back(client: httpx.AsyncClient, place: Place) -> None:
    path, headers = place.path("/courses/{course}"), place.owner
    outline = (await client.get(f"{path}/chapters")).json()["data"]
    assert outline[0]["lectures"][0]["title"] == "Lecture 0.0"
    order = {"chapters": [
        {"id": chapter["id"], "lectures": [part["id"] for part in chapter["lectures"]]}
        for chapter in reversed(outline)
    ]}  # fmt: skip
    ordered = await client.put(f"{path}/order", json=order, headers=headers)
    assert ordered.status_code == 200, ordered.text
    assert ordered.json()["data"] == outline[::-1]
    part = {"chapters": order["chapters"][:1]}
    refused = await client.put(f"{path}/order", json=part, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, 6102)
    slug = (await client.get(path)).json()["data"]["slug"]
    gone = await client.delete(f"{API}/courses/{slug}", headers=headers)
    assert (gone.status_code, gone.content) == (204, b"")
    back = await client.post(f"{path}/restore", headers=headers)
    assert back.status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "abcd"}, {"title": "x" * 256}, {"title": None}, {"title": 1}, {"category": "x"},
        {"category": "x" * 101}, {"difficulty": "hard"}, {"language": "english!"},
        {"estimatedMinutes": -1}, {"estimatedMinutes": 2**31}, {"estimatedMinutes": True},
        {"price": 5}, {"price": {"amount": -1, "currency": "EUR"}},
        {"price": {"amount": 1, "currency": "eur"}},
        {"price": {"amount": 2**63, "currency": "EUR"}},
        {"price": {"amount": 1.5, "currency": "EUR"}}, {"price": {"amount": 1}}, {"seats": 0},
        {"tags": ["x"] * 21}, {"tags": "x"}, {"tags": ["x" * 51]}, {"objectives": [""]},
        {"visibility": "secret"}, {"hasCertificate": "yes"}, {"startsAt": "tomorrow"},
        {"startsAt": "2030-01-01T00:00:00"}, {"startsAt": "0001-01-01T00:00:00+14:00"},
        {"endsAt": "9999-12-31T23:59:59-14:00"}, {"ownerId": NOWHERE}, {"status": "published"},
        {"slug": "mine"}, {"description": "x" * 50_001}, {"enrolmentCount": 5},
    ],
)  # fmt: skip
async def test_wrong_courses_are_422(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn, changes: dict[str, Any]
) -> None:
    headers = await sign_in(await factories.store_person(database, "instructor"))
    body = {"title": "A course of mine", **changes}
    refused = await client.post(f"{API}/courses", json=body, headers=headers)
    assert refused.status_code == 422, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"][0]["pointer"].startswith(f"/{next(iter(changes))}")


@pytest.mark.parametrize(
    "text",
    [
        '{"title":"A course","title":"B course"}', '{"title":NaN}', "[]", "", "null",
        '{"title":"\\ud800aaaaa"}', '{"title":"abc\\u0000def"}',
    ],
)  # fmt: skip
async def test_bodies_that_are_no_courses(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn, text: str
) -> None:
    headers = await sign_in(await factories.store_person(database, "instructor"))
    headers["content-type"] = "application/json"
    refused = await client.post(f"{API}/courses", content=text, headers=headers)
    assert refused.status_code == 422, refused.text


async def test_students_create_nothing(client: httpx.AsyncClient, place: Place) -> None:
    for path, body in (("/courses", {"title": "A course"}), ("/categories", {"name": "Mine"})):
        assert (await client.post(API + path, json=body)).status_code == 401
        refused = await client.post(API + path, json=body, headers=place.student)
        assert refused.status_code == 403
        assert "permission" in refused.json()


async def test_reviews_at_the_door(client: httpx.AsyncClient, place: Place) -> None:
    path = place.path("/courses/{course}/reviews")
    assert (await client.post(path, json={"rating": 5})).status_code == 401
    refused = await client.post(path, json={"rating": 5}, headers=place.student)
    assert (refused.status_code, refused.json()["code"]) == (403, 6121)
    hidden = place.hidden_path("/courses/{course}/reviews")
    assert (await client.post(hidden, json={"rating": 5}, headers=place.learner)).status_code == 404
    for wrong in (
        {"rating": 0},
        {"rating": 6},
        {},
        {"rating": "5"},
        {"rating": 5, "text": "x" * 5001},
    ):
        assert (await client.post(path, json=wrong, headers=place.learner)).status_code == 422
    posted = await client.post(path, json={"rating": 4}, headers=place.learner)
    assert posted.status_code == 201
    twice = await client.post(path, json={"rating": 4}, headers=place.learner)
    assert (twice.status_code, twice.json()["code"]) == (409, 6120)
    own = f"{API}/reviews/{posted.json()['data']['id']}"
    assert (await client.patch(own, json={"rating": 5})).status_code == 401
    assert (await client.patch(own, json={"rating": 5}, headers=place.owner)).status_code == 403
    changed = await client.patch(own, json={"rating": 5}, headers=place.learner)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"v2"')
    assert (await client.delete(own, headers=place.student)).status_code == 403
    assert (await client.delete(own, headers=place.learner)).status_code == 204
    assert (await client.delete(own, headers=place.learner)).status_code == 404


async def test_categories_at_the_door(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    manager = await sign_in(await factories.store_person(database, "manager"))
    teacher = await sign_in(await factories.store_person(database, "instructor"))
    name = f"Topic {ids.new_id().hex}"
    made = await client.post(f"{API}/categories", json={"name": name}, headers=teacher)
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    twice = await client.post(f"{API}/categories", json={"name": name}, headers=teacher)
    assert (twice.status_code, twice.json()["code"]) == (409, 6110)
    assert (await client.patch(path, json={"position": 1}, headers=teacher)).status_code == 403
    wrong = await client.patch(path, json={"name": "x"}, headers=manager)
    assert wrong.status_code == 422
    moved = await client.patch(path, json={"position": 1}, headers=manager)
    assert (moved.status_code, moved.headers["etag"]) == (200, '"v2"')
    tree = await client.get(f"{API}/categories")
    assert name in [node["name"] for node in tree.json()["data"]]
    same = await client.get(f"{API}/categories", headers={"if-none-match": tree.headers["etag"]})
    assert same.status_code == 304
    assert (await client.delete(path, headers=teacher)).status_code == 403
    assert (await client.delete(path, headers=manager)).status_code == 204
    assert (await client.delete(path, headers=manager)).status_code == 404


async def test_lectures_at_the_door(client: httpx.AsyncClient, place: Place) -> None:
    path = place.path("/lectures/{lecture}")
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=place.student)).status_code == 403
    opened = await client.get(path, headers=place.learner)
    assert (opened.status_code, opened.headers["cache-control"]) == (200, "private, no-store")
    hidden = place.hidden_path("/lectures/{lecture}")
    for headers in ({}, place.learner, place.other):
        assert (await client.get(hidden, headers=headers)).status_code == 404
    assert (await client.get(f"{API}/lectures/not-an-id")).status_code == 422


async def test_a_repeated_post_makes_one_course(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    headers = await sign_in(await factories.store_person(database, "instructor"))
    headers["idempotency-key"] = ids.new_id().hex
    body = {"title": "Once and no more"}
    first = await client.post(f"{API}/courses", json=body, headers=headers)
    again = await client.post(f"{API}/courses", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    mine = await client.get(f"{API}/me/courses", headers=headers)
    assert mine.json()["meta"]["total"] == 1


EDITING = permissions.UPDATE_COURSE
MATRIX = {
    ("GET", "/courses"): PUBLIC,
    ("GET", "/courses/popular"): PUBLIC,
    ("GET", "/courses/{id_or_slug}"): PUBLIC,
    ("GET", "/me/courses"): SIGNED_IN,
    ("POST", "/courses"): permissions.CREATE_COURSE,
    ("PATCH", "/courses/{id_or_slug}"): EDITING,
    ("DELETE", "/courses/{id_or_slug}"): permissions.DELETE_COURSE,
    ("POST", "/courses/{course_id}/publish"): permissions.PUBLISH_COURSE,
    ("POST", "/courses/{course_id}/archive"): permissions.PUBLISH_COURSE,
    ("POST", "/courses/{course_id}/restore"): permissions.DELETE_COURSE,
    ("GET", "/courses/{course_id}/chapters"): PUBLIC,
    ("POST", "/courses/{course_id}/chapters"): EDITING,
    ("PUT", "/courses/{course_id}/order"): EDITING,
    ("PATCH", "/chapters/{chapter_id}"): EDITING,
    ("DELETE", "/chapters/{chapter_id}"): EDITING,
    ("POST", "/chapters/{chapter_id}/lectures"): EDITING,
    ("GET", "/lectures/{lecture_id}"): PUBLIC,
    ("PATCH", "/lectures/{lecture_id}"): EDITING,
    ("DELETE", "/lectures/{lecture_id}"): EDITING,
    ("GET", "/categories"): PUBLIC,
    ("POST", "/categories"): permissions.CREATE_CATEGORY,
    ("PATCH", "/categories/{category_id}"): permissions.MANAGE_CATEGORIES,
    ("DELETE", "/categories/{category_id}"): permissions.MANAGE_CATEGORIES,
    ("GET", "/courses/{course_id}/reviews"): PUBLIC,
    ("POST", "/courses/{course_id}/reviews"): permissions.WRITE_REVIEW,
    ("GET", "/reviews/{review_id}"): PUBLIC,
    ("PUT", "/reviews/{review_id}/reply"): EDITING,
    ("PUT", "/reviews/{review_id}/helpful"): SIGNED_IN,
    ("DELETE", "/reviews/{review_id}/helpful"): SIGNED_IN,
    ("PUT", "/reviews/{review_id}/hidden"): permissions.MODERATE_REVIEWS,
    ("DELETE", "/reviews/{review_id}/hidden"): permissions.MODERATE_REVIEWS,
    ("POST", "/reviews/{review_id}/reports"): SIGNED_IN,
    ("GET", "/review-reports"): permissions.MODERATE_REVIEWS,
    ("POST", "/review-reports/{review_report_id}/resolve"): permissions.MODERATE_REVIEWS,
    ("PATCH", "/reviews/{review_id}"): SIGNED_IN,
    ("DELETE", "/reviews/{review_id}"): SIGNED_IN,
}


def test_the_matrix_says_what_the_use_cases_check() -> None:
    modules = (catalogue, categories, courses, reviews, structure)
    routes = [route for module in modules for route in module.routes.all]
    found = {(route.method, route.path.removeprefix(API)): route.access for route in routes}
    assert {place: found[place] for place in MATRIX} == MATRIX
