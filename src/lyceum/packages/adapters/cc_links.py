"""Where the addresses in the texts of a Common Cartridge lead: to its files, elsewhere, or nowhere.

Not here: the texts (`cc_content`).
"""

import re
from urllib.parse import unquote

from lyceum.packages.adapters import assets, cc_manifest, readable
from lyceum.packages.adapters.readable import Resolve, Target

# Written with minus or underscore, percent-encoded or not; the name changed with the consortium's.
_FILE_BASE = re.compile(r"\$(?:IMS|1EDTECH)[-_]CC[-_]FILEBASE\$/?", re.IGNORECASE)
_PLATFORM = re.compile(r"\$[A-Z][A-Z0-9_-]{2,40}\$")
_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|#")
CANVAS_FILES = "web_resources"


class Links:
    """The files that are kept, and the pages that became lectures, by their paths."""

    def __init__(self, kept: set[str], pages: set[str]) -> None:
        self._kept = kept
        self._pages = pages
        self._by_name: dict[str, list[str]] = {}
        for path in kept:
            self._by_name.setdefault(path.rpartition("/")[2].lower(), []).append(path)

    def resolver(self, base: str) -> Resolve:
        """Return what tells where an address leads in a text that stands in the folder `base`."""

        def resolve(address: str) -> Target:
            bare = unquote(address.partition("?")[0].partition("#")[0]) if address else ""
            if found := _FILE_BASE.match(bare):
                return self._to_file(bare[found.end() :], (CANVAS_FILES, "", base))
            if _PLATFORM.match(bare):
                return Target(lost="jump-link")
            if not bare or _ELSEWHERE.match(address):
                return readable.AS_IT_IS
            if bare.startswith("/"):
                return Target(lost="jump-link")
            return self._to_file(bare, (base,))

        return resolve

    def find(self, href: str, bases: tuple[str, ...]) -> str | None:
        """Return the path of the kept file that is meant, seen from the first base that has it."""
        for base in bases:
            path = cc_manifest.resolve(base, href.replace("%", "%25"))
            if path in self._kept:
                return path
        same = self._by_name.get(href.rpartition("/")[2].lower(), [])
        return same[0] if len(same) == 1 else None

    def _to_file(self, href: str, bases: tuple[str, ...]) -> Target:
        path = self.find(href, bases)
        if path is not None:
            return Target(address=assets.reference(path))
        places = [cc_manifest.resolve(base, href.replace("%", "%25")) for base in bases]
        is_page = any(place in self._pages for place in places)
        return Target(lost="jump-link" if is_page else "file-link")
