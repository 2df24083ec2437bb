"""The door to quizzes and attempts: who gets in, what it answers, what it refuses."""

from typing import Any

import httpx
import msgspec
import pytest

from lyceum.assessments.http import routes
from lyceum.platform import ids
from lyceum.platform.database import Database
from lyceum.platform.settings import Settings
from tests.assessments import factories
from tests.assessments.factories import Classroom

API = "/api/v1"
Headers = dict[str, str]
QUIZ: dict[str, Any] = msgspec.to_builtins(factories.quiz(), str_keys=True)


class Door:
    """A classroom as HTTP reaches it: one header for each kind of caller."""

    def __init__(self, client: httpx.AsyncClient, room: Classroom) -> None:
        self.client = client
        self.room = room
        self.by: dict[str, Headers] = {}

    async def ask(self, method: str, path: str, who: str, **options: Any) -> httpx.Response:
        return await self.client.request(method, API + path, headers=self.by[who], **options)

    async def make_quiz(self, **changes: Any) -> dict[str, Any]:
        answer = await self.ask(
            "POST",
            f"/lectures/{self.room.lecture_id}/quiz",
            "instructor",
            json={**QUIZ, **changes},
        )
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


@pytest.fixture
async def door(client: httpx.AsyncClient, database: Database, settings: Settings) -> Door:
    async with database.transaction() as tx:
        room = await factories.make_classroom(tx)
        visitor = await factories.make_visitor(tx)
        hidden = await factories.make_classroom(tx, is_published=False)
    door = Door(client, room)
    for name, actor in {
        "instructor": room.instructor,
        "learner": room.learner,
        "visitor": visitor,
        "elsewhere": hidden.instructor,
        "nobody": None,
    }.items():
        door.by[name] = await factories.headers_of(database, settings, actor)
    return door


async def test_a_quiz_is_written_taken_and_graded(door: Door) -> None:
    lecture = f"/lectures/{door.room.lecture_id}/quiz"
    made = await door.ask("POST", lecture, "instructor", json={**QUIZ, "attemptsAllowed": 2})
    quiz = made.json()["data"]
    assert made.headers["location"] == f"{API}/quizzes/{quiz['id']}"
    assert (quiz["view"], quiz["attemptsAllowed"], len(quiz["questions"])) == ("full", 2, 5)
    again = await door.ask("POST", lecture, "instructor", json=QUIZ)
    assert (again.status_code, again.json()["code"]) == (409, 6200)
    assert again.json()["quizId"] == quiz["id"]

    outline = (await door.ask("GET", lecture, "learner")).json()["data"]
    assert (outline["view"], outline["id"]) == ("outline", quiz["id"])
    assert "questions" not in outline

    attempts = f"/quizzes/{quiz['id']}/attempts"
    begun = await door.ask("POST", attempts, "learner")
    attempt = begun.json()["data"]
    assert begun.status_code == 201
    assert begun.headers["location"] == f"{API}/attempts/{attempt['id']}"
    resumed = await door.ask("POST", attempts, "learner")
    assert (resumed.status_code, resumed.json()["data"]) == (200, attempt)

    paris = next(c["id"] for c in attempt["questions"][0]["choices"] if c["html"] == "Paris")
    answers = [
        {"questionId": attempt["questions"][0]["questionId"], "choiceIds": [paris]},
        {"questionId": attempt["questions"][4]["questionId"], "value": 9.81},
    ]
    path = f"/attempts/{attempt['id']}"
    saved = await door.ask("PUT", f"{path}/answers", "learner", json={"answers": answers})
    assert (saved.status_code, saved.json()["data"]["attemptId"]) == (200, attempt["id"])

    submitted = await door.ask("POST", f"{path}/submit", "learner")
    result = submitted.json()["data"]["result"]
    assert (result["points"], result["maxPoints"], result["percent"]) == (3, 8, 37.5)
    assert result["isPassed"] is False
    repeated = await door.ask("POST", f"{path}/submit", "learner")
    assert repeated.json()["data"] == submitted.json()["data"]
    read = await door.ask("GET", path, "learner")
    assert read.json()["data"] == submitted.json()["data"]
    late = await door.ask("PUT", f"{path}/answers", "learner", json={"answers": answers})
    assert (late.status_code, late.json()["code"]) == (409, 6205)


async def test_lists_page_by_cursor(door: Door) -> None:
    quiz = await door.make_quiz()
    path = f"/quizzes/{quiz['id']}/attempts"
    made = []
    for _ in range(3):
        attempt = (await door.ask("POST", path, "learner")).json()["data"]
        await door.ask("POST", f"/attempts/{attempt['id']}/submit", "learner")
        made.append(attempt["id"])
    first = (await door.ask("GET", f"{path}?perPage=2", "instructor")).json()
    assert [row["id"] for row in first["data"]] == made[:0:-1]
    assert first["data"][0]["displayName"]
    cursor = first["meta"]["nextCursor"]
    rest = (await door.ask("GET", f"{path}?perPage=2&cursor={cursor}", "instructor")).json()
    assert ([row["id"] for row in rest["data"]], rest["meta"]["nextCursor"]) == (made[:1], None)
    wrong = await door.ask("GET", f"{path}?cursor=abc", "instructor")
    assert wrong.status_code == 422


async def test_changes_are_for_the_version_one_has_read(door: Door) -> None:
    quiz = await door.make_quiz()
    path = f"/quizzes/{quiz['id']}"
    read = await door.ask("GET", path, "instructor")
    etag = read.headers["etag"]
    for method, inner, body in (
        ("PATCH", path, {"title": "Changed"}),
        ("PUT", f"{path}/questions", {"questions": QUIZ["questions"][:1]}),
        ("DELETE", path, None),
    ):
        headers = {**door.by["instructor"], "if-match": '"v1"'}
        stale = await door.client.request(method, API + inner, headers=headers, json=body)
        assert stale.status_code == 412
        headers["if-match"] = etag
        fresh = await door.client.request(method, API + inner, headers=headers, json=body)
        assert fresh.status_code in (200, 204)
        etag = fresh.headers.get("etag", "")
    assert (await door.ask("GET", path, "instructor")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "   "}, "/title"),
        ({"title": "x" * 256}, "/title"),
        ({"title": None}, "/title"),
        ({"passingPercent": 101}, "/passingPercent"),
        ({"passingPercent": "70"}, "/passingPercent"),
        ({"passingPercent": 0.5}, "/passingPercent"),
        ({"attemptsAllowed": 0}, "/attemptsAllowed"),
        ({"attemptsAllowed": 10**30}, "/attemptsAllowed"),
        ({"timeLimitSeconds": 9}, "/timeLimitSeconds"),
        ({"showsAnswers": "always"}, "/showsAnswers"),
        ({"shufflesQuestions": 1}, "/shufflesQuestions"),
        ({"secret": 1}, "/secret"),
        ({"questions": [QUIZ["questions"][0]] * 501}, "/questions"),
        ({"questions": [{}]}, "/questions/0/kind"),
        ({"questions": [{**QUIZ["questions"][0], "points": -1}]}, "/questions/0/points"),
        ({"questions": [{**QUIZ["questions"][0], "points": 1e6}]}, "/questions/0/points"),
        ({"questions": [{**QUIZ["questions"][0], "choices": []}]}, "/questions/0/choices"),
        ({"questions": [{**QUIZ["questions"][4], "answers": [{"number": {"value": 1e101}}]}]},
         "/questions/0/answers/0/number/value"),
    ],
)  # fmt: skip
async def test_wrong_quizzes_are_refused(door: Door, changes: dict[str, Any], pointer: str) -> None:
    path = f"/lectures/{door.room.lecture_id}/quiz"
    answer = await door.ask("POST", path, "instructor", json={**QUIZ, **changes})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    "answers",
    [
        [],
        {"answers": None},
        {"answers": [{}]},
        {"answers": [{"questionId": "x", "text": "a"}]},
        {"answers": [{"questionId": str(ids.new_id()), "text": "a" * 2001}]},
        {"answers": [{"questionId": str(ids.new_id()), "text": "a"}]},
        {"answers": [{"questionId": str(ids.new_id()), "choiceIds": ["x"]}]},
        {"answers": [{"questionId": str(ids.new_id()), "value": "1"}]},
        {"answers": [{"questionId": str(ids.new_id()), "points": 1}]},
    ],
)
async def test_wrong_answers_are_refused(door: Door, answers: Any) -> None:
    quiz = await door.make_quiz()
    attempt = (await door.ask("POST", f"/quizzes/{quiz['id']}/attempts", "learner")).json()["data"]
    path = f"/attempts/{attempt['id']}/answers"
    assert (await door.ask("PUT", path, "learner", json=answers)).status_code == 422


# What each kind of caller gets: the code for a quiz that is there. `visitor` sees the course and
# has not enrolled, `elsewhere` teaches another one.
DOORS: dict[tuple[str, str], dict[str, int]] = {
    ("POST", "/lectures/{lecture_id}/quiz"): {"visitor": 403, "learner": 403, "instructor": 409},
    ("GET", "/lectures/{lecture_id}/quiz"): {"visitor": 200, "learner": 200, "instructor": 200},
    ("GET", "/quizzes/{quiz_id}"): {"visitor": 200, "learner": 200, "instructor": 200},
    ("PATCH", "/quizzes/{quiz_id}"): {"visitor": 403, "learner": 403, "instructor": 200},
    ("PUT", "/quizzes/{quiz_id}/questions"): {"visitor": 403, "learner": 403, "instructor": 200},
    ("POST", "/quizzes/{quiz_id}/attempts"): {"visitor": 403, "learner": 200, "instructor": 201},
    ("GET", "/quizzes/{quiz_id}/attempts"): {"visitor": 200, "learner": 200, "instructor": 200},
    ("GET", "/attempts/{attempt_id}"): {"visitor": 404, "learner": 200, "instructor": 200},
    ("PUT", "/attempts/{attempt_id}/answers"): {"visitor": 404, "learner": 200, "instructor": 403},
    ("POST", "/attempts/{attempt_id}/submit"): {"visitor": 404, "learner": 200, "instructor": 403},
    ("DELETE", "/quizzes/{quiz_id}"): {"visitor": 403, "learner": 403, "instructor": 204},
}
BODIES: dict[str, Any] = {
    "/lectures/{lecture_id}/quiz": QUIZ,
    "/quizzes/{quiz_id}": {"title": "Changed"},
    "/quizzes/{quiz_id}/questions": {"questions": []},
    "/attempts/{attempt_id}/answers": {"answers": []},
}


def test_every_route_has_its_row() -> None:
    assert set(DOORS) == {(r.method, r.path.removeprefix(API)) for r in routes.all}


@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_each_door_lets_in_whom_it_should(door: Door, method: str, path: str) -> None:
    quiz = await door.make_quiz()
    attempt = (await door.ask("POST", f"/quizzes/{quiz['id']}/attempts", "learner")).json()["data"]
    body = BODIES.get(path) if method in ("POST", "PUT", "PATCH") else None
    here = {
        "lecture_id": door.room.lecture_id, "quiz_id": quiz["id"], "attempt_id": attempt["id"]
    }  # fmt: skip
    missing = dict.fromkeys(here, ids.new_id())
    unknown = await door.ask(method, path.format(**missing), "learner", json=body)
    assert (unknown.status_code, unknown.json()["code"]) == (404, 3001)
    nobody = await door.ask(method, path.format(**here), "nobody", json=body)
    assert nobody.status_code == 401
    malformed = await door.ask(
        method, path.format(**dict.fromkeys(here, "x")), "learner", json=body
    )
    assert malformed.status_code == 422
    if body is not None:
        wrong = await door.ask(method, path.format(**here), "instructor", json={"no": 1})
        assert wrong.status_code == 422
    for who, status in DOORS[method, path].items():
        answer = await door.ask(method, path.format(**here), who, json=body)
        assert answer.status_code == status, (who, answer.text)


async def test_what_is_not_published_does_not_exist(
    client: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    async with database.transaction() as tx:
        room = await factories.make_classroom(tx, is_published=False)
        stranger = await factories.make_visitor(tx)
    door = Door(client, room)
    door.by["instructor"] = await factories.headers_of(database, settings, room.instructor)
    door.by["stranger"] = await factories.headers_of(database, settings, stranger)
    quiz = await door.make_quiz()
    for method, path in DOORS:
        where = path.format(lecture_id=room.lecture_id, quiz_id=quiz["id"], attempt_id=ids.new_id())
        body = BODIES.get(path) if method in ("POST", "PUT", "PATCH") else None
        answer = await door.ask(method, where, "stranger", json=body)
        assert answer.status_code == 404, (method, path)
