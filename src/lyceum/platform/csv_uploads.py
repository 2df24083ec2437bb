"""A CSV file as the body of a request. Not here: its columns (each domain's own)."""

from typing import Final

from lyceum.platform import errors
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import MEBIBYTE

CSV: Final = "text/csv"
LARGEST: Final = 2 * MEBIBYTE


async def read_csv(request: RequestInfo) -> str:
    """Return the text of the body; UnsupportedMediaType, PayloadTooLarge, or InvalidFormat when it
    is empty or no text in UTF-8."""
    declared = (request.header(b"content-type") or "").split(";")[0].strip().lower()
    if declared != CSV:
        raise errors.UnsupportedMediaType(f"Send {CSV}.")
    body = await request.body(LARGEST)
    try:
        text = body.decode()
    except UnicodeDecodeError as problem:
        raise errors.InvalidFormat("The file is not UTF-8.") from problem
    if not text.strip() or "\0" in text:
        raise errors.InvalidFormat("The file is empty, or not text.")
    return text
