"""What contributions are written in: HTML that is safe to show, one line of plain text."""

from lyceum.discussions.errors import invalid
from lyceum.platform import richtext

MAX_STORED = 40_000


def clean_body(written: str) -> str:
    """Return HTML that is safe to show; ValidationFailed where nothing is left to be seen."""
    cleaned = richtext.clean_html(written)
    if not cleaned:
        raise invalid("/body", "Write something that can be seen")
    if len(cleaned) > MAX_STORED:
        raise invalid("/body", "This is too long")
    return cleaned


def clean_title(written: str) -> str:
    """Return one line of plain text of three characters or more."""
    cleaned = richtext.clean_text(written)
    if len(cleaned) < 3:
        raise invalid("/title", "Three characters at least, please")
    return cleaned
