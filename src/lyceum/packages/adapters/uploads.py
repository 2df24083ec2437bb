"""Putting the files of a package into the store, before any row knows of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from lyceum.packages.adapters import media_types
from lyceum.packages.records import PackageAsset
from lyceum.platform import errors
from lyceum.platform.storage import Storage, StorageUnavailable

STORED: Final = "course-files"
"""The folder of the store."""
_CHUNK: Final = 1024 * 1024


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a package that is in the store, and in no row yet."""

    path: str
    key: str
    media_type: str
    size_bytes: int
    sha256: bytes
    is_for_staff: bool


async def upload_files(
    storage: Storage, import_id: UUID, found: Iterable[PackageAsset]
) -> tuple[UploadedFile, ...]:
    """Put the files of a package into the store, under names of ours; safe to repeat.

    What no course comes to hold is removed by `jobs.purge_files`.
    """
    uploaded = []
    for number, asset in enumerate(found):
        key = f"{STORED}/{import_id}/{number}"
        reading = _Reading(asset.location)
        try:
            await storage.put(key, reading.chunks())
        except StorageUnavailable as fault:
            raise errors.ServiceUnavailable(str(fault)) from fault
        uploaded.append(
            UploadedFile(
                path=asset.path,
                key=key,
                media_type=media_types.media_type(asset.path, reading.head),
                size_bytes=reading.size,
                sha256=reading.digest.digest(),
                is_for_staff=asset.is_for_staff,
            )
        )
    return tuple(uploaded)


async def chunks_of(location: Path) -> AsyncIterator[bytes]:
    """Yield the bytes of a file, read beside the event loop."""
    with location.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


class _Reading:
    """A file on its way into the store."""

    def __init__(self, location: Path) -> None:
        self._location = location
        self.digest = hashlib.sha256()
        self.head = b""
        self.size = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in chunks_of(self._location):
            self.head = self.head or chunk[: media_types.HEAD_BYTES]
            self.digest.update(chunk)
            self.size += len(chunk)
            yield chunk
