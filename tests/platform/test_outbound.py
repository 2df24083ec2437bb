"""What a user's address may do to us: nothing. A local sink proves that nothing was connected."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from lyceum.platform.outbound import (
    AddressRefused,
    OutboundClient,
    Reply,
    Unreachable,
    is_public,
    parse_target,
)

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.5.5", "192.168.1.1", "100.64.0.1",  # noqa: S104 - none is bound
    "169.254.169.254", "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "not-an-address",
)  # fmt: skip


class Sink:
    """A server that counts who connects and says what it is told to say."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.speak: Speak | None = None
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.speak is not None:
                await self.speak(reader, writer)
            else:
                writer.write(self.answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    yield sink
    server.close()
    await server.wait_closed()


def answering(*addresses: str) -> OutboundClient:
    """Return a client whose name server gives these, one list after the other."""
    rounds = iter(addresses)

    async def resolver(_host: str, _port: int) -> list[str]:
        return next(rounds, addresses[-1]).split(",")

    return OutboundClient(resolver=resolver)


def to_sink() -> OutboundClient:
    async def resolver(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    return OutboundClient(allows_private=True, resolver=resolver)


async def get(sink: Sink, answer: bytes) -> Reply:
    sink.answer = answer
    return await to_sink().request("GET", f"http://out.test:{sink.port}/")


@pytest.mark.parametrize("address", PRIVATE)
async def test_private_and_special_addresses_are_not_connected_to(sink: Sink, address: str) -> None:
    assert not is_public(address)
    with pytest.raises(AddressRefused):
        await answering(address).request("GET", f"http://out.test:{sink.port}/")
    assert sink.connections == 0


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "127.1", "2130706433", "0x7f000001", "0"]
)
async def test_every_spelling_of_this_machine_is_refused(sink: Sink, host: str) -> None:
    with pytest.raises((AddressRefused, Unreachable)):
        await OutboundClient().request("GET", f"http://{host}:{sink.port}/")
    assert sink.connections == 0


async def test_one_private_address_among_public_ones_is_refused(sink: Sink) -> None:
    with pytest.raises(AddressRefused):
        await answering("93.184.216.34,127.0.0.1").request("GET", f"http://out.test:{sink.port}/")
    assert sink.connections == 0


async def test_a_name_is_looked_up_once_and_connected_to_as_checked(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []

    async def open_connection(host: str, *_: object, **__: object) -> None:
        connected.append(host)
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    # Public when it is checked, this machine when it is asked again.
    with pytest.raises(Unreachable):
        await answering("93.184.216.34", "127.0.0.1").request("GET", f"http://o.test:{sink.port}/")
    assert connected == ["93.184.216.34"]
    assert sink.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/", "file:///etc/passwd", "gopher://a.test/", "//a.test/", "a.test", "", "http://",
        "http://user@a.test/", "http://u:p@a.test/", "http://a.test/#x", "http://a.test\\@b.test/",
        "http://a.test/ x", "http://a.test/\r\nx: y", "http://a.test:99999/", "http://[::1/",
        "http://a.test/\u00e9", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse_target(url)


async def test_a_redirect_is_an_answer_and_not_followed(sink: Sink) -> None:
    reply = await get(
        sink, b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    )
    assert (reply.status, reply.headers["location"]) == (302, "http://127.0.0.1:1/")
    assert sink.connections == 1


async def test_bodies_come_whole_by_length_chunks_and_end(sink: Sink) -> None:
    assert (await get(sink, sink.answer)).body == b"ok"
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    )
    assert (await get(sink, chunked)).body == b"abcde"
    assert (await get(sink, b"HTTP/1.0 200 OK\r\n\r\nuntil the end")).body == b"until the end"
    assert (await get(sink, b"HTTP/1.1 204 No Content\r\n\r\n")).body == b""
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"
    assert (await get(sink, early)).status == 201
    assert b"host: out.test:" in sink.requests[0]


async def test_a_body_without_end_is_cut(sink: Sink) -> None:
    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    sink.speak = pour
    reply = await to_sink().request("GET", f"http://o.test:{sink.port}/", most_bytes=100_000)
    assert (len(reply.body), reply.is_cut) == (100_000, True)


async def test_a_drip_is_cut_by_the_whole_time(sink: Sink) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    sink.speak = drip
    with pytest.raises(Unreachable, match="within"):
        await to_sink().request("GET", f"http://o.test:{sink.port}/", seconds=0.2)


async def test_nothing_is_unpacked(sink: Sink) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n"
    assert (await get(sink, head.encode() + bomb)).body == bomb


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
    ],
)  # fmt: skip
async def test_what_does_not_speak_http_is_unreachable(sink: Sink, answer: bytes) -> None:
    with pytest.raises(Unreachable):
        await get(sink, answer)


async def test_a_header_cannot_be_split(sink: Sink) -> None:
    with pytest.raises(ValueError, match="line break"):
        await to_sink().request("GET", f"http://o.test:{sink.port}/", headers={"a": "b\r\nc: d"})


async def test_the_certificate_must_be_that_of_the_name(sink: Sink) -> None:
    with pytest.raises(Unreachable):
        await to_sink().request("GET", f"https://o.test:{sink.port}/")


async def test_an_unknown_host_is_unreachable() -> None:
    async def resolver(_host: str, _port: int) -> list[str]:
        raise OSError

    with pytest.raises(Unreachable, match="not known"):
        await OutboundClient(resolver=resolver).request("GET", "http://o.test/")
