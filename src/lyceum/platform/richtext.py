"""Cleaning what people write: rich text down to HTML that is safe to show, and plain lines.

Clean on the way in, so that whatever is stored may be shown as it is. Not here: how long a text may
be (each domain's schemas), and turning other formats into HTML.
"""

import html
import re
import unicodedata
from collections import Counter
from typing import Final

import nh3

from lyceum.platform import errors

_LANGUAGE: Final = re.compile(r"language-[\w+#-]{1,40}")


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "code" and name == "class":
        return value if _LANGUAGE.fullmatch(value) else None
    return value


_DROPPED = {"area", "map", "center", "tt", "rtc", "acronym", "header", "footer", "nav", "hgroup"}
_OBSOLETE = {"align", "char", "charoff"}
_TAGS: Final = (nh3.ALLOWED_TAGS - _DROPPED) | {"section"}
_CLEANER: Final = nh3.Cleaner(
    tags=_TAGS,
    attributes={
        **{tag: names - _OBSOLETE for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
        "*": {"lang", "dir", "title"},
        "code": {"class"},
    },
    attribute_filter=_keep_attribute,
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer nofollow",
)
_STRIPPER: Final = nh3.Cleaner(tags=set())

# The parser's time grows with the square of the nesting. Where there are tags enough for that to
# matter, the text is first written anew so plainly that its nesting can be counted.
_CHEAP_TAGS: Final = 500
_MAX_DEPTH: Final = 500
_MOST_READINGS: Final = 8
_OPENING: Final = re.compile(r"<[a-zA-Z]")
_UNSHOWN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)|<[!?][^>]*>", re.DOTALL | re.IGNORECASE
)
# A `<`, with the tag that it begins: one that every parser reads alike, or any.
_TAG: Final = re.compile(
    r"<(?:(/?)([a-zA-Z][\w:-]*)(?:"
    r"((?:\s+[\w:@.-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]+))?)*\s*/?>)|[^<>]*>))?"
)
# Tags that hold none of their own kind, or nothing.
_CHILDLESS: Final = {
    "br", "col", "hr", "img", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody",
    "tfoot", "a",
}  # fmt: skip
# Controls, and marks that turn the direction of what follows them.
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def clean_html(text: str) -> str:
    """Return `text` as HTML without scripts, styles, frames, forms and foreign schemes; "" where
    nothing is left to be seen. Cleaning again changes nothing.

    Raises InvalidInput when the markup nests so deeply that reading it would take too long.
    """
    printable = _UNPRINTABLE.sub("", text)
    if len(_OPENING.findall(printable)) > _CHEAP_TAGS:
        printable = _write_plainly(printable)
    cleaned = _CLEANER.clean(printable).strip()
    # Where tags are nested as they may not be, what was written is read in another way again.
    for _ in range(_MOST_READINGS):
        again = _CLEANER.clean(cleaned).strip()
        if again == cleaned:
            break
        cleaned = again
    is_seen = 'src="' in cleaned or bool(html.unescape(_STRIPPER.clean(cleaned)).strip())
    return cleaned if is_seen else ""


def clean_text(text: str) -> str:
    """Return `text` as one line of plain text: composed (NFC), single spaces, no control
    characters. What looks like markup stays as the characters it is: whoever shows it escapes it.
    """
    return " ".join(unicodedata.normalize("NFC", _UNPRINTABLE.sub(" ", text)).split())


def _write_plainly(text: str) -> str:
    """Return the text with nothing in it that a parser could read in two ways.

    Comments, scripts, styles and tags that would not stay go, a tag that is not written plainly
    loses its attributes, and a `<` that begins no tag is escaped. InvalidInput when more tags than
    `_MAX_DEPTH` stay unclosed.
    """
    unclosed = Counter[str]()
    depth = 0

    def rewrite(found: re.Match[str]) -> str:
        nonlocal depth
        if found[2] is None:
            return "&lt;"
        closing, name = found[1], found[2].lower()
        if name not in _TAGS:
            return ""
        if name not in _CHILDLESS and (not closing or unclosed[name]):
            change = -1 if closing else 1
            unclosed[name] += change
            depth += change
            if depth > _MAX_DEPTH:
                raise errors.InvalidInput("The markup nests too deeply.")
        return found[0] if found[3] else f"<{closing}{name}>"

    return _TAG.sub(rewrite, _UNSHOWN.sub("", text))
