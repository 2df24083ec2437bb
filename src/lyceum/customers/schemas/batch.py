"""Many customers changed at once, over the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from lyceum.customers.schemas.customers import CustomerChanges
from lyceum.platform.wire import Input, Output

MOST_ITEMS = 1000


class BatchItem(Input, frozen=True, kw_only=True):
    """What to change of one customer, if it is still at `version` (if that is given)."""

    id: UUID
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    changes: CustomerChanges


class Batch(Input, frozen=True, kw_only=True):
    """Changes of up to 1,000 customers; with `all_or_nothing` one that cannot be undoes all."""

    items: Annotated[tuple[BatchItem, ...], Meta(min_length=1, max_length=MOST_ITEMS)]
    all_or_nothing: bool = False


class ItemResult(Output, frozen=True, kw_only=True):
    """What became of one item; `problem` says why it was not changed."""

    id: UUID
    status: Literal["updated", "unchanged", "failed"]
    version: int | None = None
    problem: dict[str, Any] | None = None


class BatchResult(Output, frozen=True, kw_only=True):
    """What became of each item, in the order of the items."""

    updated: int
    unchanged: int
    failed: int
    results: list[ItemResult]
