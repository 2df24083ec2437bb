"""One member of an archive, whatever the archive; the readers of tar and zip yield these."""

from collections.abc import Iterator
from typing import NamedTuple

CHUNK_BYTES = 256 * 1024


class Member(NamedTuple):
    """A file or folder as the archive names it.

    `size_bytes` is what the archive claims: good enough to refuse by, never to allow by. The
    chunks are read from the archive as they are asked for.
    """

    name: str
    is_folder: bool
    size_bytes: int
    chunks: Iterator[bytes]


def decode_name(raw: bytes) -> str:
    """Return a member's name: UTF-8, or Latin-1 where an old archiver wrote something else."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
