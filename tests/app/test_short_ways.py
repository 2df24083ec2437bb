"""The short ways answer browsers, and clients behind a proxy, as the normal way does.

A header that is not plain makes a request take the normal way. The end of a body that a short way
has compressed can be read as it is.
"""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import brotli
import httpx
import pytest
import zstandard

from lyceum.platform.database import Database
from lyceum.platform.edge import Edge
from lyceum.platform.settings import Settings
from tests.app.raw_http import Connection, same
from tests.app.servers import WebProcess, web_process
from tests.courses import factories
from tests.users import factories as users

pytestmark = pytest.mark.embedded

NORMAL = "X-Normal: 1"
FRONT_END = "https://front.test"
BROWSER = (
    'sec-ch-ua: "Chromium";v="140"',
    "User-Agent: Mozilla/5.0",
    "Accept: application/json",
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Mode: cors",
    "Referer: https://front.test/",
    "Cache-Control: no-cache",
)
CODINGS = ("gzip", "br", "zstd")


@pytest.fixture(scope="module")
def web(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    options = {
        "LYCEUM_RATE_LIMITS": "on",
        "LYCEUM_RATE_LIMIT_GUEST": "100000",
        "LYCEUM_CORS_ORIGINS": FRONT_END,
    }
    with web_process(dsn, tmp_path_factory.mktemp("short"), **options) as running:
        yield running


@pytest.fixture
async def course(database: Database) -> str:
    """The address of a course whose outline is worth compressing."""
    outline = await factories.store_published(database)
    return f"/api/v1/courses/{outline.course_id}"


@pytest.fixture
async def signed_in(database: Database, settings: Settings) -> str:
    account = await users.store_user(database)
    opened = await users.open_session(database, settings, account)
    return f"Authorization: Bearer {opened.access_token}"


def _unpacked(response: bytes, coding: str) -> tuple[set[bytes], bytes]:
    """Return what of a response must be the same, its body unpacked."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert f"content-encoding: {coding}".encode() in head
    if coding == "gzip":
        plain = gzip.decompress(body)
    elif coding == "br":
        plain = brotli.decompress(body)
    else:
        plain = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    head = re.sub(rb"(?i)content-length: \d+", b"", head)
    return same(head + b"\r\n\r\n" + plain)


def _went_short(response: bytes) -> bool:
    return b'"requestId":"' in response.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_learner_in_a_browser_is_answered_alike(
    connection: Connection, course: str, signed_in: str, coding: str
) -> None:
    headers = (*BROWSER, f"Accept-Encoding: {coding}", f"Origin: {FRONT_END}", signed_in)
    normal = connection.get(course, *headers, NORMAL)
    assert not _went_short(normal)
    assert b"access-control-allow-origin: https://front.test" in normal
    connection.get(course, *headers)
    for _ in range(3):
        short = connection.get(course, *headers)
        assert _went_short(short)
        assert _unpacked(short, coding) == _unpacked(normal, coding)
        assert b'"viewer":{' in _unpacked(short, coding)[1]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_guest_in_a_browser_is_answered_alike(
    connection: Connection, course: str, coding: str
) -> None:
    headers = (*BROWSER, f"Accept-Encoding: {coding}", f"Origin: {FRONT_END}")
    normal = connection.get(course, *headers, NORMAL)
    connection.get(course, *headers)
    for _ in range(3):
        short = connection.get(course, *headers)
        assert _went_short(short)
        assert _unpacked(short, coding) == _unpacked(normal, coding)


def test_what_was_learned_of_one_client_is_not_told_another(
    connection: Connection, course: str, signed_in: str
) -> None:
    variants = [
        headers
        for who in ((), (signed_in,))
        for coding in ((), ("Accept-Encoding: gzip",), ("Accept-Encoding: zstd",))
        for origin in ((), (f"Origin: {FRONT_END}",), ("Origin: https://elsewhere.test",))
        for headers in [(*who, *coding, *origin)]
    ]
    expected = [_comparable(connection.get(course, *headers, NORMAL)) for headers in variants]
    for _ in range(3):
        for headers, wanted in zip(variants, expected, strict=True):
            assert _comparable(connection.get(course, *headers)) == wanted


def _comparable(response: bytes) -> tuple[set[bytes], bytes]:
    coding = re.search(rb"content-encoding: (\w+)", response)
    return _unpacked(response, coding[1].decode()) if coding else same(response)


@pytest.mark.parametrize("coding", ["", "zstd"])
@pytest.mark.parametrize("is_guest", [True, False], ids=["guest", "learner"])
def test_who_has_an_answer_is_told_so_alike(
    connection: Connection, course: str, signed_in: str, is_guest: bool, coding: str
) -> None:
    headers = [f"Origin: {FRONT_END}", f"Accept-Encoding: {coding}"]
    headers += [] if is_guest else [signed_in]
    first = connection.get(course, *headers)
    found = re.search(rb'etag: (?:W/)?("[^"]+")', first)
    assert found
    etag = found[1].decode()
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        condition = f"If-None-Match: {tags}"
        normal = connection.get(course, *headers, condition, NORMAL)
        assert normal.startswith(b"HTTP/1.1 304 ")
        assert b"vary: Accept-Encoding" in normal
        for _ in range(3):
            assert same(connection.get(course, *headers, condition)) == same(normal)
    for tags in ('"other"', etag.strip('"'), "", "W/", ","):
        condition = f"If-None-Match: {tags}"
        normal = connection.get(course, *headers, condition, NORMAL)
        assert normal.startswith(b"HTTP/1.1 200 ")
        for _ in range(3):
            short = connection.get(course, *headers, condition)
            assert _comparable(short) == _comparable(normal)


async def test_conditions_and_the_cookies_of_others_take_a_short_way(
    app: Edge, client: httpx.AsyncClient, course: str
) -> None:
    answer = await client.get(course)
    known = (b"if-none-match", answer.headers["etag"].encode())
    other = (b"cookie", b"_ga=GA1.2; theme=dark")
    somebody = ("192.0.2.1", 40_000)
    for headers, status in (([known], b"304"), ([other], b"200"), ([other, known], b"304")):
        made = app.straight(course.encode(), headers, somebody)
        assert isinstance(made, tuple)
        assert bytes(made[0]).startswith(b"HTTP/1.1 %b " % status)
    session = (b"cookie", b"_ga=GA1.2; lyceum_session=abc")
    assert app.straight(course.encode(), [session], somebody) is None


async def test_a_session_in_a_cookie_is_seen(
    web: WebProcess, connection: Connection, course: str, database: Database
) -> None:
    account = await users.store_user(database)
    for _ in range(2):
        assert b'"viewer"' not in connection.get(course, "Cookie: _ga=GA1.2")
    async with httpx.AsyncClient(headers={"origin": FRONT_END}) as client:
        opened = await client.post(
            f"{web.url}/api/v1/auth/session",
            json={"email": account.email, "password": users.PASSWORD},
        )
    assert opened.is_success, opened.text
    cookie = "; ".join(f"{name}={value}" for name, value in opened.cookies.items())
    answer = connection.get(course, f"Cookie: _ga=GA1.2; {cookie}")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"viewer":{' in answer


def test_behind_a_proxy_every_client_has_its_own_limit(
    dsn: str, tmp_path: Path, course: str
) -> None:
    options = {
        "LYCEUM_RATE_LIMITS": "on",
        "LYCEUM_RATE_LIMIT_GUEST": "4",
        "LYCEUM_TRUSTED_PROXIES": "127.0.0.1",
    }
    with web_process(dsn, tmp_path / "proxied", **options) as web:
        connection = Connection(web)
        one, two = ("X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.9, 198.51.100.2")
        asked = [one, one, two, one, two, one, one, two, two, two]
        answers = [connection.get(course, "X-Real-IP: 10.1.1.1", ip) for ip in asked]
        connection.close()
    statuses = [int(answer.split(b" ")[1]) for answer in answers]
    assert statuses == [200, 200, 200, 200, 200, 200, 429, 200, 200, 429]
    log = web.log.read_text()
    assert '"ip":"198.51.100.2"' in log
    assert '"ip":"203.0.113.9"' not in log
