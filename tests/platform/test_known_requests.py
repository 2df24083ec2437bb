"""What is read without a parser is what the parser would have read."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.platform import known_requests
from lyceum.platform.headers import Headers
from lyceum.platform.known_requests import KnownRequests

URL = b"/api/v1/courses/one?page=2"
TOKEN = b"Authorization: Bearer abc.def"
CODING = b"accept-encoding: gzip,  br"
LINES = (b"Host: academy.test", TOKEN, b"accept:*/*", b"Connection: keep-alive", CODING)
STRANGE = (
    b"Host : academy.test",
    b" folded",
    b"",
    b"Content-Length: 3",
    b"Connection: close",
    b"Authorization: Bearer abc.deg",
    b"authorization: Bearer abc.def",
    b"Authorization:Bearer abc.def",
    b"Authorization: ",
    b"X-Authorization: Bearer abc.def",
    b"User-Agent: uthorization: Bearer abc.def",
)


class _Parsed:
    """What httptools makes of bytes."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: Headers = []
        self.finished = 0
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.is_kept = parser.should_keep_alive() and parser.get_http_version() == "1.1"
        self.method = parser.get_method()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        self.finished += 1

    @property
    def meant(self) -> Headers:
        return [p for p in self.headers if p[0] in (b"authorization", b"accept-encoding")]


def request(*lines: bytes, first: bytes = b"GET " + URL + b" HTTP/1.1") -> bytes:
    return b"\r\n".join((first, *lines, b"", b""))


def learn(known: KnownRequests, data: bytes) -> bool:
    """Let it be learned, if the parser takes it for one whole request that leaves the line open."""
    try:
        parsed = _Parsed(data)
    except httptools.HttpParserError:
        return False
    if not (parsed.is_kept and parsed.finished):
        return False
    known.learn(data, parsed.url, parsed.headers)
    return True


@pytest.fixture
def known() -> KnownRequests:
    made = KnownRequests()
    learn(made, request(*LINES))
    learn(made, request(LINES[0], first=b"GET /guest HTTP/1.1"))
    return made


def test_a_known_head_is_read_with_every_known_address(known: KnownRequests) -> None:
    token = (b"authorization", b"Bearer abc.def")
    meant = [token, (b"accept-encoding", b"gzip,  br")]
    assert known.read(request(*LINES)) == (URL, meant)
    assert known.read(request(*LINES, first=b"GET /guest HTTP/1.1")) == (b"/guest", meant)
    assert known.read(request(LINES[0])) == (URL, [])
    # The short ways have no such address.
    assert known.read(request(LINES[0], first=b"GET no address HTTP/1.1")) == (b"no address", [])


@given(
    st.lists(st.lists(st.sampled_from((*LINES, *STRANGE)), max_size=4), max_size=8),
    st.lists(st.sampled_from((*LINES, *STRANGE)), max_size=4),
    st.sampled_from((b"", b"\r\n", b"G", request(LINES[0]))),
)
def test_what_is_read_is_what_the_parser_reads(
    learned: list[list[bytes]], lines: list[bytes], more: bytes
) -> None:
    known = KnownRequests()
    for head in learned:
        learn(known, request(*head))
    data = request(*lines) + more
    found = known.read(data)
    is_usual = set(lines).issubset(LINES) and lines.count(TOKEN) < 2
    assert found is not None or lines not in learned or more or not is_usual
    if found is not None:
        parsed = _Parsed(data)
        assert (parsed.url, parsed.meant) == found
        assert (parsed.method, parsed.is_kept, parsed.finished) == (b"GET", True, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        request(*LINES)[:-1],
        request(*LINES) * 2,
        request(*LINES) + b"x",
        request(*reversed(LINES)),
        request(LINES[0], *STRANGE[3:4]),
        request(*LINES, first=b"POST " + URL + b" HTTP/1.1"),
        request(*LINES, first=b"GET " + URL + b" HTTP/1.0"),
        request(*LINES, first=b"GET /other HTTP/1.1 "),
        request(*LINES, first=b"get /other HTTP/1.1"),
    ],
)
def test_anything_else_takes_a_parser(known: KnownRequests, data: bytes) -> None:
    assert known.read(data) is None


@given(st.lists(st.sampled_from(LINES), max_size=4, unique=True))
def test_what_is_learned_is_known_again(lines: list[bytes]) -> None:
    known = KnownRequests()
    assert learn(known, request(*lines))
    assert known.read(request(*lines)) is not None


def test_one_head_is_known_with_every_token(known: KnownRequests) -> None:
    lines = (*LINES[:1], b"Authorization: Bearer of.somebody.else", *LINES[2:])
    found = known.read(request(*lines))
    assert found is not None
    assert found[1][0] == (b"authorization", b"Bearer of.somebody.else")
    assert known.read(request(*LINES[:1], LINES[1], LINES[1], *LINES[2:])) is None
    for cut in range(len(request(*lines))):
        assert known.read(request(*lines)[:cut]) is None


def test_what_looks_like_a_token_is_not_taken_for_one() -> None:
    known = KnownRequests()
    for lines in (
        [b"X-Authorization: Bearer abc"],
        [b"User-Agent: uthorization: Bearer abc", TOKEN],
        [TOKEN, TOKEN],
    ):
        assert learn(known, request(*lines))
        assert known.read(request(*lines)) is None


def test_nothing_is_learned_from_more_than_one_request_or_less(known: KnownRequests) -> None:
    other = request(b"Host: other.test")
    for data in (other * 2, other[:-2], other + b"GET"):
        known.learn(data, URL, [(b"host", b"other.test")])
        assert known.read(other) is None
    known.learn(other, b"/elsewhere", [(b"host", b"other.test")])
    known.learn(other + b"x" * 2048, URL, [(b"host", b"other.test")])
    assert known.read(other) is None


@pytest.mark.parametrize("own", [b"Cookie: _ga=1", b'If-None-Match: "v1"'])
def test_heads_that_nobody_else_sends_are_not_learned(own: bytes) -> None:
    known = KnownRequests()
    assert learn(known, request(LINES[0], own))
    assert known.read(request(LINES[0], own)) is None


def test_a_flood_is_forgotten_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_requests, "MOST", 8)
    known = KnownRequests()
    learn(known, request(*LINES))
    assert known.read(request(*LINES)) is not None
    for number in range(20):
        learn(known, request(b"User-Agent: %d" % number, first=b"GET /%d HTTP/1.1" % number))
    assert known.read(request(*LINES)) is None
    assert known.read(request(b"User-Agent: 19", first=b"GET /19 HTTP/1.1")) == (b"/19", [])
