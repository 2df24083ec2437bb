"""Reading a package for the domain, beside the event loop: what is wrong with it is a fact."""

import asyncio
import threading
from contextlib import suppress
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


async def read_in_thread(
    path: Path, progress: Progress, receiver: Receiver
) -> tuple[PackageCourse, PackageReport]:
    """Read a package in a thread, where `progress` is called too.

    Raises PackageRefused or PackageTooBig. When the caller is cancelled, the thread stops first,
    so that it leaves nothing behind.
    """
    is_stopped = threading.Event()

    def tell(share: float) -> None:
        if is_stopped.is_set():
            raise ReadingStopped
        progress(share)

    work = asyncio.ensure_future(asyncio.to_thread(_read, path, tell, receiver))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        is_stopped.set()
        with suppress(ReadingStopped, errors.Fact, TimeoutError):
            async with asyncio.timeout(STOPPING_SECONDS):
                await work
        raise


def _read(
    path: Path, progress: Progress, receiver: Receiver
) -> tuple[PackageCourse, PackageReport]:
    try:
        return formats.read_package(path, progress, receiver)
    except (faults.ArchiveTooLarge, faults.PackageTooLarge) as fault:
        raise PackageTooBig(fault.detail, reason=fault.code) from fault
    except faults.PackageFault as fault:
        raise PackageRefused(fault.detail, reason=fault.code) from fault
