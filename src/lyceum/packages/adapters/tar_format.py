"""Members of a tar stream: POSIX ustar and pax, GNU long names; files and folders only.

Not the standard library's reader: it takes whole headers of any size into memory, and its 3.11
releases have regular expressions and offsets in it that hostile headers keep busy without end.
Not here: decompression, limits and safe names (`archive`).
"""

from collections.abc import Callable, Iterator

from lyceum.packages.adapters.faults import CorruptArchive, UnsafeArchive
from lyceum.packages.adapters.members import CHUNK_BYTES, Member, decode_name

BLOCK = 512
# Long names and extended attributes; an honest header is a few kilobytes.
MAX_HEADER_BYTES = 1024 * 1024
MAX_HEADERS_PER_MEMBER = 8

_OCTAL = b"01234567"
_FILES = {b"0", b"\0", b"7"}
_FOLDER = b"5"
_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK = b"x", b"g", b"L", b"K"
_REFUSED = {
    b"1": "hard-link",
    b"2": "symbolic-link",
    b"3": "device",
    b"4": "device",
    b"6": "device",
    b"S": "sparse-file",
}

Read = Callable[[int], bytes]


def looks_like_tar(head: bytes) -> bool:
    """Tell whether the first block of a file is a tar header."""
    return len(head) >= BLOCK and head[0] != 0 and _checksum_fits(head[:BLOCK])


def members(read: Read) -> Iterator[Member]:
    """Yield the members in order; what the caller leaves unread of one is skipped.

    After the last member the rest of the stream is read as well, so that a compressed stream
    that is cut off or has a wrong checksum is noticed.
    """
    headers: dict[str, bytes] = {}
    pending = 0
    while (block := _next_header(read)) is not None:
        kind, size = block[156:157], _number(block[124:136])
        if kind in {_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK}:
            pending += 1
            if pending > MAX_HEADERS_PER_MEMBER:
                raise CorruptArchive("too many extended headers in a row")
            headers |= _extended(read, kind, size)
            continue
        name = decode_name(headers.get("path") or _ustar_name(block))
        size = _decimal(headers["size"]) if "size" in headers else size
        if any(key.startswith("GNU.sparse") for key in headers):
            raise UnsafeArchive("sparse-file", name)
        if kind not in _FILES and kind != _FOLDER:
            raise UnsafeArchive(_REFUSED.get(kind, "special-file"), name)
        is_folder = kind == _FOLDER or (kind == b"\0" and name.endswith("/"))
        data = _data(read, 0 if is_folder else size)
        yield Member(name, is_folder, 0 if is_folder else size, data)
        for _ in data:
            pass
        headers, pending = {}, 0
    while read(CHUNK_BYTES):
        pass


def _next_header(read: Read) -> bytes | None:
    """Return the next header block, or None at the zero block that ends the archive."""
    block = _exactly(read, BLOCK)
    if not any(block):
        return None
    if not _checksum_fits(block):
        raise CorruptArchive("a header has a wrong checksum")
    return block


def _exactly(read: Read, size: int) -> bytes:
    parts = []
    while size:
        part = read(size)
        if not part:
            raise CorruptArchive("it ends too early")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _data(read: Read, size: int) -> Iterator[bytes]:
    """Yield the content of a member, then step over the padding of its last block."""
    padding = -size % BLOCK
    while size:
        chunk = _exactly(read, min(size, CHUNK_BYTES))
        size -= len(chunk)
        yield chunk
    _exactly(read, padding)


def _extended(read: Read, kind: bytes, size: int) -> dict[str, bytes]:
    """Return what an extended header says of the next member; global ones say nothing we use."""
    if size > MAX_HEADER_BYTES:
        raise CorruptArchive("an extended header is too long")
    content = b"".join(_data(read, size))
    if kind == _GNU_NAME:
        return {"path": content.rstrip(b"\0")}
    return _pax_records(content) if kind == _PAX else {}


def _pax_records(content: bytes) -> dict[str, bytes]:
    """Read `length key=value` lines; the length counts the whole line."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(content) and content[at]:
        space = content.find(b" ", at, at + 9)
        if space < 0:
            raise CorruptArchive("an extended header cannot be read")
        length = _decimal(content[at:space])
        key, equals, value = content[space + 1 : at + length].partition(b"=")
        if at + length > len(content) or not equals or not value.endswith(b"\n"):
            raise CorruptArchive("an extended header cannot be read")
        records[decode_name(key)] = value[:-1]
        at += length
    return records


def _decimal(field: bytes) -> int:
    if not field.isdigit() or len(field) > 19:
        raise CorruptArchive("a number in an extended header cannot be read")
    return int(field)


def _number(field: bytes) -> int:
    """Read a number field: octal, or base 256 where its first bit is set; never negative."""
    if field[0] & 0x80:
        if field[0] != 0x80:
            raise CorruptArchive("a header has a number out of range")
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits.strip(_OCTAL):
        raise CorruptArchive("a header has a number that cannot be read")
    return int(digits or b"0", 8)


def _checksum_fits(block: bytes) -> bool:
    """Compare the header's checksum, which old archivers made from signed bytes."""
    digits = block[148:156].strip(b" \0")
    if not digits or digits.strip(_OCTAL):
        return False
    rest = block[:148] + block[156:]
    wanted, unsigned = int(digits, 8), 8 * 32 + sum(rest)
    return wanted == unsigned or wanted == unsigned - 256 * sum(byte > 127 for byte in rest)


def _ustar_name(block: bytes) -> bytes:
    """Return the name of a header; only POSIX headers carry the first part in `prefix`."""
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name
