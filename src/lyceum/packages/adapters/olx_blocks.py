"""Blocks of an Open edX course: a pointer or an inline element, with its settings from all places.

A block may stand in its parent (`<html>…</html>`), in a file of its own (`<html url_name="x"/>`
and html/x.xml), or in several; the course's policy file overrides both. Not here: what the kinds
of blocks mean (`olx`), and their content.
"""

import json
from typing import Any, NamedTuple

from lyceum.packages.adapters import wording, xml
from lyceum.packages.adapters.faults import XmlMalformed
from lyceum.packages.adapters.olx_folder import OlxFolder
from lyceum.packages.adapters.xml import Element

Policy = dict[str, dict[str, str]]

_POINTER_ATTRIBUTES = frozenset({"url_name", "slug", "org", "course", "name"})


class Block(NamedTuple):
    """A block with its settings; `key` is its name in the course, `fault` why it cannot be read.

    `path` is the file it was read from, empty for one that stands in its parent.
    """

    tag: str
    key: str
    name: str
    element: Element
    settings: dict[str, str]
    path: str
    fault: str = ""

    @property
    def own_title(self) -> str:
        """The title that the author gave it, or nothing."""
        given = self.settings.get("display_name", "")
        decoded = wording.json_value(given) if given.startswith('"') else given
        title = wording.one_line(decoded if isinstance(decoded, str) else given)
        return "" if title == "null" else title

    @property
    def title(self) -> str:
        """The author's title, or one made of the block's name."""
        return self.own_title or wording.one_line(self.name.replace("_", " ")) or self.tag

    def is_set(self, setting: str) -> bool:
        """Tell whether a setting says yes."""
        return self.settings.get(setting, "").strip('"').lower() == "true"


def resolve(folder: OlxFolder, policy: Policy, element: Element, place: str) -> Block:
    """Return the block that an element of its parent stands for.

    `place` names the block where it has no name of its own: the same place, the same name.
    """
    tag = str(element.tag)
    name = element.get("url_name") or element.get("slug") or ""
    path = f"{tag}/{name.replace(':', '/')}.xml"
    key = wording.one_line(f"{tag}/{name}" if name else f"{place}/{tag}")
    definition, fault = element, ""
    is_bare = len(element) == 0 and not (element.text or "").strip()
    if name and is_bare and folder.has(path):
        try:
            definition = folder.read_xml(path)
        except XmlMalformed as problem:
            fault = f"its file is not well-formed XML: {problem.problem}"
    else:
        if name and is_bare and _is_pointer(element) and not _is_html_of_old(folder, tag, name):
            fault = "its file is missing"
        path = ""
    settings = {**xml.attributes(definition), **xml.attributes(element), **policy.get(key, {})}
    return Block(tag, key, name, definition, settings, path, fault)


def read_policy(folder: OlxFolder, run: str) -> tuple[Policy, str]:
    """Return the settings of the course's policy file by block, and what is wrong with the file."""
    for path in (f"policies/{run}/policy.json", f"policies/{run}.json"):
        text = folder.read_text(path)
        if text is None:
            continue
        content = wording.json_value(text)
        if not isinstance(content, dict):
            return {}, f"{path} is not a JSON object"
        return {
            key: {name: _as_attribute(value) for name, value in settings.items()}
            for key, settings in content.items()
            if isinstance(settings, dict)
        }, ""
    return {}, ""


def _as_attribute(value: Any) -> str:
    """Write a JSON value as an attribute would hold it."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)


def _is_pointer(element: Element) -> bool:
    return _POINTER_ATTRIBUTES.issuperset(xml.attributes(element))


def _is_html_of_old(folder: OlxFolder, tag: str, name: str) -> bool:
    """Tell whether an html block has its .html file only, as the oldest exports do."""
    return tag == "html" and folder.has(f"html/{name.replace(':', '/')}.html")
