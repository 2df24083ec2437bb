"""Making the package of a course beside the event loop: its files fetched, then written.

Not here: the formats (`lyceum_archive`, `cc_writer`).
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from lyceum.packages.adapters import assets, cc_writer, lyceum_archive
from lyceum.packages.adapters.scratch import scratch_folder
from lyceum.packages.records import (
    ExportFormat,
    KeptFile,
    LeftOut,
    PackageAsset,
    PackageCourse,
)
from lyceum.platform import errors
from lyceum.platform.storage import FileMissing, Storage, StorageUnavailable

STORED: Final = "exports"
"""The folder of the store."""
ENDINGS: Final[dict[ExportFormat, str]] = {"lyceum": ".lyceum.zip", "cc": ".imscc"}


class Package(NamedTuple):
    """A package that was written, and what of the course its format could not hold."""

    path: Path
    notes: tuple[LeftOut, ...]


@asynccontextmanager
async def packed(
    storage: Storage, course: PackageCourse, files: list[KeptFile], export_format: ExportFormat
) -> AsyncIterator[Package]:
    """Write the package of a course; it is there until the end of the block."""
    with scratch_folder() as folder:
        fetched, missing = await _fetch(storage, files, folder)
        path = folder / "package"
        notes: tuple[LeftOut, ...] = ()
        if export_format == "cc":
            notes = await asyncio.to_thread(cc_writer.write_cartridge, path, course, fetched)
        else:
            await asyncio.to_thread(lyceum_archive.write_archive, path, course, fetched)
        yield Package(path, (*missing, *notes))


def file_name(course: PackageCourse, export_format: ExportFormat) -> str:
    """Return what to call the package."""
    name = re.sub(r"[^\w -]+", "", course.title)[:100].strip() or "course"
    return f"{name}{ENDINGS[export_format]}"


async def _fetch(
    storage: Storage, files: list[KeptFile], folder: Path
) -> tuple[list[PackageAsset], list[LeftOut]]:
    fetched, missing = [], []
    for number, file in enumerate(files):
        location = folder / f"file-{number}"
        try:
            with location.open("wb") as out:
                async for chunk in await storage.stream(file.file_key):
                    await asyncio.to_thread(out.write, chunk)
        except FileMissing:
            reason = "its content is not in the store"
            missing.append(LeftOut(kind="file", reason=reason, path=file.path))
            continue
        except StorageUnavailable as fault:
            raise errors.ServiceUnavailable(str(fault)) from fault
        fetched.append(assets.asset(file.path, location, is_for_staff=file.is_for_staff))
    return fetched, missing
