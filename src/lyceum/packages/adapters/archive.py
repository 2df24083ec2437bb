"""Unpacking an archive of a stranger into a folder that is gone afterwards.

Names are checked before anything is written, bytes are counted as they are really unpacked, and
archives inside the archive stay files. Not here: how tar and zip are laid out (`tar_format`,
`zip_format`), and what the files mean.
"""

import bz2
import gzip
import lzma
import re
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from lyceum.packages.adapters import scratch, tar_format, zip_format
from lyceum.packages.adapters.faults import (
    ArchiveTooLarge,
    CorruptArchive,
    NotAnArchive,
    UnsafeArchive,
)
from lyceum.packages.adapters.members import Member
from lyceum.packages.adapters.progress import Progress, untold

MIB = 1024 * 1024
MAX_PART_BYTES = 255
MAX_NAME_BYTES = 1024
MAX_DEPTH = 32
# What xz -9 needs to unpack, with room; a header can ask for gigabytes.
XZ_MEMORY_BYTES = 96 * MIB

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class ArchiveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How far an archive may expand; `ratio` is expanded to packed bytes, past `ratio_from_bytes`.

    `members` counts the folders that names imply as well.
    """

    members: int = 50_000
    total_bytes: int = 512 * MIB
    file_bytes: int = 256 * MIB
    ratio: int = 200
    ratio_from_bytes: int = MIB


DEFAULT_LIMITS = ArchiveLimits()


@contextmanager
def unpacked(
    path: Path, *, limits: ArchiveLimits = DEFAULT_LIMITS, progress: Progress = untold
) -> Iterator[Path]:
    """Unpack the archive at `path` and give the folder it is in; the folder is always removed.

    Raises NotAnArchive, CorruptArchive, UnsafeArchive or ArchiveTooLarge. `progress` is told the
    share done, from 0 to 1.
    """
    with scratch.scratch_folder() as root:
        with path.open("rb") as file:
            archive = _Archive(file, path.stat().st_size, limits)
            # The first round writes nothing: a bad member late in the archive leaves no trace.
            for _ in archive.checked_members():
                pass
            for parts, member in archive.checked_members():
                _write(root.joinpath(*parts), member, limits)
                progress(min(1.0, file.tell() / max(1, archive.packed_bytes)))
        progress(1.0)
        yield root


class _Archive:
    """An open archive that can be gone through from the start more than once."""

    def __init__(self, file: BinaryIO, packed_bytes: int, limits: ArchiveLimits) -> None:
        self.packed_bytes = packed_bytes
        self._file = file
        self._limits = limits

    def checked_members(self) -> Iterator[tuple[tuple[str, ...], Member]]:
        """Yield each member with the parts of its path, which is safe to write to."""
        budget = _Budget(self._limits, self.packed_bytes)
        names = _Names(self._limits.members)
        for member in self._members(budget):
            parts = safe_parts(member.name)
            if member.size_bytes > self._limits.file_bytes:
                raise ArchiveTooLarge("file-bytes", self._limits.file_bytes)
            if parts:
                names.claim(parts, member)
                yield parts, member

    def _members(self, budget: "_Budget") -> Iterator[Member]:
        self._file.seek(0)
        head = self._file.read(tar_format.BLOCK)
        self._file.seek(0)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from self._zip_members(budget)
            return
        stream = _stream(self._file, head)
        yield from tar_format.members(lambda size: budget.spend(_read(stream, size)))

    def _zip_members(self, budget: "_Budget") -> Iterator[Member]:
        entries = zip_format.read_directory(self._file, max_members=self._limits.members)
        budget.refuse(sum(entry.size_bytes for entry in entries))
        for member in zip_format.members(self._file, entries):
            yield member._replace(chunks=(budget.spend(chunk) for chunk in member.chunks))


class _Budget:
    """Counts the bytes that came out of an archive."""

    def __init__(self, limits: ArchiveLimits, packed_bytes: int) -> None:
        self._limits = limits
        self._packed_bytes = packed_bytes
        self._spent = 0

    def spend(self, chunk: bytes) -> bytes:
        """Count a chunk and hand it on, or raise ArchiveTooLarge."""
        self._spent += len(chunk)
        self.refuse(self._spent)
        return chunk

    def refuse(self, expanded_bytes: int) -> None:
        """Raise ArchiveTooLarge when so many bytes are beyond the limits."""
        limits = self._limits
        if expanded_bytes > limits.total_bytes:
            raise ArchiveTooLarge("total-bytes", limits.total_bytes)
        by_ratio = max(limits.ratio_from_bytes, limits.ratio * self._packed_bytes)
        if expanded_bytes > by_ratio:
            raise ArchiveTooLarge("ratio", limits.ratio)


class _Names:
    """The names taken so far, as the least careful file system would tell them apart."""

    def __init__(self, max_members: int) -> None:
        self._max_members = max_members
        self._taken: dict[str, tuple[str, bool]] = {}

    def claim(self, parts: tuple[str, ...], member: Member) -> None:
        """Take a name and the folders above it; a folder may be named again, a file may not."""
        for depth in range(1, len(parts) + 1):
            spelling = "/".join(parts[:depth])
            is_folder = depth < len(parts) or member.is_folder
            key = unicodedata.normalize("NFC", spelling).casefold()
            if key not in self._taken:
                if len(self._taken) >= self._max_members:
                    raise ArchiveTooLarge("members", self._max_members)
                self._taken[key] = (spelling, is_folder)
                continue
            taken_spelling, taken_is_folder = self._taken[key]
            if taken_spelling != spelling:
                raise UnsafeArchive("case-clash", member.name)
            if not (is_folder and taken_is_folder):
                raise UnsafeArchive("duplicate-name", member.name)


def safe_parts(name: str) -> tuple[str, ...]:
    """Return the parts of a member's path below the folder; empty for the folder itself.

    Raises UnsafeArchive for any name that could lead elsewhere on any system.
    """
    if len(name.encode()) > MAX_NAME_BYTES:
        raise UnsafeArchive("long-name", name)
    if "\\" in name:
        raise UnsafeArchive("backslash", name)
    if _CONTROL.search(name):
        raise UnsafeArchive("control-character", name)
    if name.startswith("/"):
        raise UnsafeArchive("absolute-path", name)
    if _DRIVE.match(name):
        raise UnsafeArchive("drive-letter", name)
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise UnsafeArchive("parent-folder", name)
    if len(parts) > MAX_DEPTH or any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        raise UnsafeArchive("long-name", name)
    return parts


def _write(target: Path, member: Member, limits: ArchiveLimits) -> None:
    if member.is_folder:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("xb") as out:
        for chunk in member.chunks:
            written += len(chunk)
            if written > limits.file_bytes:
                raise ArchiveTooLarge("file-bytes", limits.file_bytes)
            out.write(chunk)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _stream(file: BinaryIO, head: bytes) -> _Stream:
    """Return the tar inside `file`, decompressed as it is read."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file, "rb")
    if head.startswith(b"\xfd7zXZ\x00"):
        return _XzStream(file)
    if tar_format.looks_like_tar(head):
        return file
    raise NotAnArchive


def _read(stream: _Stream, size: int) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, zlib.error, lzma.LZMAError) as problem:
        raise CorruptArchive("it cannot be unpacked") from problem
    except OSError as problem:
        if problem.errno is not None:  # the disk's fault and not the archive's
            raise
        raise CorruptArchive("it cannot be unpacked") from problem


class _XzStream:
    """An xz file with a bound on the memory that its header may ask for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = self._fresh()

    @staticmethod
    def _fresh() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end; EOFError where the file is cut off."""
        while True:
            if self._decompressor.eof:
                rest = self._decompressor.unused_data or self._file.read(tar_format.BLOCK)
                fed = rest.lstrip(b"\0")
                if not fed:
                    return b""
                self._decompressor = self._fresh()
            elif self._decompressor.needs_input:
                fed = self._file.read(64 * 1024)
                if not fed:
                    raise EOFError
            else:
                fed = b""
            if data := self._decompressor.decompress(fed, size):
                return data
