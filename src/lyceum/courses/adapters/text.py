# ruff: noqa: RUF001 (letters of other alphabets are the point here)
"""Plain text out of what people write: paragraphs, the words of HTML, slugs of titles.

Not here: cleaning HTML and single lines (`platform.richtext`), lengths and patterns (`schemas`).
"""

import html
import re
import unicodedata
from typing import Final

import nh3

from lyceum.platform import richtext

_NO_TAGS: Final = nh3.Cleaner(tags=set())
_BLOCK_ENDS: Final = re.compile(
    r"(?i)<(?:br|/p|/li|/div|/h[1-6]|/tr|/td|/th|/blockquote|/pre)\b[^>]*>"
)
_BLANK_LINES: Final = re.compile(r"\n{3,}")

# What Unicode's decomposition leaves as it is.
_LETTERS: Final = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l",
        "ı": "i", "ħ": "h", "ŋ": "ng", "ə": "e",
        "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "є": "ye",
        "ж": "zh", "з": "z", "и": "i", "і": "i", "к": "k", "л": "l", "м": "m", "н": "n",
        "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh",
        "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e",
        "ю": "yu", "я": "ya", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz",
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th",
        "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p",
        "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps",
        "ω": "o",
    }
)  # fmt: skip
SLUG_LENGTH: Final = 80


def clean_lines(text: str) -> str:
    """Return plain text of several lines: each cleaned, one blank line at most between them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _BLANK_LINES.sub("\n\n", "\n".join(map(richtext.clean_text, lines))).strip()


def html_to_text(text: str) -> str:
    """Return what a reader of cleaned HTML would read, in one line."""
    return richtext.clean_text(html.unescape(_NO_TAGS.clean(_BLOCK_ENDS.sub(" ", text))))


def make_slug(title: str) -> str:
    """Return the title in small ASCII letters, digits and hyphens; '' when none of it is left."""
    letters = title.lower().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", letters).translate(_LETTERS)
    ascii_only = plain.encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", ascii_only.replace("'", ""))
    return "-".join(words)[:SLUG_LENGTH].strip("-")
