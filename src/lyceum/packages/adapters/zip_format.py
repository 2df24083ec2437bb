"""Members of a zip file: stored or deflated, up to zip64; not encrypted, not split, not nested.

Not the standard library's reader: it builds an object for every entry before anyone can count
them, and its 3.11 releases accept entries that overlap (the quoted bomb: one kernel of data
behind thousands of names). Not here: limits and safe names (`archive`).
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from lyceum.packages.adapters.faults import ArchiveTooLarge, CorruptArchive, UnsafeArchive
from lyceum.packages.adapters.members import CHUNK_BYTES, Member, decode_name

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_MAX_COMMENT = 0xFFFF
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")

_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _STRONGLY_ENCRYPTED, _UTF8, _MASKED = 0x1, 0x40, 0x800, 0x2000
_ZIP64_EXTRA = 0x0001


class Entry(NamedTuple):
    """One line of the central directory."""

    raw_name: bytes
    name: str
    method: int
    checksum: int
    packed_bytes: int
    size_bytes: int
    offset: int


def read_directory(file: BinaryIO, *, max_members: int) -> list[Entry]:
    """Return the entries by their place in the file, after refusing what no honest zip has.

    Raises ArchiveTooLarge at the first entry past `max_members`, UnsafeArchive for links,
    devices, encryption, other compressions and overlapping entries, CorruptArchive for the rest.
    """
    start, size, count = _directory_place(file)
    if count > max_members:
        raise ArchiveTooLarge("members", max_members)
    file.seek(start)
    entries: list[Entry] = []
    at = start
    while at < start + size:
        if len(entries) >= max_members:
            raise ArchiveTooLarge("members", max_members)
        entry, length = _central_entry(file)
        entries.append(entry)
        at += length
    if at != start + size or len(entries) != count:
        raise CorruptArchive("its directory does not add up")
    entries.sort(key=lambda entry: entry.offset)
    _refuse_overlaps(entries, start)
    return entries


def members(file: BinaryIO, entries: list[Entry]) -> Iterator[Member]:
    """Yield the members; the content of one must be read before the next is asked for, or never."""
    for entry in entries:
        is_folder = entry.name.endswith("/")
        if is_folder and entry.size_bytes:
            raise CorruptArchive("a folder has content")
        chunks = iter(()) if is_folder else _content(file, entry)
        yield Member(entry.name, is_folder, entry.size_bytes, chunks)


def _directory_place(file: BinaryIO) -> tuple[int, int, int]:
    """Return where the central directory starts, its bytes and its number of entries."""
    end_at, end = _end_record(file)
    _, disk, directory_disk, _, count, size, start, _ = end
    if end_at >= _LOCATOR64.size:
        file.seek(end_at - _LOCATOR64.size)
        mark, _, at, _ = _LOCATOR64.unpack(_exactly(file, _LOCATOR64.size))
        if mark == b"PK\x06\x07":
            file.seek(min(at, end_at))
            record = _END64.unpack(_exactly(file, _END64.size))
            if record[0] != b"PK\x06\x06":
                raise CorruptArchive("its directory cannot be found")
            disk, directory_disk, _, count, size, start = record[4:]
            end_at = at
    if disk or directory_disk:
        raise CorruptArchive("it is one part of several")
    if start + size != end_at:
        raise CorruptArchive("its directory does not add up")
    return start, size, count


def _end_record(file: BinaryIO) -> tuple[int, tuple[bytes, int, int, int, int, int, int, int]]:
    """Find the end record: the last one whose comment reaches exactly to the end of the file."""
    length = file.seek(0, os.SEEK_END)
    tail_at = max(0, length - _END.size - _MAX_COMMENT)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(_END_MARK)
    while at >= 0:
        if at + _END.size <= len(tail):
            end = _END.unpack_from(tail, at)
            if at + _END.size + end[-1] == len(tail):
                return tail_at + at, end
        at = tail.rfind(_END_MARK, 0, at)
    raise CorruptArchive("its directory cannot be found")


def _central_entry(file: BinaryIO) -> tuple[Entry, int]:
    """Read one entry of the central directory and return it with its length there."""
    fixed = _CENTRAL.unpack(_exactly(file, _CENTRAL.size))
    mark, _, _, flags, method = fixed[:5]
    checksum, packed, size, name_length, extra_length, comment_length = fixed[7:13]
    attributes, offset = fixed[15], fixed[16]
    if mark != b"PK\x01\x02":
        raise CorruptArchive("its directory cannot be read")
    raw_name = _exactly(file, name_length)
    extra = _exactly(file, extra_length)
    file.seek(comment_length, os.SEEK_CUR)
    size, packed, offset = _zip64(extra, size, packed, offset)
    name = decode_name(raw_name) if flags & _UTF8 else raw_name.decode("cp437")
    _refuse_special(name, flags, method, attributes >> 16)
    length = _CENTRAL.size + name_length + extra_length + comment_length
    return Entry(raw_name, name, method, checksum, packed, size, offset), length


def _zip64(extra: bytes, *values: int) -> tuple[int, ...]:
    """Replace each value that overflowed its 32 bits by the one in the zip64 extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _ZIP64_EXTRA:
            field = extra[at + 4 : at + 4 + length]
            wide = [int.from_bytes(field[i : i + 8], "little") for i in range(0, len(field), 8)]
            if values.count(0xFFFFFFFF) > len(wide):
                raise CorruptArchive("a zip64 field is too short")
            larger = iter(wide)
            return tuple(next(larger) if value == 0xFFFFFFFF else value for value in values)
        at += 4 + length
    return values


def _refuse_special(name: str, flags: int, method: int, mode: int) -> None:
    if flags & (_ENCRYPTED | _STRONGLY_ENCRYPTED | _MASKED):
        raise UnsafeArchive("encrypted", name)
    if stat.S_ISLNK(mode):
        raise UnsafeArchive("symbolic-link", name)
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise UnsafeArchive("device", name)
    if method not in {_STORED, _DEFLATED}:
        raise UnsafeArchive("compression-method", name)


def _refuse_overlaps(entries: list[Entry], directory_at: int) -> None:
    """Refuse entries whose bytes belong to another one too, before any is unpacked."""
    free_from = 0
    for entry in entries:
        if entry.offset < free_from:
            raise UnsafeArchive("overlapping-entries", entry.name)
        free_from = entry.offset + _LOCAL.size + len(entry.raw_name) + entry.packed_bytes
    if free_from > directory_at:
        raise CorruptArchive("an entry reaches into the directory")


def _content(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """Yield the content of an entry and check its size and checksum at the end."""
    file.seek(entry.offset)
    local = _LOCAL.unpack(_exactly(file, _LOCAL.size))
    name_length, extra_length = local[9:]
    if local[0] != b"PK\x03\x04" or _exactly(file, name_length) != entry.raw_name:
        raise CorruptArchive("an entry is not what the directory says")
    file.seek(extra_length, os.SEEK_CUR)
    packed = _packed(file, entry.packed_bytes)
    size, checksum = 0, 0
    for chunk in packed if entry.method == _STORED else _inflated(packed):
        size += len(chunk)
        checksum = zlib.crc32(chunk, checksum)
        yield chunk
    if size != entry.size_bytes or checksum != entry.checksum:
        raise CorruptArchive("an entry is not what the directory says")


def _packed(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        chunk = _exactly(file, min(size, CHUNK_BYTES))
        size -= len(chunk)
        yield chunk


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the inflated bytes, never more than a chunk at a time."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in packed:
            waiting = chunk
            while waiting and not inflate.eof:
                yield inflate.decompress(waiting, CHUNK_BYTES)
                waiting = inflate.unconsumed_tail
        while not inflate.eof and (rest := inflate.decompress(b"", CHUNK_BYTES)):
            yield rest
    except zlib.error as problem:
        raise CorruptArchive("an entry cannot be unpacked") from problem
    if not inflate.eof:
        raise CorruptArchive("an entry is cut off")


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise CorruptArchive("it ends too early")
    return data
