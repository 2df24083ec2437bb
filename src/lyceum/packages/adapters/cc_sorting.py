"""Which resources of a Common Cartridge are what: lectures to be, files to keep, and the rest.

Not here: reading them (`cc_content`).
"""

from typing import NamedTuple

from lyceum.packages.adapters import cc_canvas
from lyceum.packages.adapters.cc_manifest import Manifest, Resource
from lyceum.packages.adapters.package_folder import PackageFolder

LEARNABLE = ("page", "assignment", "discussion", "weblink", "assessment", "bank")
_PAGE_ENDINGS = (".html", ".htm", ".xhtml")
_UNKEPT_ENDINGS = (".xml", ".qti")


class Sorted(NamedTuple):
    """The resources by what they are; `kinds` by the identity of the struct, since some have the
    same identifier; `files` with whether they are for staff."""

    by_id: dict[str, Resource]
    kinds: dict[int, str]
    learnable: list[Resource]
    pages: set[str]
    files: dict[str, bool]
    missing: set[str]
    tools: list[Resource]
    unknown: list[Resource]
    fallbacks: int
    settings: int


def sort_resources(folder: PackageFolder, manifest: Manifest, organised: set[str]) -> Sorted:
    """Return the resources of a manifest by what they are; `organised` are named by its items."""
    by_id: dict[str, Resource] = {}
    for resource in manifest.resources:
        by_id.setdefault(resource.identifier, resource)
    sorter = _Sorter(folder, manifest, by_id, organised)
    kinds = {id(each): sorter.kind_of(each) for each in manifest.resources}
    files, missing = sorter.files(manifest.resources, kinds)
    named = [(each, kinds[id(each)]) for each in manifest.resources]
    return Sorted(
        by_id=by_id,
        kinds=kinds,
        learnable=[each for each, kind in named if kind in LEARNABLE],
        pages={each.href for each, kind in named if kind == "page"},
        files=files,
        missing=missing,
        tools=[each for each, kind in named if kind == "tool"],
        unknown=[each for each, kind in named if kind.startswith("unknown")],
        fallbacks=sum(kind == "fallback" for _, kind in named),
        settings=sum(kind == "settings" for _, kind in named),
    )


class _Sorter:
    """Tells what a resource is."""

    def __init__(
        self,
        folder: PackageFolder,
        manifest: Manifest,
        by_id: dict[str, Resource],
        organised: set[str],
    ) -> None:
        self._folder = folder
        self._by_id = by_id
        self._organised = organised
        self._is_canvas = cc_canvas.is_canvas(folder)
        self._is_loose = not manifest.items and not self._is_canvas
        self._quizzes = {
            each.identifier for each in manifest.resources if each.kind == "assessment"
        }

    def kind_of(self, resource: Resource) -> str:
        """Return what a resource is."""
        preferred = self._by_id.get(resource.preferred)
        if preferred is not None and not preferred.kind.startswith("unknown"):
            return "fallback"
        if resource.kind == "associated":
            return self._associated(resource)
        return self._web(resource) if resource.kind == "webcontent" else resource.kind

    def _associated(self, resource: Resource) -> str:
        if cc_canvas.assignment_title(self._folder, resource) is not None:
            return "assignment"
        href = resource.href
        if href.startswith(cc_canvas.FULLER) and href.endswith(".qti"):
            return "settings" if resource.identifier in self._quizzes else "bank"
        if href.startswith(cc_canvas.SETTINGS) or href.endswith(_UNKEPT_ENDINGS):
            return "settings"
        return self._web(resource)

    def _web(self, resource: Resource) -> str:
        path = resource.href or next(iter(resource.files), "")
        is_page = path.lower().endswith(_PAGE_ENDINGS) and (
            resource.identifier in self._organised
            or path.startswith(cc_canvas.PAGES)
            or self._is_loose
        )
        return "page" if is_page else "file"

    def files(
        self, resources: tuple[Resource, ...], kinds: dict[int, str]
    ) -> tuple[dict[str, bool], set[str]]:
        """Return the files to keep, with whether they are for staff, and those that are missing.

        The files of a page beside the page itself are its pictures and downloads.
        """
        kept: dict[str, bool] = {}
        missing: set[str] = set()
        for resource in resources:
            for path in _held(resource, kinds[id(resource)]):
                if self._folder.has(path):
                    kept[path] = resource.is_for_staff and kept.get(path, True)
                else:
                    missing.add(path)
        return kept, missing


def _held(resource: Resource, kind: str) -> list[str]:
    """Return the files of a resource that are neither its own document nor settings."""
    paths = list(dict.fromkeys(filter(None, (resource.href, *resource.files))))
    if kind == "file":
        return paths
    if kind not in {"page", "discussion", "assignment"}:
        return []
    return [path for path in paths[1:] if not path.endswith(_UNKEPT_ENDINGS)]
