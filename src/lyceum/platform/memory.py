"""How much memory there is here and how much of it is used: of the container, or the machine.

Not here: the memory of one process (`metrics`).
"""

from pathlib import Path
from typing import Final

import msgspec

_CGROUP: Final = Path("/sys/fs/cgroup")
_MACHINE: Final = Path("/proc/meminfo")


class Room(msgspec.Struct, frozen=True):
    """Bytes."""

    used: int
    limit: int


def find_room(cgroup: Path = _CGROUP, machine: Path = _MACHINE) -> Room | None:
    """Return the room of the container if it has a limit, else of the machine; None where the
    kernel does not say. Files that are only cached do not count as used."""
    return _of_container(cgroup) or _of_machine(machine)


def _of_container(folder: Path) -> Room | None:
    """Read the files of control groups, version 2."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    if not limit.isdigit():
        return None
    return Room(max(0, used - int(stat.get("inactive_file", 0))), int(limit))


def _of_machine(file: Path) -> Room | None:
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
        found = {words[0]: int(words[1]) * 1024 for words in lines}
        return Room(found["MemTotal:"] - found["MemAvailable:"], found["MemTotal:"])
    except (OSError, ValueError, KeyError, IndexError):
        return None
