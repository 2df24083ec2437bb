"""The HTTP client for addresses that users give: webhooks, imports by URL, metadata of others.

A host is looked up once, every address of it is checked, and the connection goes to the address
that was checked: a name that answers otherwise a moment later changes nothing. Redirects are not
followed, the body is cut at a bound, the time is bounded as a whole, and nothing is unpacked.
Not here: services that operators configure (storage, mail, broker), which may be private.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from lyceum.platform import errors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

BODY_BYTES: Final = 5 * 1024 * 1024
HEADER_BYTES: Final = 64 * 1024
TOTAL_SECONDS: Final = 10.0
AGENT: Final = "Lyceum"
_PORTS: Final = {"http": 80, "https": 443}
# Special, though `is_global` may say otherwise: translations into the private world of others.
_TRANSLATED: Final = (
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("2002::/16"),
    ipaddress.ip_network("2001::/32"),
)


class AddressRefused(errors.ValidationFailed):
    """An address that this program does not connect to: private, special, or not of the web."""


class Unreachable(errors.Fact):
    """Nobody answered there, or not in time, or not in HTTP."""

    status, code, title = 502, 5002, "The other side could not be reached"


class Reply(msgspec.Struct, frozen=True):
    """What the other side answered; `is_cut` when its body was longer than what is kept."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_cut: bool


class Target(msgspec.Struct, frozen=True):
    """Where to connect: the parts of a URL that was found to be one of the web."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the header `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


async def resolve(host: str, port: int) -> list[str]:
    """Return every address of a host, as the system knows it."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def parse_target(url: str, *, pointer: str = "") -> Target:
    """Return the parts of a URL; AddressRefused for one that is not of the web.

    A literal private address is refused here already; a name is looked up when it is connected to.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        host.encode("idna" if not host.isascii() else "ascii")
    except (ValueError, UnicodeError) as problem:
        raise _refused(pointer, "This is not an address") from problem
    if any(character <= " " or character == "\x7f" or character == "\\" for character in url):
        raise _refused(pointer, "This is not an address")
    if parts.scheme not in _PORTS or not host:
        raise _refused(pointer, "An address starts with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused(pointer, "An address has no user, password or fragment here")
    if not host.isascii():
        host = host.encode("idna").decode()
    path = parts.path or "/"
    if not url.isascii():
        raise _refused(pointer, "Other characters than ASCII are percent-encoded in an address")
    return Target(
        parts.scheme,
        host,
        port if port is not None else _PORTS[parts.scheme],
        f"{path}?{parts.query}" if parts.query else path,
    )


def is_public(text: str) -> bool:
    """Return whether an address is one of the public internet."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


@cache
def trust() -> ssl.SSLContext:
    """Return whose certificates are believed; made once, because that takes a while."""
    return ssl.create_default_context()


class OutboundClient:
    """Sends requests to addresses of users. `allows_private` is for development alone."""

    def __init__(
        self,
        *,
        allows_private: bool = False,
        resolver: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allows_private = allows_private
        self._resolve = resolver
        self._tls = tls or trust()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = TOTAL_SECONDS,
        most_bytes: int = BODY_BYTES,
    ) -> Reply:
        """Send one request and return the answer, whatever its status; a redirect is an answer.

        Raises AddressRefused before anything is connected, and Unreachable.
        """
        target = parse_target(url)
        try:
            async with asyncio.timeout(seconds):
                address = await self._checked_address(target)
                return await self._exchange(
                    target, address, _render(method, target, headers or {}, body), most_bytes
                )
        except TimeoutError as problem:
            raise Unreachable(f"No answer within {seconds:g} seconds.") from problem
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as problem:
            raise Unreachable(_tell(problem)) from problem

    async def _checked_address(self, target: Target) -> str:
        try:
            found = await self._resolve(target.host, target.port)
        except OSError as problem:
            raise Unreachable("The host is not known.") from problem
        if not found:
            raise Unreachable("The host is not known.")
        # One private address among public ones is refused too: it is there on purpose.
        if not self._allows_private and not all(is_public(address) for address in found):
            raise AddressRefused("This address is private or special; it is not connected to.")
        return found[0]

    async def _exchange(
        self, target: Target, address: str, request: bytes, most_bytes: int
    ) -> Reply:
        is_tls = target.scheme == "https"
        reader, writer = await asyncio.open_connection(
            address,
            target.port,
            ssl=self._tls if is_tls else None,
            # The certificate is that of the name, though the connection goes to the address.
            server_hostname=target.host if is_tls else None,
            limit=HEADER_BYTES,
        )
        try:
            writer.write(request)
            await writer.drain()
            return await _read_reply(reader, most_bytes)
        finally:
            writer.transport.abort()


def _render(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    sent = {
        "host": target.authority,
        "user-agent": AGENT,
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": str(len(body)),
        **{name.lower(): value for name, value in headers.items()},
    }
    if any(c in "\r\n\x00" for pair in sent.items() for part in pair for c in part):
        raise ValueError("a header holds a line break")
    lines = [f"{method} {target.path} HTTP/1.1", *(f"{n}: {v}" for n, v in sent.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def _read_reply(reader: asyncio.StreamReader, most_bytes: int) -> Reply:
    status, headers = await _read_head(reader)
    while 100 <= status < 200:
        status, headers = await _read_head(reader)
    if status in {204, 304}:
        return Reply(status, headers, b"", is_cut=False)
    body = bytearray()
    is_cut = False
    async for chunk in _read_chunks(reader, headers):
        body += chunk
        if len(body) > most_bytes:
            is_cut = True
            break
    return Reply(status, headers, bytes(body[:most_bytes]), is_cut)


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    words = first.split(" ", 2)
    if not words[0].startswith("HTTP/1.") or len(words) < 2 or not words[1].isdigit():
        raise Unreachable("What answers there does not speak HTTP.")
    pairs = (line.partition(":") for line in lines if line)
    return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_chunks(reader: asyncio.StreamReader, headers: dict[str, str]) -> Any:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while size := await _chunk_size(reader):
            async for part in _read_exactly(reader, size):
                yield part
            await reader.readexactly(2)
        return
    length = headers.get("content-length", "")
    async for part in _read_exactly(reader, int(length) if length.isdigit() else None):
        yield part


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    line = (await reader.readuntil(b"\r\n")).split(b";")[0].strip()
    with contextlib.suppress(ValueError):
        if 0 < len(line) <= 16:
            return int(line, 16)
    raise Unreachable("What answers there does not speak HTTP.")


async def _read_exactly(reader: asyncio.StreamReader, size: int | None) -> Any:
    """Yield `size` bytes in pieces, or all until the end."""
    left = size
    while left is None or left > 0:
        piece = await reader.read(65536 if left is None else min(left, 65536))
        if not piece:
            if left is None:
                return
            raise Unreachable("The connection ended in the middle of an answer.")
        left = None if left is None else left - len(piece)
        yield piece


def _tell(problem: BaseException) -> str:
    if isinstance(problem, ssl.SSLError):
        return "The certificate or the encryption was not accepted."
    if isinstance(problem, asyncio.IncompleteReadError | asyncio.LimitOverrunError):
        return "What answers there does not speak HTTP."
    return "The connection was refused or broken."


def _refused(pointer: str, message: str) -> AddressRefused:
    return AddressRefused("", errors.FieldError(pointer, message))
