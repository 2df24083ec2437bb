"""The files of a Moodle backup: named in `files.xml`, kept by the hash of their content.

What learners handed in is not taken. Not here: the texts that point at them.
"""

import re
from html import unescape
from typing import NamedTuple
from urllib.parse import unquote

from lyceum.packages.adapters import assets, moodle_words, readable, wording
from lyceum.packages.adapters.moodle_words import LIMITS
from lyceum.packages.adapters.package_folder import PackageFolder
from lyceum.packages.adapters.readable import Resolve, Target
from lyceum.packages.adapters.xml import Element
from lyceum.packages.records import PackageAsset

FILES = "files.xml"
MARK = "@@PLUGINFILE@@"
# Of whom the files of a component are: of those who teach. Of other areas learners are.
_TAUGHT = {
    "mod_assign": ("intro", "introattachment"),
    "mod_forum": ("intro",),
    "mod_workshop": ("intro",),
    "mod_data": ("intro",),
    "mod_glossary": ("intro",),
    "mod_wiki": ("intro",),
}
_TEACHING = re.compile(
    r"mod_(page|label|url|resource|folder|book|quiz|lesson)|course|question|qtype_.+"
)
_HASH = re.compile(r"[0-9a-f]{40}")
_REFERENCE = re.compile(r"@@PLUGINFILE@@(/[^\"'<>\s?#]*)([?#][^\"'<>\s]*)?")


class StoredFile(NamedTuple):
    """One line of `files.xml`; `path` is its name among the files of the course."""

    path: str
    context: str
    component: str
    area: str
    item: str
    name: str
    order: int
    pool: str


class MoodleFiles:
    """The files of a backup, found by who uses them."""

    def __init__(self, folder: PackageFolder) -> None:
        self.missing: list[str] = []
        self.of_learners = 0
        self._folder = folder
        self._kept: dict[str, StoredFile] = {}
        self._by_area: dict[tuple[str, str, str], list[StoredFile]] = {}
        self._by_user: dict[tuple[str, str, str], list[StoredFile]] = {}
        if folder.has(FILES):
            self._read()

    @property
    def found(self) -> int:
        """How many files the backup names."""
        return len(self._kept) + len(self.missing) + self.of_learners

    def assets(self) -> tuple[PackageAsset, ...]:
        """Return the files that are kept."""
        return tuple(
            assets.asset(path, self._folder.location(file.pool))
            for path, file in sorted(self._kept.items())
        )

    def of_area(self, context: str, component: str, area: str) -> list[StoredFile]:
        """Return the files of one area, the main one first."""
        found = self._by_area.get((context, component, area), [])
        return sorted(found, key=lambda file: (-file.order, file.name))

    def place(self, html: str, context: str, component: str, items: tuple[str, ...] = ()) -> str:
        """Return the text with references in the place of the files of `component` it points at.

        Of files of the same name those of `items` are meant first.
        """

        def replaced(found: re.Match[str]) -> str:
            file = self._find(unescape(unquote(found[1])), context, component, items)
            return found[0] if file is None else assets.reference(file.path)

        return _REFERENCE.sub(replaced, html) if MARK in html else html

    def _find(
        self, name: str, context: str, component: str, items: tuple[str, ...]
    ) -> StoredFile | None:
        files = self._by_user.get((context, component, name), [])
        files = files or self._by_user.get(("", component, name), [])
        own = [file for file in files if file.item in items]
        return next(iter([*own, *files]), None)

    def _read(self) -> None:
        root = self._folder.read_xml(FILES, LIMITS)
        for element in root.iterfind("file"):
            name = moodle_words.value(element, "filename")
            if name not in {"", "."}:
                self._add(_stored(element, name))

    def _add(self, file: StoredFile) -> None:
        path = f"{file.component}/{file.area}/{file.context}/{file.item}{file.name}"
        path = wording.keepable(path)[: assets.MAX_PATH]
        if not _is_taught(file):
            self.of_learners += 1
        elif not self._folder.has(file.pool) or path in self._kept:
            self.missing.append(path)
        else:
            kept = file._replace(path=path)
            self._kept[path] = kept
            area = (file.context, file.component, file.area)
            self._by_area.setdefault(area, []).append(kept)
            for context in (file.context, ""):
                key = (context, file.component, file.name)
                self._by_user.setdefault(key, []).append(kept)


def resolve(address: str) -> Target:
    """Tell where an address leads in a text whose files have been put in their places."""
    if address.startswith(assets.PREFIX):
        return Target(address=address)
    if address.startswith((MARK, "draftfile.php")):
        return Target(lost="file-link")
    if address.startswith("$@") or (address.startswith("/") and not address.startswith("//")):
        return Target(lost="jump-link")
    return readable.AS_IT_IS


RESOLVE: Resolve = resolve


def _stored(element: Element, name: str) -> StoredFile:
    return StoredFile(
        path="",
        context=moodle_words.value(element, "contextid"),
        component=moodle_words.value(element, "component"),
        area=moodle_words.value(element, "filearea"),
        item=moodle_words.value(element, "itemid"),
        name=f"{moodle_words.value(element, 'filepath') or '/'}{name}",
        order=int(moodle_words.number(element, "sortorder")),
        pool=_pool(moodle_words.value(element, "contenthash")),
    )


def _is_taught(file: StoredFile) -> bool:
    areas = _TAUGHT.get(file.component)
    return file.area in areas if areas else _TEACHING.fullmatch(file.component) is not None


def _pool(content_hash: str) -> str:
    if not _HASH.fullmatch(content_hash):
        return ""
    return f"files/{content_hash[:2]}/{content_hash}"
