"""The beginning that many bodies share, compressed once; what follows differs and is stored.

A body that is made so is one ordinary gzip member (RFC 1952), zstd frame (RFC 8878) or brotli
stream (RFC 7932): blocks of the beginning up to the border of a byte, then one block that holds
the end as it is. Not here: which coding a client takes, bodies that share nothing (`compression`).
"""

import struct
import zlib
from typing import Any, Final

import brotli
import msgspec
import zstandard

from lyceum.platform import compression

MAX_END: Final = 32 * 1024
"""How long an end may be; every format stores as much in one block."""
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
OPEN: Final = b'{"data":'


class _Form(msgspec.Struct, frozen=True, gc=False):
    """A beginning in one coding; `crc` and `size` are of what was compressed."""

    blocks: bytes
    crc: int
    size: int


class Beginning:
    """What `{"data":` is followed by in many bodies."""

    __slots__ = ("__weakref__", "_forms", "data", "source")

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data
        self.source: Any = data.obj if isinstance(data, memoryview) else data
        """What the beginning is a part of, or all."""
        self._forms: dict[bytes, _Form] = {}

    def squeeze(self, coding: bytes, end: bytes) -> bytes:
        """Return the whole body in a coding, with `end` (a byte or more) after this beginning."""
        if len(end) > MAX_END:
            return compression.encode(coding, b"".join((OPEN, self.data, end)))
        form = self._forms.get(coding)
        if form is None:
            form = self._forms[coding] = _compress(coding, b"".join((OPEN, self.data)))
        return b"".join((form.blocks, *_store(coding, form, end)))


def _compress(coding: bytes, data: bytes) -> _Form:
    if coding == b"zstd":
        # As long as the size is not told, nor a checksum, the frame can go on.
        packer = zstandard.ZstdCompressor(
            level=compression.ZSTD_LEVEL, write_content_size=False
        ).compressobj()
        blocks = packer.compress(data) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return _Form(blocks, 0, len(data))
    if coding == b"br":
        squeezer = brotli.Compressor(quality=compression.BROTLI_QUALITY)
        return _Form(squeezer.process(data) + squeezer.flush(), 0, len(data))
    deflater = zlib.compressobj(compression.GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    blocks = deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return _Form(_GZIP_HEAD + blocks, zlib.crc32(data), len(data))


def _store(coding: bytes, form: _Form, end: bytes) -> tuple[bytes, ...]:
    """Return what ends a body: a last block that holds `end`, and what the format has after it."""
    size = len(end)
    if coding == b"zstd":
        # Block_Header: whether it is the last, its type (0: raw), its size.
        return (1 | size << 3).to_bytes(3, "little"), end
    if coding == b"br":
        # ISLAST 0, MNIBBLES 4 (00), MLEN - 1 in 16 bits, ISUNCOMPRESSED 1; then an empty last one.
        return ((size - 1) << 3 | 1 << 19).to_bytes(3, "little"), end, b"\x03"
    # BFINAL 1, BTYPE 00, LEN and its complement; CRC32 and ISIZE.
    head = struct.pack("<BHH", 1, size, size ^ 0xFFFF)
    return head, end, struct.pack("<II", zlib.crc32(end, form.crc), form.size + size)
