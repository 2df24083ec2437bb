"""Writing zip files: the same bytes for the same content, and nothing of this machine in them.

Not here: reading them (`zip_format`).
"""

import zipfile
from pathlib import Path
from types import TracebackType
from typing import Final

_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_CHUNK: Final = 1024 * 1024
_PACKED: Final = frozenset({"png", "jpg", "jpeg", "gif", "webp", "mp4", "mp3", "zip", "gz", "webm"})


class ZipWriter:
    """A zip file that is being written; a name that is there already is left as it is."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._names: set[str] = set()

    def __enter__(self) -> "ZipWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def add(self, name: str, content: bytes) -> None:
        """Add a member of these bytes."""
        if self._claim(name):
            self._archive.writestr(_info(name), content)

    def add_file(self, name: str, location: Path) -> None:
        """Add a file of this machine under another name."""
        if not self._claim(name):
            return
        info = _info(name)
        info.file_size = location.stat().st_size
        with location.open("rb") as source, self._archive.open(info, "w") as target:
            while chunk := source.read(_CHUNK):
                target.write(chunk)

    def _claim(self, name: str) -> bool:
        is_new = name not in self._names
        self._names.add(name)
        return is_new


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _MOMENT)
    is_packed = name.rpartition(".")[2].lower() in _PACKED
    info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info
