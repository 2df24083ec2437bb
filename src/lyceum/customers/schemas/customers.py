"""A customer over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from lyceum.platform.paging import Cursor, PerPage
from lyceum.platform.wire import Input, Output, Patch

Kind = Literal["person", "company"]
Lifecycle = Literal["lead", "active", "past", "blocked"]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^\s@<>\"]{1,64}@[^\s@<>\"]{1,189}\Z")]
Phone = Annotated[str, Meta(max_length=40, pattern=r"^[0-9+(). /-]*\Z")]
TaxId = Annotated[str, Meta(min_length=1, max_length=40)]
Reference = Annotated[str, Meta(min_length=1, max_length=100)]
Tag = Annotated[str, Meta(min_length=1, max_length=50)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=50)]
Line = Annotated[str, Meta(max_length=200)]
Country = Annotated[str, Meta(pattern=r"^[A-Za-z]{2}\Z", description="ISO 3166-1 alpha-2")]
Key = Annotated[str, Meta(max_length=40, pattern=r"^[a-z][a-zA-Z0-9_]{0,39}\Z")]
CustomValue = (
    Annotated[str, Meta(max_length=1000)]
    | Annotated[int, Meta(ge=-(10**15), le=10**15)]
    | Annotated[float, Meta(ge=-1e15, le=1e15)]
    | bool
)
CustomFields = Annotated[dict[Key, CustomValue], Meta(max_length=50)]
FilterText = Annotated[
    str, Meta(min_length=1, max_length=2000, description="See the guide to customers")
]
Purpose = Annotated[str, Meta(max_length=50, pattern=r"^[a-z][a-z0-9-]{0,49}\Z")]
SortKey = Literal[
    "createdAt", "-createdAt", "updatedAt", "-updatedAt", "name", "-name"
]  # fmt: skip


class Contact(Input, frozen=True, kw_only=True):
    """A person to talk to."""

    name: Name
    role: Line = ""
    email: Email | None = None
    phone: Phone | None = None


class Address(Input, frozen=True, kw_only=True):
    """A place; the first one is the customer's own."""

    kind: Literal["billing", "shipping", "visiting", "other"] = "billing"
    line1: Line = ""
    line2: Line = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Annotated[str, Meta(max_length=100)] = ""
    region: Annotated[str, Meta(max_length=100)] = ""
    country: Country


class NewCustomer(Input, frozen=True, kw_only=True):
    """A customer to add, or to put in place of what is there."""

    kind: Kind = "person"
    name: Name
    email: Email | None = None
    phone: Phone | None = None
    tax_id: TaxId | None = None
    reference: Reference | None = None
    lifecycle: Lifecycle = "lead"
    owner_id: UUID | None = None
    tags: Tags = ()
    custom_fields: CustomFields = field(default_factory=dict)
    contacts: Annotated[tuple[Contact, ...], Meta(max_length=20)] = ()
    addresses: Annotated[tuple[Address, ...], Meta(max_length=10)] = ()


class CustomerChanges(Patch, frozen=True, kw_only=True):
    """What to change of a customer; lists and custom fields are replaced whole."""

    kind: Kind | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    tax_id: TaxId | UnsetType | None = UNSET
    reference: Reference | UnsetType | None = UNSET
    lifecycle: Lifecycle | UnsetType = UNSET
    owner_id: UUID | UnsetType | None = UNSET
    tags: Tags | UnsetType = UNSET
    custom_fields: CustomFields | UnsetType = UNSET
    contacts: Annotated[tuple[Contact, ...], Meta(max_length=20)] | UnsetType = UNSET
    addresses: Annotated[tuple[Address, ...], Meta(max_length=10)] | UnsetType = UNSET


class CustomerQuery(Input, frozen=True, kw_only=True):
    """Which customers to list, and in what order."""

    cursor: Cursor | None = None
    per_page: PerPage = 20
    sort: SortKey = "-createdAt"
    search: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    lifecycle: Lifecycle | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    tag: Tag | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    owner_id: UUID | UnsetType = UNSET
    group_id: UUID | UnsetType = UNSET
    filter: FilterText | UnsetType = UNSET
    state: Literal["present", "deleted"] = "present"


class CustomerAccountView(Output, frozen=True, kw_only=True):
    """A person's account that belongs to a customer."""

    user_id: UUID
    display_name: str | None
    linked_at: datetime


class CustomerConsentView(Output, frozen=True, kw_only=True):
    """What a customer said last about a purpose."""

    purpose: str
    is_given: bool
    source: str
    recorded_at: datetime


class GroupNameView(Output, frozen=True, kw_only=True):
    """A static group that a customer is in."""

    id: UUID
    name: str


class CustomerSummary(Output, frozen=True, kw_only=True):
    """A customer as lists show it."""

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
    custom_fields: dict[str, Any]
    contacts: list[Contact]
    addresses: list[Address]
    consents: list[str]
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class CustomerView(CustomerSummary, frozen=True, kw_only=True):
    """A customer with all that belongs to it; notes and timeline have addresses of their own."""

    accounts: list[CustomerAccountView]
    consent_history: list[CustomerConsentView]
    groups: list[GroupNameView]


class NewCustomerNote(Input, frozen=True, kw_only=True):
    """A note to write."""

    body: Annotated[str, Meta(min_length=1, max_length=10_000, description="Plain text")]


class CustomerNoteView(Output, frozen=True, kw_only=True):
    """What somebody wrote about a customer."""

    id: UUID
    body: str
    author_id: UUID | None
    author_name: str | None
    created_at: datetime


class CustomerTimelineView(Output, frozen=True, kw_only=True):
    """Something that happened with a customer; `facts` depend on `kind`."""

    id: UUID
    kind: str
    facts: dict[str, Any]
    happened_at: datetime


class NewCustomerConsent(Input, frozen=True, kw_only=True):
    """What a customer says about a purpose, and where it was said."""

    is_given: bool
    source: Annotated[str, Meta(min_length=1, max_length=200)]


class CustomerMerge(Input, frozen=True, kw_only=True):
    """Which records are the same customer."""

    duplicate_ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=20)]


class DuplicatesQuery(Input, frozen=True, kw_only=True):
    """What the records of a set have in common, and where to go on."""

    by: Literal["email", "phone", "taxId", "name"] = "email"
    cursor: Cursor | None = None
    per_page: PerPage = 20


class DuplicateSetView(Output, frozen=True, kw_only=True):
    """Records that may be the same customer, the oldest first."""

    by: str
    key: str
    customers: list[CustomerSummary]


class CustomerStatistics(Output, frozen=True, kw_only=True):
    """How many customers there are, and of what kinds. `by_tag`, `by_country` and `by_owner` hold
    the 50 largest; `created_by_month` the last 24 months (`2026-11`)."""

    total: int
    deleted: int
    merged: int
    without_owner: int
    by_lifecycle: dict[str, int]
    by_kind: dict[str, int]
    by_country: dict[str, int]
    by_tag: dict[str, int]
    by_owner: dict[str, int]
    by_consent: dict[str, int]
    created_by_month: dict[str, int]
