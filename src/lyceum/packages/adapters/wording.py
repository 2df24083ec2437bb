"""Words and values as packages carry them, made fit to keep: titles, plain text, JSON in strings.

Not here: HTML that is kept as HTML (whoever stores it cleans it).
"""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit

MAX_TITLE = 255
MAX_ADDRESS = 2000

_UNKEEPABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_UNQUOTED = frozenset("<>\"'\\`{}|^")
_TAG_LIKE = re.compile(r"<([A-Za-z/!?][^<>]*)>")
_OPENED = re.compile(r"<(?=[A-Za-z/!?])")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
_TAG = re.compile(r"<[^<>]*>")


def keepable(text: str) -> str:
    """Return the text without the characters that no database or XML takes."""
    return _UNKEEPABLE.sub("", text)


def one_line(text: str, limit: int = MAX_TITLE) -> str:
    """Return the text on one line, cut to `limit` characters, with tags between angle quotes.

    Such a line is no HTML, but not everybody who shows it will remember that.
    """
    line = " ".join(keepable(text).split())
    line = _OPENED.sub("\u2039", _TAG_LIKE.sub("\u2039\\1\u203a", line))
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def is_cut(text: str, limit: int = MAX_TITLE) -> bool:
    """Tell whether `one_line` cuts the text."""
    return len(" ".join(keepable(text).split())) > limit


def plain_line(html: str, limit: int = MAX_TITLE) -> str:
    """Return the words of a short piece of HTML on one line."""
    return one_line(unescape(_TAG.sub(" ", html)), limit)


def web_address(text: str) -> str:
    """Return an http or https address as it may stand anywhere, or nothing where it is none."""
    address = "".join(
        quote(sign) if sign in _UNQUOTED or sign.isspace() else sign
        for sign in keepable(text).strip()
    )
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return address if is_web and len(address) <= MAX_ADDRESS else ""


def json_value(text: str | None) -> Any:
    """Return what a JSON text says, or None where it says nothing or is none."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def is_language(text: str) -> bool:
    """Tell whether a text is a lower-case BCP 47 tag."""
    return len(text) <= 35 and _LANGUAGE.fullmatch(text) is not None


def seconds(text: str | None) -> int | None:
    """Return a time in whole seconds from `90`, `90.5` or `00:01:30`; None for nothing or zero."""
    parts = (text or "").strip().strip('"').split(":")
    if len(parts) > 3 or any(not re.fullmatch(r"\d{1,7}(\.\d*)?", part) for part in parts):
        return None
    total = 0.0
    for part in parts:
        total = total * 60 + float(part)
    return int(total) or None
