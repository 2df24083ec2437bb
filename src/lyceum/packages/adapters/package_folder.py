"""The files of an unpacked package: found once, and read within bounds.

A path from inside the package is only ever looked up among the files that are there, so no
reference leads out of the folder. Not here: what the files mean.
"""

import os
from pathlib import Path

from lyceum.packages.adapters import wording, xml
from lyceum.packages.adapters.faults import PackageTooLarge, XmlMalformed

MAX_TEXT_FILE_BYTES = 4 * 1024 * 1024
# Of all files together; one that many places refer to counts each time.
MAX_READ_BYTES = 256 * 1024 * 1024


class PackageFolder:
    """The files below a folder, by their paths with slashes."""

    def __init__(self, root: Path) -> None:
        self._files = files_below(root)
        self._read: set[str] = set()
        self._read_bytes = 0

    def has(self, path: str) -> bool:
        """Tell whether there is such a file; `path` is relative and with slashes."""
        return path in self._files

    def read_xml(self, path: str, limits: xml.XmlLimits = xml.DEFAULT_LIMITS) -> xml.Element:
        """Return the root element of a file; raises XmlMalformed or XmlEntities."""
        if path not in self._files:
            raise XmlMalformed(path, "it is missing")
        data = self._content(path, limits.document_bytes)
        if data is None:
            raise XmlMalformed(path, f"larger than {limits.document_bytes} bytes")
        return xml.parse_xml(data, path, limits)

    def read_text(self, path: str) -> str | None:
        """Return the text of a file; None where it is absent or beyond 4 MiB."""
        data = self._content(path, MAX_TEXT_FILE_BYTES) if path in self._files else None
        return None if data is None else wording.keepable(data.decode("utf-8-sig", "replace"))

    def _content(self, path: str, most: int) -> bytes | None:
        """Return the bytes of a file unless they are too many; raises PackageTooLarge in sum."""
        self._read.add(path)
        file = self._files[path]
        size = file.stat().st_size
        if size > most:
            return None
        self._read_bytes += size
        if self._read_bytes > MAX_READ_BYTES:
            raise PackageTooLarge(f"The course refers to more than {MAX_READ_BYTES} bytes of text")
        return file.read_bytes()

    def paths(self) -> list[str]:
        """Return the path of every file, sorted."""
        return sorted(self._files)

    def location(self, path: str) -> Path:
        """Return where a file lies."""
        return self._files[path]


def files_below(root: Path) -> dict[str, Path]:
    """Map each file's path with slashes to where it is; symbolic links are not followed."""
    files = {}
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            if file.is_file() and not file.is_symlink():
                files[file.relative_to(root).as_posix()] = file
    return files
