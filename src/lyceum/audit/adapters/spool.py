"""Lines that wait to be recorded, in a file for each process, so that a killed one loses none.

A process holds the lock of its own file; a file that nobody has locked is of a process that is
dead, and whoever finds it may take its lines and remove it. A line is written with one call and is
safe when the call returns, unless the whole machine stops. Not here: what a line says.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lyceum.platform import ids

_ENDING = ".jsonl"


class Spool:
    """The file of this process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._open()

    def _open(self) -> None:
        while True:
            self.path = self._folder / f"{ids.new_id()}{_ENDING}"
            flags = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY
            self._file = os.open(self.path, flags, 0o600)
            # Somebody may have found it before it was locked, and removed it.
            if _lock(self._file) and self.path.exists():
                return
            os.close(self._file)

    def write(self, line: bytes) -> None:
        """Add a line, which holds no line feed; OSError when the disk does not take it."""
        os.write(self._file, line + b"\n")

    def clear(self) -> None:
        """Forget all lines: they are recorded."""
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Leave the file, and remove it when nothing is in it."""
        if os.fstat(self._file).st_size == 0:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def abandoned(self) -> list[Path]:
        """Return the files of other processes, dead or not."""
        return [path for path in sorted(self._folder.glob(f"*{_ENDING}")) if path != self.path]


class Abandoned(msgspec.Struct, frozen=True):
    """The file of a dead process, which nobody else has for the while."""

    path: Path
    lines: list[bytes]

    def remove(self) -> None:
        """Forget it: its lines are recorded."""
        self.path.unlink(missing_ok=True)


@contextmanager
def adopt(path: Path) -> Iterator[Abandoned | None]:
    """Give a dead process's file; None when its process lives or somebody else was first."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        if not _lock(file) or not path.exists():
            yield None
            return
        yield Abandoned(path, path.read_bytes().splitlines())
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
