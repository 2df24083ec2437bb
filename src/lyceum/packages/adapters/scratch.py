"""Folders for packages while they are read: private, and gone afterwards.

A process that is killed cannot remove its own, so whoever comes next removes what is left of it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR

from lyceum.platform import clock

PREFIX = "lyceum-package-"
# No reading takes so long by far.
LEFT_BEHIND_SECONDS = 6 * 3600


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder in the system's place for temporary files."""
    remove_left_behind()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        yield Path(folder)


def remove_left_behind() -> None:
    """Remove the folders of processes that were killed: ours by owner, and old."""
    before = clock.utc_now().timestamp() - LEFT_BEHIND_SECONDS
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if (
                S_ISDIR(status.st_mode)
                and status.st_uid == os.getuid()
                and status.st_mtime < before
            ):
                shutil.rmtree(folder, ignore_errors=True)
