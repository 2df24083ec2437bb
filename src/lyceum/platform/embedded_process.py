"""The embedded PostgreSQL as a process: its settings, command line, pid file and last words.

Knows the server's own conventions and changes nothing; `embedded` decides what to do with them.
"""

import os
from pathlib import Path
from typing import Final, Literal, NamedTuple

from lyceum.platform import embedded_setup as setup

State = Literal["down", "starting", "ready", "stopping"]

# Tuned for one small machine. No parallel queries: they need shared memory that containers limit,
# and a busy web server has no idle cores to give. Nothing ships the write-ahead log elsewhere.
SETTINGS: Final = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",  # one a weekday, overwritten when the day comes round
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_lock_waits": "on",
}
LOSSY_SETTINGS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_STATES: Final[dict[str, State]] = {"ready": "ready", "stopping": "stopping"}


class Postmaster(NamedTuple):
    """What postmaster.pid says of a running server."""

    pid: int
    socket_dir: Path | None
    state: State


def command_line(
    folder: Path, binaries: Path, socket_dir: Path, *, durable: bool = True
) -> list[str]:
    """Answer how the server of `folder` is called, from that folder as its working folder."""
    settings = {
        **SETTINGS,
        **({} if durable else LOSSY_SETTINGS),
        "cluster_name": setup.cluster_name(folder),
        "unix_socket_directories": str(socket_dir),
    }
    argv = [str(binaries / "postgres"), "-D", setup.data_argument(folder)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return argv


def find_postmaster(folder: Path) -> Postmaster | None:
    """Answer the running server of `folder`; None when its pid file is absent or stale."""
    try:
        lines = (folder / "postmaster.pid").read_text().split("\n")
        pid = int(lines[0])
        if not Path("/proc/self").exists():
            os.kill(pid, 0)
        # The number may long belong to another process, most of all in a container.
        elif setup.cluster_name(folder).encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return None
    except (OSError, ValueError):
        return None
    # PostgreSQL writes the lines one after the other while it starts.
    lines += [""] * (8 - len(lines))
    socket_dir = Path(lines[4]) if lines[4] else None
    return Postmaster(pid, socket_dir, _STATES.get(lines[7].strip(), "starting"))


def last_words(folder: Path) -> str:
    """Answer what a server that ended wrote last: why, in PostgreSQL's words."""
    lines: list[str] = []
    files = sorted((folder / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)
    for path in files[-2:]:
        text = path.read_text(errors="replace")
        lines += [line for line in text.splitlines() if "FATAL:" in line or "PANIC:" in line]
    return " / ".join(lines[-2:]) or f"see {folder / 'log'}"
