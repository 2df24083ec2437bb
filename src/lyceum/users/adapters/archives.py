"""A ZIP archive of JSON and files, written to a temporary file piece by piece."""

import asyncio
import tempfile
import zipfile
from collections.abc import AsyncIterable, AsyncIterator
from typing import IO, Any

import msgspec

_PIECE = 256 * 1024


class ArchiveWriter:
    """An archive under way; use it in `with`, and read it after `finish`."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> "ArchiveWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def add_json(self, name: str, value: Any) -> None:
        """Add a value as readable JSON."""
        text = msgspec.json.format(msgspec.json.encode(value), indent=2)
        await asyncio.to_thread(self._zip.writestr, name, text)

    async def add_file(self, name: str, chunks: AsyncIterable[bytes]) -> None:
        """Add a file as its bytes come."""
        with self._zip.open(name, "w", force_zip64=True) as member:
            async for chunk in chunks:
                await asyncio.to_thread(member.write, chunk)

    async def finish(self) -> int:
        """Complete the archive and return how many bytes it has."""
        await asyncio.to_thread(self._zip.close)
        return self._file.seek(0, 2)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the finished archive."""
        self._file.seek(0)
        while piece := await asyncio.to_thread(self._file.read, _PIECE):
            yield piece
