"""Html blocks of an Open edX course: where their text is, and what of it can be read here.

Not here: making any HTML readable (`readable`).
"""

import re

from lyceum.packages.adapters import assets, readable, xml
from lyceum.packages.adapters.olx_blocks import Block
from lyceum.packages.adapters.olx_folder import OlxFolder

_FILE = re.compile(r"(?:\.\./)*/?(?:static/|asset-v1:|c4x/|assets/courseware/)")
_JUMP = re.compile(r"(?:^|/)jump_to(?:_id)?/")
_ACTIVE = re.compile(r"<(?:script|style|link)\b", re.IGNORECASE)


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


def resolver(folder: OlxFolder) -> readable.Resolve:
    """Return what tells where an address in a text of this course leads."""

    def resolve(address: str) -> readable.Target:
        if _JUMP.search(address):
            return readable.Target(lost="jump-link")
        if not _FILE.match(address):
            return readable.AS_IT_IS
        path = folder.static_path(address)
        if path is None:
            return readable.Target(lost="file-link")
        return readable.Target(address=assets.reference(path))

    return resolve


def _places(block: Block, named: str) -> list[str]:
    """Return where a text may be, newest form first; an .xml of the block itself is no text."""
    named = named.replace(":", "/")
    bases = dict.fromkeys([block.path.rpartition("/")[0] or "html", "html"])
    places = [f"{base}/{named}{ending}" for base in bases for ending in (".html", ".xml", "")]
    return [place for place in [*places, f"{named}.html", named] if place != block.path]
