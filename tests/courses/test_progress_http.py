"""The door of progress: who is let in, what is refused, what the answers look like."""

from typing import Any

import httpx
import pytest

from lyceum.platform import ids
from lyceum.platform.database import Database
from tests.courses.conftest import SignIn
from tests.courses.learning import Taught, enrol, learn, rows, teach
from tests.users.factories import actor_of, store_user


def path_of(course: Taught, end: str = "") -> str:
    return f"/api/v1/courses/{course.id}/progress{end}"


async def test_an_update_answers_with_the_state(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    headers = await sign_in(await learn(database, course))
    body = {
        "lectureId": str(course.lectures[0]),
        "completed": True,
        "timeSpentSeconds": 3,
        "positionSeconds": 12,
        "playedSegments": [[0, 30], [40, 50]],
    }
    answer = await client.put(path_of(course), json=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    data = answer.json()["data"]
    assert data["lecture"].pop("completedAt") is not None
    assert data == {
        "progressPercent": 25,
        "completedLectures": 1,
        "totalLectures": 4,
        "timeSpentSeconds": 3,
        "isCourseCompleted": False,
        "lecture": {
            "lectureId": str(course.lectures[0]),
            "isCompleted": True,
            "positionSeconds": 12,
            "timeSpentSeconds": 3,
        },
        "nextLectureId": str(course.lectures[1]),
    }
    shown = (await client.get(path_of(course), headers=headers)).json()["data"]
    assert (shown["progressPercent"], shown["status"]) == (25, "active")
    assert shown["lectures"][0]["positionSeconds"] == 12
    assert [lecture["lectureId"] for lecture in shown["lectures"]] == [
        str(lecture) for lecture in course.lectures
    ]


async def test_every_answer_names_the_same_next_lecture(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database, *["text"] * 6)
    headers = await sign_in(await learn(database, course))
    recorded = None
    for number, completed in ((3, False), (3, True), (4, True), (0, True), (5, True), (1, True)):
        body = {"lectureId": str(course.lectures[number]), "completed": completed}
        answer = await client.put(path_of(course), json=body, headers=headers)
        recorded = answer.json()["data"]["nextLectureId"]
        shown = (await client.get(path_of(course), headers=headers)).json()["data"]
        detail = (await client.get(f"/api/v1/courses/{course.id}", headers=headers)).json()["data"]
        (mine,) = (await client.get("/api/v1/me/enrollments", headers=headers)).json()["data"]
        viewer = detail["viewer"]
        assert {shown["nextLectureId"], viewer["nextLectureId"], mine["nextLectureId"]} == {
            recorded
        }
        assert shown["progressPercent"] == viewer["enrolment"]["progressPercent"]
    assert recorded == str(course.lectures[2])


async def test_the_door_of_progress(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course, draft = await teach(database), await teach(database, is_published=False)
    learner = await sign_in(await learn(database, course))
    stranger = await sign_in(actor_of(await store_user(database)))
    update = {"lectureId": str(course.lectures[0]), "completed": True}
    batch = {"items": [update]}
    for method, end, body in (("GET", "", None), ("PUT", "", update), ("POST", "/bulk", batch)):
        path = path_of(course, end)
        assert (await client.request(method, path, json=body)).status_code == 401
        for unseen in (draft.id, ids.new_id()):
            hidden = f"/api/v1/courses/{unseen}/progress{end}"
            answer = await client.request(method, hidden, json=body, headers=stranger)
            assert (answer.status_code, answer.json()["code"]) == (404, 3001)
        refused = await client.request(method, path, json=body, headers=stranger)
        assert (refused.status_code, refused.json()["code"]) == (403, 6134)
        allowed = await client.request(method, path, json=body, headers=learner)
        assert allowed.status_code == 200
        wrong = f"/api/v1/courses/x/progress{end}"
        assert (await client.request(method, wrong, json=body, headers=learner)).status_code == 422
    progressed = await rows(database, _PROGRESS, draft.id)
    assert progressed == []


WRONG: tuple[dict[str, Any], ...] = (
    {"lectureId": "no-id"},
    {"lectureId": None},
    {"completed": "true"},
    {"completed": 1},
    {"timeSpentSeconds": -1},
    {"timeSpentSeconds": 86_401},
    {"timeSpentSeconds": 1.5},
    {"timeSpentSeconds": True},
    {"positionSeconds": -1},
    {"positionSeconds": 1_000_001},
    {"positionSeconds": 2**63},
    {"positionSeconds": "5"},
    {"playedSegments": [[0, 30, 40]]},
    {"playedSegments": [[30, 0]]},
    {"playedSegments": [[-1, 4]]},
    {"playedSegments": [[0, 1]] * 101},
    {"playedSegments": {"0": 30}},
    {"userId": str(ids.new_id())},
    {"progressPercent": 100},
)


async def test_wrong_updates_are_refused_and_change_nothing(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    headers = await sign_in(await learn(database, course))
    right = {"lectureId": str(course.lectures[0])}
    bodies: list[Any] = [right | wrong for wrong in WRONG]
    bodies += [{}, [], 7, {"lectureId": str(ids.new_id())}]
    for body in bodies:
        answer = await client.put(path_of(course), json=body, headers=headers)
        assert (answer.status_code, body) == (422, body)
        assert answer.headers["content-type"] == "application/problem+json"
    items: list[Any] = [right | wrong for wrong in WRONG]
    items += [right | {"recordedAt": "yesterday"}, right | {"recordedAt": "2026-01-01T00:00:00"}]
    for item in items:
        batch = {"items": [right, item]}
        answer = await client.post(path_of(course, "/bulk"), json=batch, headers=headers)
        assert (answer.status_code, item) == (422, item)
    for batch in ({"items": []}, {"items": [right] * 501}, {}):
        answer = await client.post(path_of(course, "/bulk"), json=batch, headers=headers)
        assert answer.status_code == 422
    assert await rows(database, _PROGRESS, course.id) == []


@pytest.mark.parametrize(
    "raw",
    [
        b'{"lectureId": "%s", "lectureId": "%s"}',
        b'{"lectureId": "%s", "positionSeconds": NaN}',
        b'{"lectureId": "%s", "positionSeconds": 1e400}',
        b'{"lectureId": "%s"',
        b"\xff",
        b"",
    ],
)
async def test_what_is_no_json_is_refused(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database, raw: bytes
) -> None:
    course = await teach(database)
    headers = await sign_in(await learn(database, course))
    body = raw.replace(b"%s", str(course.lectures[0]).encode())
    typed = {**headers, "content-type": "application/json"}
    answer = await client.put(path_of(course), content=body, headers=typed)
    assert answer.status_code == 422
    plain = {**headers, "content-type": "text/plain"}
    assert (await client.put(path_of(course), content=body, headers=plain)).status_code == 415


async def test_a_quiz_is_refused_with_the_reason(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database, "text", "quiz")
    headers = await sign_in(await learn(database, course))
    quiz = {"lectureId": str(course.lectures[1]), "completed": True}
    answer = await client.put(path_of(course), json=quiz, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, 6135)
    text = {"lectureId": str(course.lectures[0]), "completed": True}
    batch = {"items": [text, quiz]}
    refused = await client.post(path_of(course, "/bulk"), json=batch, headers=headers)
    assert (refused.status_code, refused.json()["pointer"]) == (409, "/items/1/lectureId")
    assert await rows(database, _PROGRESS, course.id) == []


async def test_500_items_are_one_batch(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    account = await store_user(database)
    await enrol(database, actor_of(account), course.id)
    headers = await sign_in(actor_of(account))
    items = [
        {
            "lectureId": str(course.lectures[number % 4]),
            "completed": True,
            "positionSeconds": number,
            "recordedAt": f"2026-01-01T00:{number // 60:02}:{number % 60:02}+02:00",
        }
        for number in range(500)
    ]
    answer = await client.post(path_of(course, "/bulk"), json={"items": items}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "progressPercent": 100,
        "completedLectures": 4,
        "totalLectures": 4,
        "timeSpentSeconds": 0,
        "isCourseCompleted": True,
        "nextLectureId": None,
    }
    again = await client.post(path_of(course, "/bulk"), json={"items": items}, headers=headers)
    assert again.json()["data"] == answer.json()["data"]


_PROGRESS = """
    SELECT p.* FROM courses.lecture_progress p JOIN courses.enrolments e ON e.id = p.enrolment_id
    WHERE e.course_id = $1
"""
