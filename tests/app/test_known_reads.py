"""Known reads answer what the normal way would, over real connections.

A header that is not plain makes a request take the normal way, so that two answers can be compared.
"""

import asyncio
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import pytest

from lyceum.courses.service import courses
from lyceum.platform.database import Database
from lyceum.platform.settings import Settings
from tests.app.raw_http import Connection, same
from tests.app.servers import WebProcess, web_process
from tests.courses import factories
from tests.courses.factories import Outline
from tests.users import factories as users

pytestmark = pytest.mark.embedded

NORMAL = "X-Normal: 1"


class Learner(msgspec.Struct, frozen=True):
    """Somebody enrolled in a course, and the header that says so."""

    user_id: UUID
    outline: Outline
    header: str

    @property
    def address(self) -> str:
        """Where the course is shown."""
        return f"/api/v1/courses/{self.outline.course_id}"


@pytest.fixture(scope="module")
def web(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    limits = {"LYCEUM_RATE_LIMITS": "on", "LYCEUM_RATE_LIMIT_GUEST": "100000"}
    with web_process(dsn, tmp_path_factory.mktemp("known"), **limits) as running:
        yield running


async def _enrol(database: Database, settings: Settings) -> Learner:
    outline = await factories.store_published(database)
    account = await users.store_user(database)
    async with database.transaction() as tx:
        await factories.enrol(tx, outline.course_id, users.actor_of(account))
    signed_in = await users.open_session(database, settings, account)
    header = f"Authorization: Bearer {signed_in.access_token}"
    return Learner(account.id, outline, header)


@pytest.fixture
async def learner(database: Database, settings: Settings) -> Learner:
    return await _enrol(database, settings)


def _status(response: bytes) -> int:
    return int(response.split(b" ")[1])


def _viewer(response: bytes) -> dict[str, object]:
    data = msgspec.json.decode(response.partition(b"\r\n\r\n")[2])["data"]
    viewer: dict[str, object] = data["viewer"]
    return viewer


def test_both_ways_answer_somebody_alike(connection: Connection, learner: Learner) -> None:
    normal = connection.get(learner.address, learner.header, NORMAL)
    assert _status(normal) == 200
    for _ in range(3):
        assert same(connection.get(learner.address, learner.header)) == same(normal)
    assert b'"viewer":{"role":"learner"' in normal


def test_both_ways_answer_a_guest_alike_without_a_cache(
    dsn: str, tmp_path: Path, learner: Learner
) -> None:
    with web_process(dsn, tmp_path / "uncached", LYCEUM_CACHE_BYTES="0") as uncached:
        connection = Connection(uncached)
        for address in (learner.address, "/api/v1/courses?sort=price&perPage=3&page=1"):
            normal = connection.get(address, NORMAL)
            assert _status(normal) == 200
            for _ in range(3):
                assert same(connection.get(address)) == same(normal)
        connection.close()


async def test_what_is_recorded_is_seen_by_the_next_request(
    web: WebProcess, connection: Connection, learner: Learner
) -> None:
    for _ in range(3):
        seen = _viewer(connection.get(learner.address, learner.header))
        assert seen["completedLectureIds"] == []
    before = connection.get(learner.address, learner.header)
    etag = re.findall(rb'etag: ("[^"]+")', before)[0].decode()
    lecture = str(learner.outline.lectures[0].id)
    name, _, value = learner.header.partition(": ")
    async with httpx.AsyncClient(headers={name: value}) as client:
        done = await client.put(
            f"{web.url}{learner.address}/progress", json={"lectureId": lecture, "completed": True}
        )
    assert done.status_code == 200, done.text
    for condition in ((), (f"If-None-Match: {etag}",)):
        seen = _viewer(connection.get(learner.address, learner.header, *condition))
        assert seen["completedLectureIds"] == [lecture]


async def test_many_at_once_are_each_shown_their_own(
    database: Database, settings: Settings, web: WebProcess
) -> None:
    learners = [await _enrol(database, settings) for _ in range(12)]
    connections = [Connection(web) for _ in learners]
    request = "GET {} HTTP/1.1\r\nHost: academy.test\r\n{}\r\n\r\n"
    for _ in range(4):
        for connection, learner in zip(connections, learners, strict=True):
            connection.send(request.format(learner.address, learner.header).encode())
        for connection, learner in zip(connections, learners, strict=True):
            answer = connection.read()
            assert str(learner.outline.course_id).encode() in answer
            assert _viewer(answer)["role"] == "learner"
    for connection in connections:
        connection.close()


async def test_a_session_that_ends_is_seen_by_the_next_request(
    web: WebProcess, connection: Connection, learner: Learner
) -> None:
    for _ in range(3):
        assert _status(connection.get(learner.address, learner.header)) == 200
    name, _, value = learner.header.partition(": ")
    async with httpx.AsyncClient(headers={name: value}) as client:
        left = await client.post(f"{web.url}/api/v1/auth/logout", json={})
    assert left.status_code == 204, left.text
    refused = connection.get(learner.address, learner.header)
    assert _status(refused) == 401
    assert b'"code":1' in refused


async def test_a_course_that_goes_away_is_a_problem_like_any_other(
    connection: Connection, learner: Learner, database: Database
) -> None:
    for _ in range(3):
        assert _status(connection.get(learner.address, learner.header)) == 200
    async with database.transaction() as tx:
        owner = await factories.make_person(tx, "admin")
        await courses.delete_course(tx, owner, str(learner.outline.course_id), None)
    gone = connection.get(learner.address, learner.header)
    for _ in range(100):
        if _status(gone) == 200:
            await asyncio.sleep(0.02)
            gone = connection.get(learner.address, learner.header)
    assert _status(gone) == 404
    normal = connection.get(learner.address, learner.header, NORMAL)
    assert same(gone) == same(normal)
    assert b"application/problem+json" in gone


def test_pipelined_requests_are_answered_in_order(connection: Connection, learner: Learner) -> None:
    for _ in range(2):
        connection.get(learner.address, learner.header)
    line = f"GET {{}} HTTP/1.1\r\nHost: academy.test\r\n{learner.header}\r\n\r\n"
    targets = [learner.address, "/api/v1/me", learner.address, learner.address, "/nothing"] * 3
    connection.send("".join(line.format(target) for target in targets).encode())
    answers = [connection.read() for _ in targets]
    kinds = ["course" if b'"viewer"' in a else str(_status(a)) for a in answers]
    assert kinds == ["course", "200", "course", "course", "404"] * 3


def test_other_methods_and_conditions_are_heeded(connection: Connection, learner: Learner) -> None:
    known = connection.get(learner.address, learner.header)
    assert _status(connection.get(learner.address, learner.header)) == 200
    etag = re.findall(rb'etag: ("[^"]+")', known)[0].decode()
    same_tag = f"If-None-Match: {etag}"
    assert _status(connection.get(learner.address, learner.header, same_tag)) == 304
    head = connection.get(learner.address, learner.header, method="HEAD")
    assert head.endswith(b"\r\n\r\n")
    squeezed = connection.get(learner.address, learner.header, "Accept-Encoding: gzip")
    assert b"content-encoding: gzip" in squeezed
    assert _status(connection.get(learner.address, "Authorization: Bearer nonsense")) == 401
    assert _status(connection.get(learner.address, "Authorization: Basic bm8=")) == 401
    assert b'"viewer"' not in connection.get(learner.address)


def test_connections_are_closed_as_asked(connection: Connection, learner: Learner) -> None:
    for _ in range(3):
        connection.get(learner.address, learner.header)
    last = connection.get(learner.address, learner.header, "Connection: close")
    assert b"connection: close" in last
    assert _status(last) == 200
    assert connection.is_closed()


def test_who_hangs_up_in_the_middle_leaves_the_others_alone(
    web: WebProcess, connection: Connection, learner: Learner
) -> None:
    connection.get(learner.address, learner.header)
    request = f"GET {learner.address} HTTP/1.1\r\nHost: academy.test\r\n{learner.header}\r\n\r\n"
    for _ in range(20):
        hasty = Connection(web)
        hasty.send(request.encode())
        hasty.close()
    assert _status(connection.get(learner.address, learner.header)) == 200


def test_known_reads_count_against_the_limit(dsn: str, tmp_path: Path, learner: Learner) -> None:
    limits = {"LYCEUM_RATE_LIMITS": "on", "LYCEUM_RATE_LIMIT_SIGNED_IN": "6"}
    with web_process(dsn, tmp_path / "limited", **limits) as limited:
        connection = Connection(limited)
        answers = [connection.get(learner.address, learner.header) for _ in range(8)]
        connection.close()
    assert [_status(answer) for answer in answers] == [200] * 6 + [429] * 2
    left = [int(re.findall(rb"ratelimit-remaining: (\d+)", answer)[0]) for answer in answers[:6]]
    assert left == [5, 4, 3, 2, 1, 0]
    assert re.search(rb"retry-after: \d+", answers[7])


def test_they_are_logged_with_their_trace_before_the_process_ends(
    dsn: str, tmp_path: Path, learner: Learner
) -> None:
    with web_process(dsn, tmp_path / "logged") as logged:
        connection = Connection(logged)
        answers = [connection.get(learner.address, learner.header) for _ in range(5)]
        connection.close()
        logged.process.send_signal(signal.SIGTERM)
        logged.process.wait(40)
    answer = answers[-1]
    wanted = re.findall(rb'"requestId":"([^"]+)"', answer)[0].decode()
    lines = [msgspec.json.decode(line) for line in logged.log.read_bytes().splitlines()]
    mine = [line for line in lines if line.get("request_id") == wanted]
    assert len(mine) == 1
    assert re.fullmatch("[0-9a-f]{32}", mine[0]["trace_id"])
    assert mine[0]["actor_id"] == str(learner.user_id)
    assert mine[0]["status"] == 200
    assert mine[0]["bytes"] == len(answer.partition(b"\r\n\r\n")[2])
    assert sum(line.get("path") == learner.address for line in lines) == 5
