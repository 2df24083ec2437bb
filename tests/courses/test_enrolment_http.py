"""The door of enrolment: who is let in, and what the answers look like."""

from typing import Any

import httpx
import msgspec

from lyceum.courses.schemas.enrolment import MyEnrolment
from lyceum.courses.service import courses
from lyceum.platform import ids
from lyceum.platform.database import Database
from tests.courses.conftest import SignIn
from tests.courses.learning import counters, enrol, learn, teach
from tests.users.factories import actor_of, store_user


class OwnEnrolments(msgspec.Struct):
    """What the document promises of the list of one's courses."""

    data: list[MyEnrolment]


async def test_enrolling_answers_with_the_enrolment(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    account = await store_user(database)
    headers = await sign_in(actor_of(account))
    answer = await client.post(f"/api/v1/courses/{course.id}/enroll", headers=headers)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/courses/{course.id}/progress"
    assert answer.headers["etag"] == '"v1"'
    data = answer.json()["data"]
    assert data | {"id": 0, "enrolledAt": 0} == {
        "id": 0,
        "courseId": str(course.id),
        "userId": str(account.id),
        "status": "active",
        "source": "self",
        "enrolledAt": 0,
        "completedAt": None,
        "completedLectures": 0,
        "progressPercent": 0,
    }
    again = await client.post(f"/api/v1/courses/{course.id}/enroll", headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, 6130)


async def test_enrolling_with_an_idempotency_key_is_repeated_safely(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    headers = await sign_in(actor_of(await store_user(database)))
    headers["idempotency-key"] = "first-and-only"
    path = f"/api/v1/courses/{course.id}/enroll"
    first = await client.post(path, headers=headers)
    second = await client.post(path, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["idempotency-replayed"] == "true"
    assert second.content == first.content
    assert await counters(database, course.id) == (1, 1, 1)


async def test_refusals_are_problems_with_their_facts(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    headers = await sign_in(actor_of(await store_user(database)))
    full = await teach(database, seats=1)
    await learn(database, full)
    answer = await client.post(f"/api/v1/courses/{full.id}/enroll", headers=headers)
    problem = answer.json()
    assert answer.status_code == 409
    assert (problem["type"], problem["code"], problem["seats"]) == (
        "/problems/seat-limit-reached",
        6131,
        1,
    )


async def test_the_door_of_enrolling(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    draft = await teach(database, is_published=False)
    headers = await sign_in(actor_of(await store_user(database)))
    for method in ("POST", "DELETE"):
        path = f"/api/v1/courses/{course.id}/enroll"
        assert (await client.request(method, path)).status_code == 401
        missing = [
            await client.request(method, f"/api/v1/courses/{unseen}/enroll", headers=headers)
            for unseen in (draft.id, ids.new_id())
        ]
        assert [answer.status_code for answer in missing] == [404, 404]
        assert _without_traces(missing[0]) == _without_traces(missing[1])
        bad = await client.request(method, "/api/v1/courses/not-an-id/enroll", headers=headers)
        assert bad.status_code == 422
        done = await client.request(method, path, headers=headers)
        assert done.status_code == {"POST": 201, "DELETE": 204}[method]
    gone = await client.delete(f"/api/v1/courses/{course.id}/enroll", headers=headers)
    assert gone.status_code == 404
    assert await counters(database, course.id) == (0, 0, 0)


async def test_leaving_heeds_if_match(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    headers = await sign_in(actor_of(await store_user(database)))
    path = f"/api/v1/courses/{course.id}/enroll"
    etag = (await client.post(path, headers=headers)).headers["etag"]
    stale = await client.delete(path, headers={**headers, "if-match": '"v99"'})
    assert stale.status_code == 412
    assert (await client.delete(path, headers={**headers, "if-match": etag})).status_code == 204


async def test_the_door_of_the_list_of_learners(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    draft = await teach(database, is_published=False)
    path = f"/api/v1/courses/{course.id}/enrollments"
    learner = await store_user(database)
    await enrol(database, actor_of(learner), course.id)
    stranger = await sign_in(actor_of(await store_user(database, roles=("instructor",))))
    manager = await sign_in(actor_of(await store_user(database, roles=("manager",))))
    assert (await client.get(path)).status_code == 401
    unseen = f"/api/v1/courses/{draft.id}/enrollments"
    assert (await client.get(unseen, headers=stranger)).status_code == 404
    for outsider in (stranger, await sign_in(actor_of(learner))):
        refused = await client.get(path, headers=outsider)
        assert (refused.status_code, refused.json()["code"]) == (403, 1005)
    assert (await client.get(f"{path}?perPage=0", headers=manager)).status_code == 422
    assert (await client.get(f"{path}?cursor=forged", headers=manager)).status_code == 422
    allowed = await client.get(path, headers=manager)
    assert allowed.status_code == 200
    (shown,) = allowed.json()["data"]
    assert shown["userId"] == str(learner.id)
    assert (shown["displayName"], shown["status"]) == ("Ada Lovelace", "active")
    assert "email" not in shown


async def test_learners_come_in_pages_each_once(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    learners = [await learn(database, course) for _ in range(5)]
    manager = await sign_in(actor_of(await store_user(database, roles=("manager",))))
    seen: list[str] = []
    path = f"/api/v1/courses/{course.id}/enrollments"
    cursor: str | None = None
    for _ in range(4):
        params: dict[str, Any] = {"perPage": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(path, headers=manager, params=params)).json()
        seen += [row["userId"] for row in page["data"]]
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            break
    assert seen == [str(learner.user_id) for learner in reversed(learners)]


async def test_the_door_of_enrolling_somebody(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database)
    draft = await teach(database, is_published=False)
    path = f"/api/v1/courses/{course.id}/enrollments"
    learner = await store_user(database)
    student = await sign_in(actor_of(learner))
    other = await sign_in(actor_of(await store_user(database, roles=("instructor",))))
    manager = await sign_in(actor_of(await store_user(database, roles=("manager",))))
    body = {"userId": str(learner.id)}
    assert (await client.post(path, json=body)).status_code == 401
    unseen = f"/api/v1/courses/{draft.id}/enrollments"
    assert (await client.post(unseen, json=body, headers=other)).status_code == 404
    for outsider in (student, other):
        assert (await client.post(path, json=body, headers=outsider)).status_code == 403
    wrong: tuple[Any, ...] = ({}, {"userId": 1}, {"email": "x"}, body | {"role": "org_admin"}, [])
    for bad in wrong:
        assert (await client.post(path, json=bad, headers=manager)).status_code == 422
    assert await counters(database, course.id) == (0, 0, 0)
    done = await client.post(path, json=body, headers=manager)
    assert (done.status_code, done.json()["data"]["source"]) == (201, "staff")
    assert (await client.post(path, json=body, headers=manager)).status_code == 409


async def test_my_enrolments_show_where_to_go_on(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    account = await store_user(database)
    learner = actor_of(account)
    older, newer, left = [await teach(database) for _ in range(3)]
    for course in (older, newer, left):
        await enrol(database, learner, course.id)
    headers = await sign_in(actor_of(account))
    await client.delete(f"/api/v1/courses/{left.id}/enroll", headers=headers)
    first = {"lectureId": str(older.lectures[0]), "completed": True}
    await client.put(f"/api/v1/courses/{older.id}/progress", json=first, headers=headers)
    assert (await client.get("/api/v1/me/enrollments")).status_code == 401
    assert (await client.get("/api/v1/me/enrollments?page=0", headers=headers)).status_code == 422
    answer = await client.get("/api/v1/me/enrollments", headers=headers)
    assert len(msgspec.json.decode(answer.content, type=OwnEnrolments).data) == 2
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.json()["meta"]["total"] == 2
    begun, untouched = answer.json()["data"]
    assert begun["course"]["id"] == str(older.id)
    assert begun["course"]["title"] == "Rivers and tides"
    assert (begun["progressPercent"], begun["completedLectures"], begun["totalLectures"]) == (
        25,
        1,
        4,
    )
    assert begun["lastLectureId"] == str(older.lectures[0])
    assert begun["nextLectureId"] == str(older.lectures[1])
    assert untouched["course"]["id"] == str(newer.id)
    assert (untouched["lastLectureId"], untouched["nextLectureId"]) == (
        None,
        str(newer.lectures[0]),
    )
    second = await client.get("/api/v1/me/enrollments?page=2&perPage=1", headers=headers)
    assert [row["id"] for row in second.json()["data"]] == [untouched["id"]]
    beyond = await client.get("/api/v1/me/enrollments?page=9", headers=headers)
    assert (beyond.json()["data"], beyond.json()["meta"]["total"]) == ([], 2)


async def test_a_course_that_was_deleted_is_no_enrolment_of_mine(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    account = await store_user(database)
    course = await teach(database)
    await enrol(database, actor_of(account), course.id)
    async with database.transaction() as tx:
        await courses.delete_course(tx, course.owner, str(course.id), None)
    answer = await client.get("/api/v1/me/enrollments", headers=await sign_in(actor_of(account)))
    assert answer.json()["data"] == []


async def test_what_everybody_sees_follows_at_once(
    client: httpx.AsyncClient, sign_in: SignIn, database: Database
) -> None:
    course = await teach(database, seats=3)
    headers = await sign_in(actor_of(await store_user(database)))
    seen = []
    for method in ("GET", "POST", "DELETE"):
        if method != "GET":
            await client.request(method, f"/api/v1/courses/{course.id}/enroll", headers=headers)
        shown = (await client.get(f"/api/v1/courses/{course.id}")).json()["data"]
        seen.append((shown["enrolmentCount"], shown["seatsLeft"]))
    assert seen == [(0, 3), (1, 2), (0, 3)]


def _without_traces(answer: httpx.Response) -> dict[str, Any]:
    return {k: v for k, v in answer.json().items() if k not in ("instance", "requestId")}
