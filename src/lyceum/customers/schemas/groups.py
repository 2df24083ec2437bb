"""Groups of customers over the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from lyceum.customers.schemas.customers import FilterText
from lyceum.platform.wire import Input, Output

GroupName = Annotated[str, Meta(min_length=1, max_length=100)]
Description = Annotated[str, Meta(max_length=1000)]
Members = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=1000)]


class NewCustomerGroup(Input, frozen=True, kw_only=True):
    """A group to make, or to put in place of what is there: static, or with a rule."""

    name: GroupName
    description: Description = ""
    rule: FilterText | None = None


class CustomerGroupView(Output, frozen=True, kw_only=True):
    """A group of customers; `members` is how many there are at the moment, and null in lists for
    groups by rule, whose members are looked for one group at a time."""

    id: UUID
    name: str
    description: str
    kind: Literal["static", "rule"]
    rule: str | None
    members: int | None
    version: int
    created_at: datetime
    updated_at: datetime


class MembersChange(Input, frozen=True, kw_only=True):
    """Customers to add to a static group, or to take out of it."""

    customer_ids: Members


class MembersChanged(Output, frozen=True, kw_only=True):
    """How many were changed; those that were in, or out, already are not counted."""

    changed: int
    members: int


class CustomerGroupQuery(Input, frozen=True, kw_only=True):
    """Which groups to list."""

    search: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    page: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    per_page: Annotated[int, Meta(ge=1, le=100)] = 20
