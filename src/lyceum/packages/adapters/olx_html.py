"""Html blocks of an Open edX course: where their text is, and what of it can be read here.

Not here: making any HTML readable (`readable`).
"""

import re
from collections import Counter

from lyceum.packages.adapters import readable, xml
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.olx_folder import OlxFolder
from lyceum.packages.adapters.readable import Readable
from lyceum.packages.adapters.tally import Tally

_FILE = re.compile(r"(?:\.\./)*/?(?:static/|asset-v1:|c4x/|assets/courseware/)")
_JUMP = re.compile(r"(?:^|/)jump_to(?:_id)?/")
_ACTIVE = re.compile(r"<(?:script|style|link)\b", re.IGNORECASE)

_LOST = {
    "file-link": "it pointed at a file of the package, and those stay behind",
    "jump-link": "it pointed into the old platform; its words are kept",
    "script-or-style": "scripts and styles of the author are not run",
    "embedded-page": "a page of another site became a link to it",
    "embedded-picture": "pictures written into the text are not brought in",
    "control": "buttons and fields of the author do nothing here",
    "drawing": "drawings written into the text are not brought in",
}


def read_html(folder: OlxFolder, block: Block) -> str | None:
    """Return the text of a block: from its .html file, or inline; None where the file is missing.

    Raises XmlMalformed or XmlEntities where the text is in a broken XML file.
    """
    has_content = len(block.element) > 0 or bool((block.element.text or "").strip())
    named = block.element.get("filename") or block.settings.get("filename") or ""
    if has_content and not named:
        return xml.inner_html(block.element)
    for path in _places(block, named or block.name):
        if folder.has(path):
            if path.endswith(".xml"):
                return xml.inner_html(folder.read_xml(path))
            return folder.read_text(path)
    return xml.inner_html(block.element) if has_content else None if named or block.name else ""


def has_scripts_or_styles(html: str) -> bool:
    """Tell whether a text brings code or styles of its own."""
    return _ACTIVE.search(html) is not None


def make_readable(html: str) -> Readable:
    """Return what a learner can read of a text."""
    return readable.make_readable(html, _dead_link)


def count_lost(lost: Counter[str], tally: Tally, example: str) -> None:
    """Count what a text that was taken lost; `example` names it."""
    for kind, count in lost.items():
        tally.sum_up(kind, _LOST[kind], count, example)


def _dead_link(address: str) -> str:
    if _FILE.match(address):
        return "file-link"
    return "jump-link" if _JUMP.search(address) else ""


def _places(block: Block, named: str) -> list[str]:
    """Return where a text may be, newest form first; an .xml of the block itself is no text."""
    named = named.replace(":", "/")
    bases = dict.fromkeys([block.path.rpartition("/")[0] or "html", "html"])
    places = [f"{base}/{named}{ending}" for base in bases for ending in (".html", ".xml", "")]
    return [place for place in [*places, f"{named}.html", named] if place != block.path]
