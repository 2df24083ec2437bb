"""Which requests are plain, and what they say."""

import pytest

from lyceum.platform.plain_requests import Asked, PlainRequests
from lyceum.platform.settings import load_settings

BROWSER = [
    (b"host", b"academy.test"),
    (b"sec-ch-ua", b'"Chromium";v="140"'),
    (b"user-agent", b"Mozilla/5.0"),
    (b"accept", b"application/json"),
    (b"origin", b"https://front.test"),
    (b"sec-fetch-site", b"cross-site"),
    (b"sec-fetch-mode", b"cors"),
    (b"referer", b"https://front.test/"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"accept-language", b"de"),
    (b"authorization", b"Bearer abc"),
]


@pytest.fixture
def plain() -> PlainRequests:
    return PlainRequests(load_settings(trusted_proxies="10.0.0.1, 10.0.0.2"), "session")


def test_what_a_browser_sends_is_plain(plain: PlainRequests) -> None:
    asked = plain.read(BROWSER, "192.0.2.7")
    assert asked == Asked("192.0.2.7", b"Bearer abc", b"zstd", b"https://front.test")
    assert plain.are_plain(dict(BROWSER))
    assert plain.read([], "192.0.2.7") == Asked("192.0.2.7")


@pytest.mark.parametrize(
    "name",
    [
        b"if-modified-since", b"range", b"x-api-key", b"traceparent", b"x-request-id",
        b"content-length", b"transfer-encoding", b"x-anything", b"expect",
    ],
)  # fmt: skip
def test_what_may_change_an_answer_is_not_plain(plain: PlainRequests, name: bytes) -> None:
    assert plain.read([*BROWSER, (name, b"1")], "192.0.2.7") is None
    assert not plain.are_plain({name: b"1"})


def test_the_cookie_of_a_session_is_not_plain(plain: PlainRequests) -> None:
    others = (b"cookie", b"_ga=GA1.2; theme=dark")
    assert plain.read([*BROWSER, others], "192.0.2.7") == plain.read(BROWSER, "192.0.2.7")
    assert plain.are_plain(dict([others]))
    for value in (b"session=abc", b"_ga=GA1.2; session=abc", b'a=1;session="abc"'):
        assert plain.read([*BROWSER, (b"cookie", value)], "192.0.2.7") is None
        assert plain.read([*BROWSER, (b"cookie", value), others], "192.0.2.7") is None
        assert not plain.are_plain({b"cookie": value})


def test_a_condition_is_read(plain: PlainRequests) -> None:
    asked = plain.read([(b"if-none-match", b'W/"v1", "v2"')], "192.0.2.7")
    assert asked == Asked("192.0.2.7", known_tags=b'W/"v1", "v2"')


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (b"", None),
        (b"identity", None),
        (b"gzip;q=0", None),
        (b"gzip, deflate", b"gzip"),
        (b"GZIP, br;q=0.5", b"br"),
        (b"zstd;q=0, br;q=0.0, gzip", b"gzip"),
    ],
)
def test_the_coding_is_that_of_the_normal_way(
    plain: PlainRequests, accepted: bytes, coding: bytes | None
) -> None:
    asked = plain.read([(b"accept-encoding", accepted)], "192.0.2.7")
    assert asked is not None
    assert asked.coding == coding


@pytest.mark.parametrize(
    ("peer", "forwarded", "ip"),
    [
        ("192.0.2.7", b"198.51.100.1", "192.0.2.7"),
        ("10.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", b"203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", b"10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", b" , ", "10.0.0.1"),
        ("10.0.0.1", b"x" * 60, "x" * 45),
    ],
)
def test_only_a_trusted_proxy_says_for_whom_it_asks(
    plain: PlainRequests, peer: str, forwarded: bytes, ip: str
) -> None:
    assert plain.read([(b"x-forwarded-for", forwarded)], peer) == Asked(ip)


def test_addresses_that_come_twice_are_for_the_normal_way(plain: PlainRequests) -> None:
    twice = [(b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-for", b"198.51.100.2")]
    assert plain.read(twice, "10.0.0.1") is None
