"""What the resources of a Common Cartridge hold, as lectures.

Not here: which resources there are and in what order (`cc_manifest`, `cc`), Canvas's own files
(`cc_canvas`).
"""

import re
from html import escape

from lyceum.packages.adapters import assets, cc_canvas, qti_document, web_media, wording, xml
from lyceum.packages.adapters.cc_links import Links
from lyceum.packages.adapters.cc_manifest import Resource
from lyceum.packages.adapters.faults import XmlMalformed
from lyceum.packages.adapters.gathering import Gathering
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import LectureKind, PackageLecture

_TITLE = re.compile(r"<title\b[^>]*>(.{0,2000}?)</title>", re.IGNORECASE | re.DOTALL)
QTI_LIMITS = xml.XmlLimits(16 * 1024 * 1024, 500_000)


class Left(Exception):
    """Why a resource stays behind, in words for the report."""


class Content:
    """Turns resources into lectures."""

    def __init__(self, folder: PackageFolder, links: Links, gathering: Gathering) -> None:
        self._folder = folder
        self._links = links
        self._gathering = gathering
        self._ways = {
            "page": self._page,
            "discussion": self._discussion,
            "weblink": self._weblink,
            "assignment": self._assignment,
            "assessment": self._quiz,
            "bank": self._quiz,
        }

    def read(self, kind: str, resource: Resource, key: str, title: str) -> PackageLecture:
        """Return the lecture of a resource; raises Left with the reason why there is none."""
        way = self._ways.get(kind)
        if way is None:
            raise Left("resources of this kind are not known here")
        try:
            return way(resource, key, title)
        except XmlMalformed as problem:
            raise Left(f"its file cannot be read: {problem.problem}") from problem

    def file_lecture(self, path: str, key: str, title: str) -> PackageLecture:
        """Return the lecture that a file in the organization becomes."""
        shown = escape(title or path.rpartition("/")[2])
        reference = assets.reference(path)
        if web_media.is_played(path):
            video = web_media.video_at(reference)
            return PackageLecture(external_id=key, kind="video", title=title, video=video)
        picture = web_media.picture(reference, path)
        html = f'{picture}<p><a href="{reference}">{shown}</a></p>'
        return PackageLecture(external_id=key, kind="file", title=title, html=html)

    def _page(self, resource: Resource, key: str, title: str) -> PackageLecture:
        path = resource.href or resource.files[0]
        html = self._folder.read_text(path)
        if html is None:
            raise Left("its file is missing or too large")
        found = _TITLE.search(html)
        own = wording.plain_line(found[1]) if found else ""
        return self._text(html, path, key, title or own or path.rpartition("/")[2])

    def _text(
        self, html: str, path: str, key: str, title: str, *, is_assignment: bool = False
    ) -> PackageLecture:
        resolve = self._links.resolver(path.rpartition("/")[0])
        shown, fault = self._gathering.read_text(html, resolve, path)
        if fault:
            raise Left(fault)
        kind: LectureKind = "assignment" if is_assignment else "text"
        return PackageLecture(external_id=key, kind=kind, title=title, html=shown)

    def _discussion(self, resource: Resource, key: str, title: str) -> PackageLecture:
        path, root = self._document(resource)
        words = _formatted(root.find("text")) + self._attached(root)
        self._gathering.tally.sum_up(
            "discussion-thread", "it is kept as reading: nobody can answer there yet", 1, path
        )
        return self._text(words, path, key, title or xml.text_at(root, "title"))

    def _assignment(self, resource: Resource, key: str, title: str) -> PackageLecture:
        path, root = self._document(resource)
        if root.tag == "html":
            raise Left("it has no description in a form that is known")
        words = _formatted(root.find("text")) + self._attached(root)
        if xml.text_at(root, "instructor_text"):
            self._gathering.tally.sum_up("instructor-text", "it is for teachers", 1, path)
        gradable = root.find("gradable")
        points = None if gradable is None else gradable.get("points_possible")
        if points and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", points):
            words += f"<p>Points: {float(points):g}</p>"
        name = title or xml.text_at(root, "title")
        return self._text(words, path, key, name, is_assignment=True)

    def canvas_assignment(self, path: str, key: str, title: str) -> PackageLecture:
        """Return the lecture of an assignment that Canvas wrote as a page with settings beside."""
        html = self._folder.read_text(path)
        if html is None:
            raise Left("its file is missing or too large")
        return self._text(html, path, key, title, is_assignment=True)

    def _weblink(self, resource: Resource, key: str, title: str) -> PackageLecture:
        _, root = self._document(resource)
        url = root.find("url")
        address = wording.web_address((url.get("href") if url is not None else "") or "")
        if not address:
            raise Left("its address is none of the web")
        name = title or wording.one_line(xml.text_at(root, "title")) or address
        if video := web_media.video_of(address):
            return PackageLecture(external_id=key, kind="video", title=name, video=video)
        html = f'<p><a href="{escape(address)}">{escape(name)}</a></p>'
        shown, fault = self._gathering.read_text(html, self._links.resolver(""), key)
        if fault:
            raise Left(fault)
        return PackageLecture(external_id=key, kind="embed", title=name, html=shown)

    def _quiz(self, resource: Resource, key: str, title: str) -> PackageLecture:
        path = cc_canvas.fuller_quiz(self._folder, resource) or _first_file(resource)
        root = xml.strip_namespaces(self._folder.read_xml(path, QTI_LIMITS))
        document = qti_document.read_document(root, key)
        if document is None:
            raise Left("its file holds neither a test nor a bank of questions")
        if document.drawn:
            reason = "all its questions are asked; drawing some of them at random is not"
            self._gathering.tally.sum_up("random-section", reason, document.drawn, path)
        meta = cc_canvas.quiz_meta(self._folder, resource)
        lecture = self._gathering.read_quiz(
            key,
            title or document.title or meta.title,
            document.intro_html + meta.description_html,
            list(document.items),
            self._links.resolver(path.rpartition("/")[0]),
            cc_canvas.rules_of(document.rules, meta),
        )
        if lecture is None:
            raise Left("none of its questions can be asked or read here")
        return lecture

    def _document(self, resource: Resource) -> tuple[str, Element]:
        path = _first_file(resource)
        return path, xml.strip_namespaces(self._folder.read_xml(path))

    def _attached(self, root: Element) -> str:
        """Return links to the files that are attached to a topic or an assignment."""
        listed = []
        for attachment in root.iterfind("attachments/attachment"):
            href = attachment.get("href") or ""
            name = href.rpartition("/")[2]
            listed.append(f'<li><a href="{escape(href)}">{escape(name)}</a></li>')
        return f"<ul>{''.join(listed)}</ul>" if listed else ""


def _first_file(resource: Resource) -> str:
    named = [path for path in (resource.href, *resource.files) if path]
    if not named:
        raise Left("it names no file")
    return named[0]


def _formatted(element: Element | None) -> str:
    """Return a text as HTML, by the type that it says it has."""
    if element is None:
        return ""
    if "html" in (element.get("texttype") or "text/plain"):
        return xml.inner_html(element)
    paragraphs = re.split(r"\n\s*\n", (element.text or "").strip())
    return "".join(f"<p>{escape(each, quote=False)}</p>" for each in paragraphs if each)
