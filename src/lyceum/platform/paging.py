"""Pages of a list: by offset for small sets, by cursor for large or live ones."""

import base64
import binascii
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec

from lyceum.platform import errors
from lyceum.platform.wire import Input, PageInfo

MAX_PER_PAGE = 100

PageNumber = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="The page, from 1")]
PerPage = Annotated[int, msgspec.Meta(ge=1, le=MAX_PER_PAGE, description="Items on a page")]
Cursor = Annotated[str, msgspec.Meta(max_length=500, description="`nextCursor` of the last page")]


class PageQuery(Input, frozen=True, kw_only=True):
    """Query parameters of a list by offset; a domain's list adds its filters."""

    page: PageNumber = 1
    per_page: PerPage = 20

    @property
    def offset(self) -> int:
        """How many items come before this page."""
        return (self.page - 1) * self.per_page

    def info(self, total: int) -> PageInfo:
        """Return the page's place among `total` items."""
        return PageInfo(page=self.page, per_page=self.per_page, total=total)


class CursorQuery(Input, frozen=True, kw_only=True):
    """Query parameters of a list by cursor."""

    cursor: Cursor | None = None
    per_page: PerPage = 20


def encode_cursor(*key: object) -> str:
    """Return an opaque cursor for the last row's sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, key: type[Any]) -> Any:
    """Return the sort key, typed as the tuple `key`; InvalidInput for one we did not make."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=key)
    except (msgspec.DecodeError, binascii.Error, ValueError) as problem:
        raise errors.ValidationFailed(
            "", errors.FieldError("/query/cursor", "This cursor is not one of ours")
        ) from problem


def link_header(path: str, query: dict[str, str], page: PageInfo) -> str | None:
    """Return the `Link` header (RFC 8288) with next, prev and first and last where known."""

    moved = "cursor" if page.page is None else "page"
    rest = urlencode({name: value for name, value in query.items() if name != moved})
    start = f"<{path}?{rest}&{moved}=" if rest else f"<{path}?{moved}="
    if page.page is None:
        return f'{start}{page.next_cursor}>; rel="next"' if page.next_cursor else None
    last = max(1, -(-(page.total or 0) // (page.per_page or 1)))
    links = [f'{start}1>; rel="first"', f'{start}{last}>; rel="last"']
    if page.page > 1:
        links.append(f'{start}{min(page.page - 1, last)}>; rel="prev"')
    if page.page < last:
        links.append(f'{start}{page.page + 1}>; rel="next"')
    return ", ".join(links)
