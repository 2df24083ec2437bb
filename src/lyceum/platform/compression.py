"""Compressing a response body by what the client accepts. Not here: streams."""

import functools
import gzip

import brotli
import zstandard

MINIMUM = 1024
ZSTD_LEVEL = 3
BROTLI_QUALITY = 4
GZIP_LEVEL = 5
_zstd = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
_TYPES = (b"application/json", b"application/problem+json", b"text/", b"image/svg+xml")


def compress(body: bytes, headers: list[tuple[bytes, bytes]], accepted: bytes) -> bytes:
    """Return the body, compressed when that is accepted and pays, and say so in `headers`."""
    varying = vary(body, headers)
    headers += varying
    coding = choose(accepted) if varying else None
    if coding is None:
        return body
    headers.append((b"content-encoding", coding))
    for index, (name, value) in enumerate(headers):
        # Other bytes are another representation: a strong ETag must not name both (RFC 9110 8.8.3).
        if name == b"etag" and not value.startswith(b"W/"):
            headers[index] = (name, b"W/" + value)
    return encode(coding, body)


def vary(body: bytes, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the header of an answer that is compressed where that is accepted, or none: a cache
    in between keeps one for each coding. It goes with a 304 too (RFC 9110 15.4.5)."""
    if len(body) < MINIMUM or any(name == b"content-encoding" for name, _ in headers):
        return []
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    return [(b"vary", b"Accept-Encoding")] if kind.startswith(_TYPES) else []


def mark(headers: str, coding: bytes) -> str:
    """Return the lines of headers, as `compress` changes them for a body in a coding."""
    weak = headers.replace('etag: "', 'etag: W/"', 1)
    return f"{weak}content-encoding: {coding.decode()}\r\n"


def encode(coding: bytes, body: bytes) -> bytes:
    """Return a body in one of the codings that `choose` knows."""
    if coding == b"zstd":
        return _zstd.compress(body)
    if coding == b"br":
        return bytes(brotli.compress(body, quality=BROTLI_QUALITY))
    return gzip.compress(body, compresslevel=GZIP_LEVEL, mtime=0)


@functools.lru_cache(maxsize=64)
def choose(accepted: bytes) -> bytes | None:
    """Return the coding for a client with this Accept-Encoding, None: none."""
    if not accepted:
        return None
    offered = set()
    for part in accepted.lower().split(b","):
        coding, _, parameters = part.strip().partition(b";")
        if parameters.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            offered.add(coding.strip())
    return next((coding for coding in (b"zstd", b"br", b"gzip") if coding in offered), None)
