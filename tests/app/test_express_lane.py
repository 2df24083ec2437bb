"""The express lane answers what the normal way would, over real connections.

The first request for an address goes the normal way and is remembered; a header that is not plain
makes the others take it too, so that the two answers can be compared.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from lyceum.platform.database import Database
from lyceum.platform.settings import Settings
from lyceum.platform.statements import sql
from tests.app.raw_http import Connection, same
from tests.app.servers import WebProcess, web_process
from tests.courses import factories
from tests.users import factories as users

LIST = "/api/v1/courses?perPage=20"
# Other tests change the list meanwhile.
TRIES = 10
PATIENCE_SECONDS = 10.0
LISTED = sql("SELECT listed FROM courses.catalogue_size", int)


Connect = Callable[..., Connection]


@pytest.fixture(scope="module")
def web(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    limits = {"LYCEUM_RATE_LIMITS": "on", "LYCEUM_RATE_LIMIT_GUEST": "100000"}
    with web_process(dsn, tmp_path_factory.mktemp("express"), **limits) as running:
        yield running


@pytest.fixture
async def course(database: Database) -> None:
    await factories.store_published(database)


@pytest.fixture
def connect(web: WebProcess) -> Iterator[Connect]:
    """Opens connections, to the web process unless another is named, and closes them."""
    opened: list[Connection] = []

    def open_one(to: WebProcess = web) -> Connection:
        opened.append(Connection(to))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


def _ask_again(connection: Connection) -> bytes:
    """Return the answer to a request that names the ETag of the last."""
    etag = re.search(rb'(?i)etag: ("[^"]+")', connection.get(LIST))
    assert etag
    return connection.get(LIST, f"If-None-Match: {etag[1].decode()}")


def _total(response: bytes) -> int:
    found = re.search(rb'"total":(\d+)', response)
    assert found
    return int(found[1])


async def _wait_for_listed(connection: Connection, database: Database) -> int:
    """Return how many courses the list counts, once it is what the database says."""
    listed = await database.reader().one(LISTED)
    until = time.monotonic() + PATIENCE_SECONDS
    while _total(connection.get(LIST)) != listed:
        assert time.monotonic() < until, f"another process's change was not seen: {listed} courses"
        await asyncio.sleep(0.01)
    return listed


def test_both_ways_answer_alike(connect: Connect, course: None) -> None:
    connection = connect()
    normal = express = b""
    for _ in range(TRIES):
        normal = connection.get(LIST, "X-Normal: 1")
        connection.get(LIST)
        express = connection.get(LIST)
        if same(express) == same(normal):
            break
    assert normal.startswith(b"HTTP/1.1 200 ")
    assert same(express) == same(normal)
    assert b'"data":[{' in express


def test_connections_are_kept_and_closed_as_asked(connect: Connect, course: None) -> None:
    connection = connect()
    for _ in range(3):
        assert b" 200 " in connection.get(LIST)
    last = connection.get(LIST, "Connection: close")
    assert b"connection: close" in last
    assert connection.is_closed()
    old = connect()
    assert b"connection: close" in old.get(LIST, version="1.0")
    assert old.is_closed()


def test_pipelined_requests_are_answered_in_order(connect: Connect, course: None) -> None:
    connection = connect()
    connection.get(LIST)
    line = "GET {} HTTP/1.1\r\nHost: academy.test\r\n\r\n"
    targets = [LIST, "/health", LIST, "/api/v1/courses/popular", LIST, "/nothing", LIST]
    connection.send("".join(line.format(target) for target in targets).encode())
    answers = [connection.read() for _ in targets]
    kinds = [
        "list" if b'"total"' in a else "health" if b'"uptimeSeconds"' in a else "other"
        for a in answers
    ]
    assert kinds == ["list", "health", "list", "other", "list", "other", "list"]


def test_known_bytes_are_found_only_where_a_request_begins(connect: Connect, course: None) -> None:
    connection = connect()
    known = f"GET {LIST} HTTP/1.1\r\nHost: academy.test\r\n\r\n".encode()
    for _ in range(3):
        connection.send(known)
        assert b'"total"' in connection.read()
    for sent in (known[:20], known[20:] + known + known[:-1], known[-1:]):
        connection.send(sent)
    assert all(b'"total"' in connection.read() for _ in range(3))
    body = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    connection.send(body + b"Content-Length: %d\r\n\r\n" % len(known))
    connection.send(known)  # it is the body now
    assert b" 422 " in connection.read()
    connection.send(known)
    assert b'"total"' in connection.read()
    connection.send(known.replace(LIST.encode(), b"/nothing"))
    assert b" 404 " in connection.read()
    connection.send(known.replace(LIST.encode(), b"no address"))
    assert b" 400 " in connection.read()


def test_other_methods_and_conditions_are_heeded(connect: Connect, course: None) -> None:
    connection = connect()
    head = connection.get(LIST, method="HEAD")
    assert head.endswith(b"\r\n\r\n")
    assert any(b" 304 " in _ask_again(connection) for _ in range(TRIES))
    assert b"content-encoding: gzip" in connection.get(LIST, "Accept-Encoding: gzip")
    assert b" 401 " in connection.get("/api/v1/me", "Authorization: Bearer x")
    assert b" 200 " in connection.get(LIST)


async def test_a_change_by_the_same_process_is_seen_by_the_next_request(
    web: WebProcess, connect: Connect, database: Database, settings: Settings, course: None
) -> None:
    owner = await users.store_user(database, roles=("instructor",))
    async with database.transaction() as tx:
        course_id = await factories.make_course(tx, users.actor_of(owner))
        await factories.make_outline(tx, users.actor_of(owner), course_id)
    token = (await users.open_session(database, settings, owner)).access_token
    connection = connect()
    before = await _wait_for_listed(connection, database)
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}) as client:
        published = await client.post(f"{web.url}/api/v1/courses/{course_id}/publish")
    assert published.status_code == 200, published.text
    assert _total(connection.get(LIST)) == before + 1


async def test_a_change_by_another_process_is_seen(connect: Connect, database: Database) -> None:
    connection = connect()
    before = await _wait_for_listed(connection, database)
    await factories.store_published(database)
    assert await _wait_for_listed(connection, database) == before + 1


def test_the_lane_counts_against_the_limit(
    dsn: str, tmp_path: Path, course: None, connect: Connect
) -> None:
    limits = {"LYCEUM_RATE_LIMITS": "on", "LYCEUM_RATE_LIMIT_GUEST": "5"}
    with web_process(dsn, tmp_path / "limited", **limits) as limited:
        connection = connect(limited)
        statuses = [connection.get(LIST).split(b" ")[1] for _ in range(7)]
        assert statuses == [b"200"] * 5 + [b"429"] * 2
        refused = connection.get(LIST)
        assert re.search(rb"(?i)retry-after: \d+", refused)
        assert b'"code":5004' in refused
