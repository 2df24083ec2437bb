"""An author's page as a learner can read it here: clean HTML, and an account of what it lost.

Scripts and styles go, embedded pages become links, pictures that stay behind become the words that
stand for them. Not here: where an address of a format leads (its reader says).
"""

import re
from collections import Counter
from collections.abc import Callable
from html import escape
from typing import NamedTuple

from lyceum.packages.adapters import wording, xml
from lyceum.packages.adapters.tally import Tally
from lyceum.packages.adapters.xml import Element
from lyceum.platform import errors, richtext


class Target(NamedTuple):
    """Where an address leads: nowhere here, as a `lost` kind for the report; elsewhere, by another
    `address`; or, with neither, where it says."""

    lost: str = ""
    address: str = ""


Resolve = Callable[[str], Target]
AS_IT_IS = Target()

# Deeper tags are not written, only what is in them: the cleaner refuses to go so deep.
MAX_DEPTH = 200

_REASONS = {
    "file-link": "it points at a file that is not in the package",
    "jump-link": "it pointed into the old platform; its words are kept",
    "script-or-style": "scripts and styles of the author are not run",
    "embedded-page": "a page of another site became a link to it",
    "embedded-picture": "pictures written into the text are not brought in",
    "control": "buttons and fields of the author do nothing here",
    "drawing": "drawings written into the text are not brought in",
}
_TOO_DEEP = "its markup nests too deeply"
_NAME = re.compile(r"[a-z][a-z0-9]*")
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9-]*")
_VOID = frozenset({"area", "br", "col", "hr", "img", "wbr"})
_ACTIVE = frozenset({"script", "style", "link"})
_UNSEEN = frozenset({"meta", "title", "base", "param", "source", "track", "template"})
_DRAWINGS = frozenset({"svg", "canvas", "map"})
_FIELDS = frozenset({"input", "select", "textarea", "datalist"})
_FRAMES = frozenset({"iframe", "frame"})
_MEDIA = frozenset({"video", "audio"})
_UNWRAPPED = frozenset({"html", "head", "body", "noscript"})


class Readable(NamedTuple):
    """Clean HTML, "" where nothing is left to be seen; how often what was lost; why all was."""

    html: str
    lost: Counter[str]
    fault: str = ""


def make_readable(html: str, resolve: Resolve) -> Readable:
    """Return what a learner can read of a page.

    `lost` counts by kind: `script-or-style`, `embedded-page`, `embedded-picture`, `control`,
    `drawing`, and the kinds that `resolve` names.
    """
    try:
        root = xml.parse_html(html)
    except xml.HtmlTooHeavy as problem:
        return Readable("", Counter(), str(problem))
    writer = _Writer(resolve)
    if root is not None:
        writer.write(root)
    try:
        return Readable(richtext.clean_html("".join(writer.parts)), writer.lost)
    except errors.InvalidInput:
        return Readable("", Counter(), _TOO_DEEP)


def count_lost(lost: Counter[str], tally: Tally, example: str) -> None:
    """Count what a text that was taken lost; `example` names it."""
    for kind, count in lost.items():
        tally.sum_up(kind, _REASONS[kind], count, example)


def shorten(html: str, most: int) -> str:
    """Return clean HTML with `most` characters of text at most, cut after a word where it is."""
    root = xml.parse_html(html)
    if root is None:
        return ""
    writer = _Writer(lambda _: AS_IT_IS, most)
    writer.write(root)
    return richtext.clean_html("".join(writer.parts)) if writer.is_cut else html


class _Writer:
    """Writes elements as plain HTML into `parts`, with `room` for so many characters of text.

    An element takes one character of it: whoever counts reads the end of a paragraph as a space.
    """

    def __init__(self, resolve: Resolve, room: int | None = None) -> None:
        self.parts: list[str] = []
        self.lost: Counter[str] = Counter()
        self.is_cut = False
        self._resolve = resolve
        self._room = room
        self._ways = {
            **dict.fromkeys(_FRAMES, self._frame),
            **dict.fromkeys(_MEDIA, self._media),
            "embed": self._embed,
            "object": self._object,
            "img": self._picture,
            "a": self._link,
            "button": self._button,
            "math": self._formula,
        }

    def write(self, root: Element) -> None:
        """Write an element and all that is in it."""
        closings: list[str] = []
        walk = xml.walk(root)
        for event, element in walk:
            if event == "end":
                self.parts.append(closings.pop())
                self._write_text(element.tail)
                continue
            opening, closing, is_entered = self._tags(element, len(closings))
            self.parts.append(opening)
            closings.append(closing)
            if is_entered:
                self._write_text(element.text)
            else:
                walk.skip_subtree()

    def _write_text(self, text: str | None) -> None:
        if not text or self.is_cut:
            return
        if self._room is not None:
            self._room -= len(text) + 1
            if self._room < 0:
                self.is_cut = True
                text = f"{text[: self._room].rpartition(' ')[0]}…"
        self.parts.append(escape(text, quote=False))

    def _tags(self, element: Element, depth: int) -> tuple[str, str, bool]:
        """Return what to write before and after an element, and whether to go into it."""
        tag = str(element.tag).lower()
        if self.is_cut or tag in _UNSEEN:
            return "", "", False
        if tag in _ACTIVE:
            return self._lose("script-or-style")
        if tag in _FIELDS:
            return self._lose("control")
        if tag in _DRAWINGS:
            return self._lose("drawing", element.get("aria-label"))
        way = self._ways.get(tag)
        if way is not None:
            return way(element)
        if tag in _UNWRAPPED or depth > MAX_DEPTH or not _NAME.fullmatch(tag):
            return "", "", True
        return f"<{tag}{_attributes(element)}>", "" if tag in _VOID else f"</{tag}>", True

    def _lose(self, kind: str, words: str | None = None) -> tuple[str, str, bool]:
        """Count something that is lost, and leave the words that stand for it."""
        self.lost[kind] += 1
        said = wording.one_line(words or "")
        return (f" <em>[{escape(said)}]</em> " if said else ""), "", False

    def _frame(self, element: Element) -> tuple[str, str, bool]:
        return self._link_to(element, element.get("src"))

    def _embed(self, element: Element) -> tuple[str, str, bool]:
        """The parser puts into it what stands behind it."""
        opening, closing, _ = self._link_to(element, element.get("src"))
        return opening + closing, "", True

    def _media(self, element: Element) -> tuple[str, str, bool]:
        sources = [element.get("src"), *(child.get("src") for child in element.iter("source"))]
        return self._link_to(element, next(filter(None, sources), None))

    def _object(self, element: Element) -> tuple[str, str, bool]:
        """Of an object that cannot be linked, its own words for that case are kept."""
        opening, closing, _ = self._link_to(element, element.get("data"))
        return opening, closing, not opening

    def _link_to(self, element: Element, source: str | None) -> tuple[str, str, bool]:
        """Put a link in the place of an embedded page."""
        address = (source or "").strip()
        target = self._resolve(address)
        if target.lost:
            return self._lose(target.lost)
        shown = target.address
        if not shown:
            self.lost["embedded-page"] += 1
            shown = wording.web_address(f"https:{address}" if address.startswith("//") else address)
        if not shown:
            return "", "", False
        name = address.rpartition("/")[2] if target.address else shown
        title = wording.one_line(element.get("title") or name) or shown
        return f'<a href="{escape(shown)}">{escape(title)}</a>', "", False

    def _picture(self, element: Element) -> tuple[str, str, bool]:
        source = (element.get("src") or "").strip()
        target = self._resolve(source)
        if target.lost:
            return self._lose(target.lost, element.get("alt"))
        if source.lower().startswith("data:"):
            return self._lose("embedded-picture", element.get("alt"))
        return (f"<img{_attributes(element, src=target.address)}>" if source else ""), "", False

    def _link(self, element: Element) -> tuple[str, str, bool]:
        target = self._resolve((element.get("href") or "").strip())
        if target.lost:
            self.lost[target.lost] += 1
            return "", "", True
        return f"<a{_attributes(element, href=target.address)}>", "</a>", True

    def _button(self, element: Element) -> tuple[str, str, bool]:
        """Keep what a button says: it may be the heading of what it would have opened."""
        self.lost["control"] += 1
        label = "".join(str(text) for text in element.itertext())
        return "", "", any(character.isalnum() for character in label)

    def _formula(self, element: Element) -> tuple[str, str, bool]:
        """Show a formula by the words that its author gave, or by what is in it."""
        words = wording.one_line(element.get("alttext") or "")
        return escape(words), "", not words


def _attributes(element: Element, **others: str) -> str:
    """Return the attributes as they are written; `others` that are not empty replace them."""
    values = xml.attributes(element) | {name: value for name, value in others.items() if value}
    return "".join(
        f' {name}="{escape(value)}"' for name, value in values.items() if _ATTRIBUTE.fullmatch(name)
    )
