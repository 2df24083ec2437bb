"""What clients do to connections: heads that no honest client sends, and answers nobody reads."""

import socket
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from lyceum.platform.database import Database
from lyceum.platform.protocol import MAX_HEAD, MAX_HEADERS, MAX_LINE
from tests.app.servers import WebProcess, web_process
from tests.courses import factories

LIST = "/api/v1/courses?perPage=50"
START = f"GET {LIST} HTTP/1.1\r\nHost: a\r\n"
LOGIN = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
HOSTILE = {
    "length and chunks": LOGIN
    + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + f"{START}\r\n",
    "two lengths": f"{START}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "one length twice": f"{START}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "a list of lengths": f"{START}Content-Length: 1, 1\r\n\r\nx",
    "a signed length": f"{START}Content-Length: +1\r\n\r\nx",
    "an unknown coding": f"{LOGIN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": f"{LOGIN}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "no chunk size": f"{LOGIN}Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
    "a folded line": f"{START}X: a\r\n b\r\n\r\n",
    "bare line feeds": "GET / HTTP/1.1\nHost: a\n\n",
    "a bare carriage return": f"{START}X: a\rY: b\r\n\r\n",
    "a space before the colon": f"{START}X : a\r\n\r\n",
    "a NUL": f"{START}X: a\0b\r\n\r\n",
    "a line of 64 kB": f"{START}X: {'x' * 65_536}\r\n\r\n",
    "many lines of 64 kB together": START + f"X: {'x' * 8000}\r\n" * 9 + "\r\n",
    "1,000 headers": START + "".join(f"X-{n}: x\r\n" for n in range(1000)) + "\r\n",
    "1,000 plain headers": START + "Accept: x\r\n" * 1000 + "\r\n",
    "5,000 ranges": f"{START}Range: bytes={'0-,' * 5000}\r\n\r\n",
    "a version of the future": f"GET {LIST} HTTP/3.0\r\nHost: a\r\n\r\n",
    "a tunnel": "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "another protocol": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.fixture(scope="module")
def web(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with web_process(dsn, tmp_path_factory.mktemp("connections")) as web:
        yield web


@pytest.fixture
async def remembered(web: WebProcess, database: Database) -> None:
    """Let the list hold something, and take the express lane."""
    await factories.store_published(database)
    async with httpx.AsyncClient(base_url=web.url, headers={"accept-encoding": ""}) as client:
        for _ in range(2):
            assert (await client.get(LIST)).status_code == 200


def connect(web: WebProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", web.port), timeout=10)


def read_all(line: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    found = b""
    try:
        while part := line.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("head", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_head_ends_the_connection(web: WebProcess, remembered: None, head: str) -> None:
    with connect(web) as line:
        line.sendall(head.encode("latin-1"))
        answer = read_all(line)
    # One refusal and nothing after it: what follows a doubtful head is nobody's request.
    assert answer.count(b"HTTP/1.1 ") == 1, answer[:300]
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:300]


def test_a_head_without_an_end_is_not_collected(web: WebProcess) -> None:
    with connect(web) as line:
        line.sendall(START.encode())
        sent = 0
        try:
            while sent < 50_000_000:
                line.sendall(b"X: " + b"x" * 1000 + b"\r\n")
                sent += 1005
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 10_000_000, "it took 10 MB of headers"


def test_what_honest_clients_send_is_taken(web: WebProcess, remembered: None) -> None:
    many = "".join(f"X-{number}: x\r\n" for number in range(MAX_HEADERS - 2))
    long = f"X: {'x' * (MAX_LINE - 10)}\r\n"
    assert MAX_HEAD > MAX_LINE
    for more in (many, long, ""):
        with connect(web) as line:
            line.sendall(f"{START}{more}Connection: close\r\n\r\n".encode())
            assert read_all(line).startswith(b"HTTP/1.1 200 "), more[:20]
    with connect(web) as line:  # a byte at a time
        for byte in f"{START}Connection: close\r\n\r\n".encode():
            line.sendall(bytes([byte]))
        assert read_all(line).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_costs_no_memory(web: WebProcess, remembered: None) -> None:
    """Requests are sent as fast as they go; their answers together would be far more than the
    server may hold for a connection."""
    process = psutil.Process(web.process.pid)
    before = process.memory_info().rss
    requests = f"{START}\r\n".encode() * 500
    with connect(web) as line:
        line.setblocking(False)
        sent, since = 0, time.monotonic()
        while sent < 10_000_000 and time.monotonic() - since < 2:
            try:
                part = line.send(requests[sent % len(requests) :])
                sent, since = sent + part, time.monotonic()
            except BlockingIOError:
                time.sleep(0.05)
        assert process.memory_info().rss - before < 50_000_000
        # Others are served meanwhile.
        assert httpx.get(f"{web.url}/health").status_code == 200
        line.setblocking(True)
        assert read_answers(line, 200) == 200


def read_answers(line: socket.socket, wanted: int) -> int:
    """Read until that many whole answers have come; return how many have."""
    found, tail = 0, b""
    while found < wanted:
        part = line.recv(65_536)
        assert part
        seen = tail + part
        found += seen.count(b"HTTP/1.1 200 OK")
        tail = seen[-14:]
    return min(found, wanted)
