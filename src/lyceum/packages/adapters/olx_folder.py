"""The files of an Open edX course export: where the course is, and what nobody read.

Not here: what the files mean.
"""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from lyceum.packages.adapters import package_folder, xml
from lyceum.packages.adapters.faults import NotOlx, PackageFault
from lyceum.packages.adapters.package_folder import PackageFolder

COURSE_FILE = "course.xml"
STATIC = "static/"


class UnreadFile(NamedTuple):
    """A file that the course did not lead to."""

    path: str
    size_bytes: int


class OlxFolder(PackageFolder):
    """The folder that holds `course.xml`."""

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
        file
        for path, file in package_folder.files_below(folder).items()
        if path.split("/")[-1] == COURSE_FILE
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
