"""A course as a Common Cartridge 1.3, by the rules of 1EdTech's information model for it.

One organization with one root, every file in a resource, identifiers that are XML names and unique.
Not here: tests (`qti_writer`).
"""

import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

from lyceum.courses import api as courses
from lyceum.packages.adapters import assets, web_media
from lyceum.packages.adapters.qti_writer import QtiWriter
from lyceum.packages.adapters.zip_writer import ZipWriter
from lyceum.packages.records import LeftOut, PackageAsset, PackageCourse, PackageLecture

FILES = "web_resources"
_FILE_BASE = "$IMS-CC-FILEBASE$"
_ASSESSMENT = "imsqti_xmlv1p2/imscc_xmlv1p3/assessment"
_LINK = "imswl_xmlv1p3"
_ASSIGNMENT = "assignment_xmlv1p0"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAMESPACES = (
    'xmlns="http://www.imsglobal.org/xsd/imsccv1p3/imscp_v1p1" '
    'xmlns:lom="http://ltsc.ieee.org/xsd/imsccv1p3/LOM/resource" '
    'xmlns:lomimscc="http://ltsc.ieee.org/xsd/imsccv1p3/LOM/manifest" '
    'xmlns:cpx="http://www.imsglobal.org/xsd/imsccv1p3/imscp_extensionv1p2" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.imsglobal.org/xsd/imsccv1p3/imscp_v1p1 '
    "http://www.imsglobal.org/profile/cc/ccv1p3/ccv1p3_imscp_v1p2_v1p0.xsd "
    "http://ltsc.ieee.org/xsd/imsccv1p3/LOM/resource "
    "http://www.imsglobal.org/profile/cc/ccv1p3/LOM/ccv1p3_lomresource_v1p0.xsd "
    "http://ltsc.ieee.org/xsd/imsccv1p3/LOM/manifest "
    "http://www.imsglobal.org/profile/cc/ccv1p3/LOM/ccv1p3_lommanifest_v1p0.xsd "
    "http://www.imsglobal.org/xsd/imsccv1p3/imscp_extensionv1p2 "
    'http://www.imsglobal.org/profile/cc/ccv1p3/ccv1p3_cpextensionv1p2_v1p0.xsd"'
)
_FOR_STAFF = (
    "<metadata><lom:lom><lom:educational><lom:intendedEndUserRole>"
    "<lom:source>IMSGLC_CC_Rolesv1p2</lom:source><lom:value>Instructor</lom:value>"
    "</lom:intendedEndUserRole></lom:educational></lom:lom></metadata>"
)


class _Document(NamedTuple):
    """A resource with its own document."""

    identifier: str
    kind: str
    path: str
    content: str
    more: str = ""


def write_cartridge(
    path: Path, course: PackageCourse, files: Iterable[PackageAsset]
) -> tuple[LeftOut, ...]:
    """Write the cartridge of a course to `path`; return what of the course it does not hold."""
    with ZipWriter(path) as archive:
        writer = _Writer(course, list(files))
        archive.add("imsmanifest.xml", writer.manifest().encode())
        for document in writer.documents:
            archive.add(document.path, document.content.encode())
        for place, asset in writer.places():
            archive.add_file(place, asset.location)
    return writer.notes()


class _Writer:
    def __init__(self, course: PackageCourse, files: list[PackageAsset]) -> None:
        self.documents: list[_Document] = []
        self._course = course
        self._files = files
        self._lost: Counter[str] = Counter()
        taken: set[str] = set()
        self._names = {assets.token_of(file.path): _place(file.path, taken) for file in files}
        self._quizzes = QtiWriter(self._in_descriptor)
        self._organised = "".join(
            self._chapter(number, chapter.title, chapter.lectures)
            for number, chapter in enumerate(course.chapters, 1)
        )

    def manifest(self) -> str:
        """Return the manifest."""
        title, language = escape(self._course.title), escape(self._course.language or "en")
        described = escape(self._in_descriptor(self._course.description_html), quote=False)
        resources = "".join(map(_resource, self.documents))
        resources += "".join(
            f'<resource identifier="f{number}" type="webcontent" href="{escape(place)}">'
            f"{_FOR_STAFF if file.is_for_staff else ''}"
            f'<file href="{escape(place)}"/></resource>'
            for number, (place, file) in enumerate(self.places(), 1)
        )
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<manifest identifier="'
            f'c{assets.token_of(self._course.external_id)}" {_NAMESPACES}><metadata>'
            "<schema>IMS Common Cartridge</schema><schemaversion>1.3.0</schemaversion>"
            "<lomimscc:lom><lomimscc:general><lomimscc:title><lomimscc:string "
            f'language="{language}">{title}</lomimscc:string></lomimscc:title>'
            f"<lomimscc:language>{language}</lomimscc:language><lomimscc:description>"
            f'<lomimscc:string language="{language}">{described}</lomimscc:string>'
            "</lomimscc:description></lomimscc:general></lomimscc:lom></metadata>"
            '<organizations><organization identifier="o1" structure="rooted-hierarchy">'
            f'<item identifier="root">{self._organised}</item></organization></organizations>'
            f"<resources>{resources}</resources></manifest>"
        )

    def places(self) -> list[tuple[str, PackageAsset]]:
        """Return the files with their places in the cartridge."""
        return [
            (f"{FILES}/{self._names[assets.token_of(file.path)]}", file) for file in self._files
        ]

    def notes(self) -> tuple[LeftOut, ...]:
        """Return what the cartridge does not hold."""
        lost = Counter(self._lost)
        for reason, _ in self._quizzes.lost:
            lost[reason] += 1
        if self._course.settings is not None:
            lost["price, seats, dates and other settings of the course"] += 1
        return tuple(
            LeftOut(kind="not-exported", reason=reason, count=count)
            for reason, count in lost.items()
        )

    def _chapter(self, number: int, title: str, lectures: tuple[PackageLecture, ...]) -> str:
        """Return the folder of a chapter; lectures of one section stand in a folder inside."""
        parts: list[str] = []
        section, held = "", ""
        for place, lecture in enumerate(lectures, 1):
            if lecture.section != section:
                parts.append(_folder(f"m{number}_s{place}", section, held))
                section, held = lecture.section, ""
            held += self._lecture(f"r{number}_{place}", lecture)
        parts.append(_folder(f"m{number}_s0", section, held))
        return f'<item identifier="m{number}"><title>{escape(title)}</title>{"".join(parts)}</item>'

    def _lecture(self, identifier: str, lecture: PackageLecture) -> str:
        if lecture.duration_seconds:
            self._lost["how long lectures take"] += 1
        if lecture.release not in (None, courses.LectureRelease()):
            self._lost["when lectures open"] += 1
        if lecture.is_preview:
            self._lost["which lectures are previews"] += 1
        title = lecture.title
        if lecture.kind == "quiz" and lecture.questions:
            before = ""
            if lecture.html:
                page = self._page(f"{identifier}_intro", title, lecture.html)
                before = _entry(page, f"{title} (introduction)")
            content = self._quizzes.write(identifier, lecture)
            path = f"assessments/{identifier}/assessment.xml"
            return before + _entry(self._add(identifier, _ASSESSMENT, path, content), title)
        if lecture.kind == "assignment" and lecture.html:
            return _entry(self._assignment(identifier, lecture), title)
        address = lecture.media_url or ""
        if address.startswith("http") and not lecture.html:
            return _entry(self._link(identifier, title, address), title)
        html = lecture.html
        if address:
            html += f'<p><a href="{escape(address)}">{escape(title)}</a></p>'
        return _entry(self._page(identifier, title, html or f"<p>{escape(title)}</p>"), title)

    def _page(self, identifier: str, title: str, html: str) -> str:
        placed = _put(html, self._names, f"../{FILES}/")
        content = (
            '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
            f"<title>{escape(title)}</title></head><body>{placed}</body></html>"
        )
        return self._add(identifier, "webcontent", f"pages/{identifier}.html", content)

    def _link(self, identifier: str, title: str, address: str) -> str:
        content = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<webLink xmlns="http://www.imsglobal.org/xsd/imsccv1p3/imswl_v1p3">'
            f"<title>{escape(title)}</title>"
            f'<url href="{escape(address)}" target="_blank"/></webLink>'
        )
        if web_media.video_of(address) is None:
            self._lost["that a link is a video"] += 1
        return self._add(identifier, _LINK, f"links/{identifier}.xml", content)

    def _assignment(self, identifier: str, lecture: PackageLecture) -> str:
        """Add an assignment of the extension, with a page for who does not know it."""
        text = escape(self._in_descriptor(lecture.html), quote=False)
        content = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<assignment identifier="'
            f'{identifier}" xmlns="http://www.imsglobal.org/xsd/imscc_extensions/assignment">'
            f'<title>{escape(lecture.title)}</title><text texttype="text/html">{text}</text>'
            "<gradable>false</gradable></assignment>"
        )
        path = f"assignments/{identifier}/assignment.xml"
        self._add(identifier, _ASSIGNMENT, path, content)
        fallback = f"{identifier}_fallback"
        self._page(fallback, lecture.title, lecture.html)
        variant = (
            f'<cpx:variant identifier="{identifier}_variant" identifierref="{identifier}">'
            "<cpx:metadata/></cpx:variant>"
        )
        self.documents[-1] = self.documents[-1]._replace(more=variant)
        return identifier

    def _add(self, identifier: str, kind: str, path: str, content: str) -> str:
        self.documents.append(_Document(identifier, kind, path, content))
        return identifier

    def _in_descriptor(self, html: str) -> str:
        return _put(html, self._names, f"{_FILE_BASE}/")


def _put(html: str, names: dict[str, str], base: str) -> str:
    return assets.put_addresses(html, {token: f"{base}{name}" for token, name in names.items()})


def _place(path: str, taken: set[str]) -> str:
    """Return a name for a file that every system takes, told apart from the others."""
    parts = [_UNSAFE.sub("_", part)[-80:].lstrip(".") or "_" for part in path.split("/")]
    name = "/".join(parts[-4:])
    if name.casefold() in taken:
        name = f"{assets.token_of(path)[:8]}/{name}"
    taken.add(name.casefold())
    return name


def _folder(identifier: str, title: str, held: str) -> str:
    if not title or not held:
        return held
    return f'<item identifier="{identifier}"><title>{escape(title)}</title>{held}</item>'


def _entry(resource: str, title: str) -> str:
    return (
        f'<item identifier="i_{resource}" identifierref="{resource}">'
        f"<title>{escape(title)}</title></item>"
    )


def _resource(document: _Document) -> str:
    is_page = document.kind == "webcontent" and not document.more
    href = f' href="{document.path}"' if is_page or document.kind == _ASSIGNMENT else ""
    return (
        f'<resource identifier="{document.identifier}" type="{document.kind}"{href}>'
        f'{document.more}<file href="{document.path}"/></resource>'
    )
