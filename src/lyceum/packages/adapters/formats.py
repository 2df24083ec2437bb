"""Which format a package is in, and the one door to reading any of them.

A further format is one more line of `READERS`. Not here: how a format is read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from lyceum.packages.adapters import archive, cc, lyceum_archive, moodle, olx, olx_folder
from lyceum.packages.adapters.archive import DEFAULT_LIMITS, ArchiveLimits
from lyceum.packages.adapters.faults import UnknownFormat
from lyceum.packages.adapters.progress import Progress
from lyceum.packages.adapters.receiver import ANY, Receiver
from lyceum.packages.records import PackageCourse, PackageReport

Format = Literal["lyceum", "olx", "common-cartridge", "moodle"]

# Of the time a package takes, unpacking is about this share.
_UNPACKING = 0.3


class Reader(NamedTuple):
    """How one format is recognised and read; `recognises` looks at an unpacked folder."""

    format: Format
    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Progress, Receiver], tuple[PackageCourse, PackageReport]]


# The first that recognises a package reads it: the course.xml of other formats is none of Open edX.
READERS = (
    Reader(
        "lyceum",
        "Lyceum course archive (.lyceum.zip)",
        lyceum_archive.holds_archive,
        lyceum_archive.read_archive,
    ),
    Reader(
        "common-cartridge",
        "Common Cartridge 1.0 to 1.3 (.imscc)",
        cc.holds_cartridge,
        cc.read_cartridge,
    ),
    Reader(
        "moodle",
        "Moodle course backup of 2.0 and newer (.mbz)",
        moodle.holds_backup,
        moodle.read_backup,
    ),
    Reader("olx", "Open edX course export (OLX)", olx_folder.holds_course, olx.read_olx),
)


def detect_format(folder: Path) -> Format:
    """Return the format of an unpacked package; raises UnknownFormat, naming those we read."""
    return _reader_for(folder).format


@contextmanager
def open_package(
    path: Path,
    progress: Progress,
    receiver: Receiver = ANY,
    *,
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> Iterator[tuple[PackageCourse, PackageReport]]:
    """Unpack and read the package at `path`; its files are there until the end of the block.

    Raises a PackageFault for a package that cannot be taken. `progress` is told the share done,
    from 0 to 1 and never less than before.
    """
    with archive.unpacked(
        path, limits=limits, progress=lambda share: progress(share * _UNPACKING)
    ) as folder:
        reader = _reader_for(folder)

        def tell(share: float) -> None:
            progress(_UNPACKING + share * (1 - _UNPACKING))

        yield reader.read(folder, tell, receiver)


def _reader_for(folder: Path) -> Reader:
    for reader in READERS:
        if reader.recognises(folder):
            return reader
    raise UnknownFormat(tuple(reader.name for reader in READERS))
