"""Learners who work through a course over HTTP and remember what was acknowledged."""

import asyncio
import time
from collections.abc import Callable

import httpx
import msgspec

from lyceum.platform import ids

API = "/api/v1"
PASSWORD = "tide-over-9-lanterns"
GIVE_UP_SECONDS = 90.0
PATIENCE = (429, 502, 503, 504)
POSITION = 100
"""Where a learner stops in the first lecture; one second further in each that follows."""


class Course(msgspec.Struct):
    """A published course of lectures that are no quizzes."""

    id: str
    lectures: list[str]


class Learner(msgspec.Struct):
    """Somebody who is enrolled, what they were told is stored, and what went wrong."""

    user_id: str
    headers: dict[str, str]
    acknowledged: dict[str, int] = {}
    repeated: int = 0
    faults: list[str] = []


class Door:
    """The API of a program that may be away for a while."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=20)

    async def __aenter__(self) -> "Door":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: object = None
    ) -> tuple[httpx.Response, int]:
        """Send until there is an answer that is not about patience; return how often, too.

        A server that asks for patience has to say how much.
        """
        until, tries = time.monotonic() + GIVE_UP_SECONDS, 0
        while True:
            tries += 1
            try:
                answer = await self._client.request(
                    method, f"{API}{path}", headers=headers, json=body
                )
                if answer.status_code not in PATIENCE:
                    return answer, tries
                assert "retry-after" in answer.headers, answer.text
                trouble = answer.text
            except httpx.TransportError as problem:
                trouble = repr(problem)
            assert time.monotonic() < until, f"{method} {path} for too long: {trouble}"
            await asyncio.sleep(0.05)


async def make_course(door: Door, email: str, lectures: int) -> Course:
    """Let the instructor with that address make and publish a course."""
    headers = await sign_in(door, email)
    body: dict[str, object] = {
        "title": f"Lanterns at sea {ids.new_id().hex[-8:]}",
        "description": "<p>All that there is to know about lanterns at sea.</p>",
    }
    course_id = await _make(door, "/courses", headers, body)
    chapter = await _make(door, f"/courses/{course_id}/chapters", headers, {"title": "One"})
    made = [
        await _make(
            door,
            f"/chapters/{chapter}/lectures",
            headers,
            {
                "title": f"Lecture {number}", "type": "video", "durationSeconds": 600,
                "mediaUrl": "https://media.example/film.mp4",
            },
        )
        for number in range(lectures)
    ]  # fmt: skip
    published, _ = await door.send("POST", f"/courses/{course_id}/publish", headers)
    assert published.status_code == 200, published.text
    return Course(course_id, made)


async def _make(door: Door, path: str, headers: dict[str, str], body: dict[str, object]) -> str:
    answer, _ = await door.send("POST", path, headers, body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["data"]["id"]
    return made


async def sign_in(door: Door, email: str) -> dict[str, str]:
    """Return the header of somebody who is signed in."""
    answer, _ = await door.send("POST", "/auth/login", body={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['data']['accessToken']}"}


async def enrol_learner(door: Door, course: Course) -> Learner:
    """Register somebody and enrol them."""
    email = f"l{ids.new_id().hex}@people.example"
    body = {"email": email, "password": PASSWORD, "firstName": "Lea", "lastName": "Learner"}
    made, _ = await door.send("POST", "/auth/register", body=body)
    assert made.status_code == 201, made.text
    headers = await sign_in(door, email)
    enrolled, _ = await door.send("POST", f"/courses/{course.id}/enroll", headers)
    assert enrolled.status_code == 201, enrolled.text
    return Learner(made.json()["data"]["id"], headers)


async def work_through(
    door: Door, course: Course, learner: Learner, acknowledge: Callable[[], None]
) -> None:
    """Complete every lecture, one after the other, each until it is acknowledged."""
    for number, lecture in enumerate(course.lectures):
        body = {
            "lectureId": lecture, "completed": True, "positionSeconds": POSITION + number,
            "timeSpentSeconds": 1,
        }  # fmt: skip
        answer, tries = await door.send(
            "PUT", f"/courses/{course.id}/progress", learner.headers, body
        )
        learner.repeated += tries - 1
        if answer.status_code == 200:
            learner.acknowledged[lecture] = POSITION + number
            acknowledge()
        else:
            learner.faults.append(f"progress: {answer.status_code} {answer.text[:300]}")


async def find_losses(door: Door, course: Course, learner: Learner) -> list[str]:
    """Compare what is stored with what was acknowledged; return what is missing or wrong."""
    answer, _ = await door.send("GET", f"/courses/{course.id}/progress", learner.headers)
    if answer.status_code != 200:
        return [f"no progress: {answer.status_code} {answer.text[:300]}"]
    state = answer.json()["data"]
    stored = {
        each["lectureId"]: each["positionSeconds"]
        for each in state["lectures"]
        if each["isCompleted"]
    }
    found = [
        f"lecture {lecture}: acknowledged at {position}, stored {stored.get(lecture)}"
        for lecture, position in learner.acknowledged.items()
        if stored.get(lecture) != position
    ]
    percent = 100 * len(stored) // len(course.lectures)
    if state["progressPercent"] != percent or state["completedLectures"] != len(stored):
        found.append(f"{state['progressPercent']} % with {len(stored)} lectures complete")
    return found
