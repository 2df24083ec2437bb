"""What rows of customers are to Python, and the parts of a filter."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from lyceum.platform.statements import Json

Kind = Literal["person", "company"]
Lifecycle = Literal["lead", "active", "past", "blocked"]
GroupKind = Literal["static", "rule"]


class Customer(msgspec.Struct, frozen=True):
    """A customer's own row."""

    id: UUID
    kind: Kind
    name: str
    email: str | None
    phone: str | None
    tax_id: str | None
    reference: str | None
    lifecycle: Lifecycle
    owner_id: UUID | None
    tags: list[str]
    custom_fields: Json
    contacts: Json
    addresses: Json
    consents: list[str]
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    merged_into_id: UUID | None


class Note(msgspec.Struct, frozen=True):
    """What somebody wrote about a customer."""

    id: UUID
    customer_id: UUID
    body: str
    author_id: UUID | None
    author_name: str | None
    created_at: datetime


class TimelineEntry(msgspec.Struct, frozen=True):
    """Something that happened with a customer."""

    id: UUID
    kind: str
    facts: Json
    happened_at: datetime


class AccountOf(msgspec.Struct, frozen=True):
    """Which customer an account belongs to."""

    customer_id: UUID
    user_id: UUID


class LinkedAccount(msgspec.Struct, frozen=True):
    """A person's account that belongs to a customer."""

    user_id: UUID
    display_name: str | None
    linked_at: datetime


class Consent(msgspec.Struct, frozen=True):
    """A consent as it was given, or taken back."""

    purpose: str
    is_given: bool
    source: str
    recorded_by: UUID | None
    recorded_at: datetime


class Group(msgspec.Struct, frozen=True):
    """A group of customers."""

    id: UUID
    name: str
    description: str
    kind: GroupKind
    rule: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class GroupName(msgspec.Struct, frozen=True):
    """A static group that a customer is in."""

    id: UUID
    name: str


class Tally(msgspec.Struct, frozen=True):
    """How many customers have a value in a dimension of the statistics."""

    dimension: str
    value: str
    amount: int


class DuplicateSet(msgspec.Struct, frozen=True):
    """Customers that have the same key."""

    key: str
    customer_ids: list[UUID]


class Transfer(msgspec.Struct, frozen=True):
    """An import or an export."""

    id: UUID
    direction: str
    asked_by: UUID | None
    job_id: UUID | None
    options: Json
    file_key: str | None
    rows_done: int
    report: Json | None
    created_at: datetime
    finished_at: datetime | None


# A filter, as the language says it (adapters.filter_language).

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "in", "empty"]


class Comparison(msgspec.Struct, frozen=True):
    """One field held against values; `name` is the key of a custom field."""

    field: str
    operator: Operator
    values: tuple[Any, ...] = ()
    name: str = ""


class Both(msgspec.Struct, frozen=True):
    """Every part holds."""

    parts: tuple["Condition", ...]


class Either(msgspec.Struct, frozen=True):
    """Some part holds."""

    parts: tuple["Condition", ...]


class Opposite(msgspec.Struct, frozen=True):
    """The part does not hold."""

    part: "Condition"


Condition = Comparison | Both | Either | Opposite
