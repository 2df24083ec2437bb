"""Reads a Common Cartridge (`.imscc`, 1.0 to 1.3): modules, pages, files, links, topics, tests.

A folder at the top of the organization becomes a chapter; folders and headings inside it become the
sections of its lectures. What the organization leaves out but a learner could read comes into a
chapter of its own, and so do question banks. Not here: the manifest (`cc_manifest`), what is in a
resource (`cc_content`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from lyceum.packages.adapters import (
    assets,
    cc_canvas,
    cc_manifest,
    readable,
    titles,
    wording,
)
from lyceum.packages.adapters.cc_content import Content, Left
from lyceum.packages.adapters.cc_links import Links
from lyceum.packages.adapters.cc_manifest import Item, Manifest, Resource
from lyceum.packages.adapters.cc_sorting import Sorted, sort_resources
from lyceum.packages.adapters.faults import NotCommonCartridge
from lyceum.packages.adapters.gathering import Gathering
from lyceum.packages.adapters.keys import Keys
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.progress import Progress, untold
from lyceum.packages.adapters.receiver import ANY, Receiver
from lyceum.packages.records import PackageChapter, PackageCourse, PackageLecture, PackageReport

FORMAT = "common-cartridge"
COUNTED = {
    "chapter": "chapters",
    "page": "pages",
    "assignment": "assignments",
    "discussion": "discussions",
    "weblink": "weblinks",
    "assessment": "assessments",
    "bank": "question-banks",
    "tool": "tools",
    "file": "files",
}
OUTSIDE = "Outside the modules"
BANKS = "Question banks"
_UNTITLED = "Untitled course"
_TOOL = "tools of other sites are not connected"
_STAFF = "it is for teachers"


class _Leaf(NamedTuple):
    """An entry of the organization that names a resource, in its section."""

    item: Item
    section: str


def holds_cartridge(folder: Path) -> bool:
    """Tell whether there is a manifest of IMS content at the top of the package."""
    return _root(folder) is not None


def read_cartridge(
    folder: Path, progress: Progress = untold, receiver: Receiver = ANY
) -> tuple[PackageCourse, PackageReport]:
    """Read the cartridge in an unpacked folder, and say what was not taken and why.

    Raises NotCommonCartridge, XmlMalformed (of the manifest), XmlEntities or PackageTooLarge.
    """
    root = _root(folder)
    if root is None:
        raise NotCommonCartridge
    cartridge = PackageFolder(root)
    manifest = cc_manifest.read_manifest(cartridge)
    walk = _Walk(cartridge, manifest, receiver)
    course = walk.read_course(progress)
    progress(1.0)
    return course, walk.gathering.tally.report(FORMAT)


def _root(folder: Path) -> Path | None:
    """Return the folder of the manifest: the archive's own, or the one it wraps around all."""
    for root in (folder, *sorted(each for each in folder.iterdir() if each.is_dir())):
        if (root / cc_manifest.MANIFEST).is_file():
            return root
    return None


class _Walk:
    """One way through a cartridge."""

    def __init__(self, folder: PackageFolder, manifest: Manifest, receiver: Receiver) -> None:
        self.gathering = Gathering(COUNTED, receiver)
        self._folder = folder
        self._manifest = manifest
        self._items = manifest.items
        modules = cc_canvas.read_modules(folder)
        if not self._items:
            self._items = modules.items
        if modules.unpublished:
            reason = "it was not published there; here it is as open as the rest of the course"
            self.gathering.tally.sum_up("unpublished-item", reason, modules.unpublished)
        self._sorted: Sorted = sort_resources(folder, manifest, _resources_in(self._items))
        links = Links(set(self._sorted.files), set(self._sorted.pages))
        self._links = links
        self._content = Content(folder, links, self.gathering)
        self._keys = Keys()
        self._placed: set[str] = set()

    def read_course(self, progress: Progress) -> PackageCourse:
        """Read everything that the manifest names."""
        self._count_found()
        chapters: list[PackageChapter] = []
        for number, (item, leaves) in enumerate(self._chapters()):
            chapters += self._chapter(item.identifier or str(number), item.title, leaves)
            progress((number + 1) / (len(self._items) + 2))
        rest = [each for each in self._sorted.learnable if each.identifier not in self._placed]
        banks = [each for each in rest if self._kind(each) == "bank"]
        others = [each for each in rest if self._kind(each) != "bank"]
        chapters += self._chapter("outside", OUTSIDE, _leaves_of(others), is_ours=True)
        chapters += self._chapter("banks", BANKS, _leaves_of(banks), is_ours=True)
        manifest = self._manifest
        title = wording.one_line(manifest.title) or _UNTITLED
        return PackageCourse(
            external_id=wording.one_line(f"{manifest.identifier}/{title}"),
            title=title,
            description_html=self._description(),
            language=_language(manifest.language),
            chapters=tuple(chapters),
            assets=tuple(
                assets.asset(path, self._folder.location(path), is_for_staff=is_for_staff)
                for path, is_for_staff in sorted(self._sorted.files.items())
            ),
        )

    def _count_found(self) -> None:
        tally = self.gathering.tally
        for resource in self._manifest.resources:
            if self._kind(resource) != "file":  # those are counted by their paths
                tally.find(self._kind(resource))
        for path in {*self._sorted.files, *self._sorted.missing}:
            tally.find("file")
            if path in self._sorted.missing:
                self.gathering.leave_out("file", "it is missing in the package", path=path)
            else:
                tally.take("file")
        for resource in self._sorted.unknown:
            reason = "resources of this kind are not known here"
            self.gathering.leave_out(resource.kind, reason, key=resource.identifier)
        for resource in self._sorted.tools:
            self.gathering.leave_out("tool", _TOOL, key=resource.identifier)
        if self._sorted.fallbacks:
            reason = "the same is there in a form that says more"
            tally.sum_up("fallback", reason, self._sorted.fallbacks)
        if self._sorted.settings:
            reason = "settings of the old platform are not brought in"
            tally.sum_up("settings", reason, self._sorted.settings)

    def _kind(self, resource: Resource) -> str:
        return self._sorted.kinds.get(id(resource), "")

    def _chapters(self) -> Iterator[tuple[Item, list[_Leaf]]]:
        """Yield the folders at the top with what is in them; loose entries share a chapter."""
        loose: list[_Leaf] = []
        name = wording.one_line(self._manifest.title) or _UNTITLED
        for item in self._items:
            if item.items or not item.resource:
                if loose:
                    yield Item(f"before {item.identifier}", name, "", ()), loose
                    loose = []
                self.gathering.tally.find("chapter")
                yield item, list(_leaves(item, ""))
            else:
                loose.append(_Leaf(item, ""))
        if loose:
            yield Item("loose", name, "", ()), loose

    def _chapter(
        self, name: str, title: str, leaves: list[_Leaf], *, is_ours: bool = False
    ) -> list[PackageChapter]:
        """Return the chapter of these entries, or none where nothing could be taken."""
        lectures = [made for leaf in leaves for made in self._lecture(leaf)]
        is_counted = not is_ours and not name.startswith("before ") and name != "loose"
        if not lectures:
            if is_counted:
                reason = "nothing inside it could be taken"
                self.gathering.leave_out("chapter", reason, key=name, title=title)
            return []
        if is_counted:
            self.gathering.tally.take("chapter")
        titled = titles.with_own_titles(lectures)
        self.gathering.tally.take("lectures", len(titled))
        self.gathering.tally.take("questions", sum(len(each.questions) for each in titled))
        key = self._keys.claim(f"item/{name}")
        return [PackageChapter(external_id=key, title=title or "Untitled", lectures=titled)]

    def _lecture(self, leaf: _Leaf) -> list[PackageLecture]:
        item = leaf.item
        resource = self._sorted.by_id.get(item.resource)
        if resource is None:
            reason = "it points at nothing in the package"
            self.gathering.leave_out("item", reason, key=item.identifier, title=item.title)
            return []
        kind = self._kind(resource)
        if resource.identifier in self._placed:
            reason = "it was met before; everything is taken once"
            self.gathering.leave_out("item", reason, key=item.identifier, title=item.title)
            return []
        self._placed.add(resource.identifier)
        if kind == "tool":
            return []  # said already
        key = self._keys.claim(f"resource/{resource.identifier}")
        try:
            made = self._made(resource, kind, key, item.title)
        except Left as left:
            counted = kind if kind in COUNTED and kind != "file" else "item"
            self.gathering.leave_out(
                counted, str(left), key=key, path=resource.href, title=item.title
            )
            return []
        if kind in COUNTED and kind != "file":
            self.gathering.tally.take(kind)
        return [_placed(made, leaf.section)]

    def _made(self, resource: Resource, kind: str, key: str, title: str) -> PackageLecture:
        if resource.is_for_staff:
            raise Left(_STAFF)
        if kind == "file":
            path = next((each for each in (resource.href, *resource.files) if each), "")
            if path not in self._sorted.files:
                raise Left("its file is missing in the package")
            return self._content.file_lecture(path, key, title)
        canvas = cc_canvas.assignment_title(self._folder, resource)
        if canvas is not None:
            return self._content.canvas_assignment(resource.href, key, title or canvas)
        return self._content.read(kind, resource, key, title)

    def _description(self) -> str:
        """Return the description: that of the metadata, or Canvas's syllabus."""
        html = self._folder.read_text(cc_canvas.SYLLABUS) or self._manifest.description
        if not html:
            return ""
        base = cc_canvas.SYLLABUS.rpartition("/")[0]
        shown, _ = self.gathering.read_text(html, self._links.resolver(base), "description")
        most = self.gathering.receiver.description_characters
        short = readable.shorten(shown, most)
        if short != shown:
            reason = f"it is cut to {most} characters of text"
            self.gathering.tally.sum_up("description", reason)
        return short


def _placed(lecture: PackageLecture, section: str) -> PackageLecture:
    title = wording.one_line(lecture.title) or wording.one_line(section) or "Untitled"
    return replace(lecture, title=title, section=section)


def _leaves(folder: Item, section: str) -> Iterator[_Leaf]:
    """Yield the entries of a folder in order; folders inside and headings name their sections."""
    if folder.resource:
        yield _Leaf(folder, section)
    heading = ""
    for item in folder.items:
        inner = " / ".join(filter(None, (section, heading)))
        if item.items:
            named = " / ".join(filter(None, (section, item.title)))
            yield from _leaves(item, wording.one_line(named))
        elif item.resource:
            yield _Leaf(item, wording.one_line(inner))
        else:
            heading = item.title


def _leaves_of(resources: list[Resource]) -> list[_Leaf]:
    return [_Leaf(Item(each.identifier, "", each.identifier, ()), "") for each in resources]


def _resources_in(items: tuple[Item, ...]) -> set[str]:
    found = set()
    for item in items:
        found |= {item.resource} | _resources_in(item.items)
    return found


def _language(given: str) -> str | None:
    language = given.strip().lower().replace("_", "-")
    return language if wording.is_language(language) else None
