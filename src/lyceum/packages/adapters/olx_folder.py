"""The files of an Open edX course export: found, read once, and what nobody read.

A path from inside the package is only ever looked up among the files that are there, so no
reference leads out of the folder. Not here: what the files mean.
"""

import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from lyceum.packages.adapters import wording, xml
from lyceum.packages.adapters.faults import NotOlx, PackageFault, PackageTooLarge, XmlMalformed

COURSE_FILE = "course.xml"
STATIC = "static/"
MAX_TEXT_FILE_BYTES = 4 * 1024 * 1024
# Of all files together; one that many blocks refer to counts each time.
MAX_READ_BYTES = 256 * 1024 * 1024


class UnreadFile(NamedTuple):
    """A file that the course did not lead to."""

    path: str
    size_bytes: int


class OlxFolder:
    """The folder that holds `course.xml`."""

    def __init__(self, root: Path) -> None:
        self._files = _files_below(root)
        self._read: set[str] = set()
        self._read_bytes = 0

    def has(self, path: str) -> bool:
        """Tell whether there is such a file; `path` is relative and with slashes."""
        return path in self._files

    def read_xml(self, path: str) -> xml.Element:
        """Return the root element of a file; raises XmlMalformed or XmlEntities."""
        data = self._content(path, xml.MAX_DOCUMENT_BYTES)
        if data is None:
            raise XmlMalformed(path, f"larger than {xml.MAX_DOCUMENT_BYTES} bytes")
        return xml.parse_xml(data, path)

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

    def static_files(self) -> list[tuple[str, Path]]:
        """Return the files of the `static` folder by path, with where they lie."""
        return [
            (path, file) for path, file in sorted(self._files.items()) if path.startswith(STATIC)
        ]

    def static_path(self, address: str) -> str | None:
        """Return the path of the file of `static` that an address in a text means, if it is there.

        The platform knew it as `/static/x`, by the name of the asset, or under `/c4x/…/asset/`.
        """
        bare = unquote(address.partition("?")[0].partition("#")[0])
        for mark in ("@asset+block@", "/asset/", STATIC):
            name = bare.rpartition(mark)[2] if mark in bare else ""
            for spelling in (name, name.replace("@", "/"), name.replace(" ", "_")):
                if spelling and STATIC + spelling in self._files:
                    return STATIC + spelling
        return None

    def unread(self) -> list[UnreadFile]:
        """Return the files that nobody has read so far, sorted; those of `static` are kept."""
        return [
            UnreadFile(path, file.stat().st_size)
            for path, file in sorted(self._files.items())
            if path not in self._read and not path.startswith(STATIC)
        ]


def holds_course(folder: Path) -> bool:
    """Tell whether there is an Open edX course somewhere in the folder."""
    return bool(_course_roots(folder))


def open_course(folder: Path) -> OlxFolder:
    """Return the course nearest to the top of the folder; raises NotOlx where there is none."""
    roots = _course_roots(folder)
    if not roots:
        raise NotOlx
    return OlxFolder(roots[0])


def _course_roots(folder: Path) -> list[Path]:
    """Return the folders whose course.xml is a course, from the top down.

    A course.xml that cannot be read counts, so that the reading says what is wrong with it.
    """
    found = [
        file for path, file in _files_below(folder).items() if path.split("/")[-1] == COURSE_FILE
    ]
    found.sort(key=lambda file: (len(file.parts), str(file)))
    return [file.parent for file in found if _is_course(file)]


def _is_course(file: Path) -> bool:
    try:
        if file.stat().st_size > xml.MAX_DOCUMENT_BYTES:
            return True
        return bool(xml.parse_xml(file.read_bytes(), COURSE_FILE).tag == "course")
    except PackageFault:
        return True


def _files_below(root: Path) -> dict[str, Path]:
    """Map each file's path with slashes to where it is; symbolic links are not followed."""
    files = {}
    for folder, _, names in os.walk(root):
        for name in names:
            file = Path(folder, name)
            if file.is_file() and not file.is_symlink():
                files[file.relative_to(root).as_posix()] = file
    return files
