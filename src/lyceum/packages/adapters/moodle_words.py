"""Texts of a Moodle backup: null is written as a word, and the format stands beside the text.

Not here: the files that they point at (`moodle_files`).
"""

import re
from html import escape

from lyceum.packages.adapters import xml
from lyceum.packages.adapters.xml import Element

NULL = "$@NULL@$"
LIMITS = xml.XmlLimits(24 * 1024 * 1024, 600_000)
_PLAIN, _MARKDOWN, _AUTO = "2", "4", "0"
_PARAGRAPH = re.compile(r"\n\s*\n")


def value(element: Element, path: str) -> str:
    """Return the text at `path`, or nothing where it is null."""
    found = xml.text_at(element, path)
    return "" if found == NULL else found


def number(element: Element, path: str) -> float:
    """Return a number that is not negative, or 0 for anything else."""
    found = value(element, path)
    return float(found) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", found) else 0.0


def html(element: Element, name: str, format_name: str = "") -> str:
    """Return a text as HTML, by its format: HTML, plain, or as Moodle makes it of plain text."""
    text = value(element, name)
    kind = value(element, format_name or f"{name}format")
    if kind in {_PLAIN, _MARKDOWN}:
        return "".join(
            f"<p>{escape(each, quote=False)}</p>" for each in _PARAGRAPH.split(text) if each
        )
    if kind == _AUTO and "<" not in text:
        return _PARAGRAPH.sub("<br><br>", text)
    return text
