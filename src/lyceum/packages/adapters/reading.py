"""Reading a package for the domain, beside the event loop: what is wrong with it is a fact."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

from lyceum.packages.adapters import faults, formats
from lyceum.packages.adapters.progress import Progress
from lyceum.packages.adapters.receiver import Receiver
from lyceum.packages.errors import PackageRefused, PackageTooBig
from lyceum.packages.records import PackageCourse, PackageReport
from lyceum.platform import errors

# A reading notices between two files, or two chapters.
STOPPING_SECONDS = 30


class ReadingStopped(Exception):
    """Nobody waits for the reading any more."""


@asynccontextmanager
async def open_package(
    path: Path, progress: Progress, receiver: Receiver
) -> AsyncIterator[tuple[PackageCourse, PackageReport]]:
    """Read a package in a thread, where `progress` is called too; its files are there until the
    end of the block.

    Raises PackageRefused or PackageTooBig. When the caller is cancelled, the thread stops first,
    so that it leaves nothing behind.
    """
    unpacked = ExitStack()
    try:
        yield await _read_in_thread(unpacked, path, progress, receiver)
    finally:
        await asyncio.to_thread(unpacked.close)


async def _read_in_thread(
    unpacked: ExitStack, path: Path, progress: Progress, receiver: Receiver
) -> tuple[PackageCourse, PackageReport]:
    is_stopped = threading.Event()

    def tell(share: float) -> None:
        if is_stopped.is_set():
            raise ReadingStopped
        progress(share)

    work = asyncio.ensure_future(asyncio.to_thread(_read, unpacked, path, tell, receiver))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        is_stopped.set()
        with suppress(ReadingStopped, errors.Fact, TimeoutError):
            async with asyncio.timeout(STOPPING_SECONDS):
                await work
        raise


def _read(
    unpacked: ExitStack, path: Path, progress: Progress, receiver: Receiver
) -> tuple[PackageCourse, PackageReport]:
    try:
        return unpacked.enter_context(formats.open_package(path, progress, receiver))
    except (faults.ArchiveTooLarge, faults.PackageTooLarge) as fault:
        raise PackageTooBig(fault.detail, reason=fault.code) from fault
    except faults.PackageFault as fault:
        raise PackageRefused(fault.detail, reason=fault.code) from fault
