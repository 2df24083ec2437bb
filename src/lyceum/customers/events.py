"""What happened with customers that others may care about.

`before` and `after` hold the changed fields alone, redacted: half of an address, no tax id.
"""

from typing import Any
from uuid import UUID

from lyceum.platform.events import Event, event


@event("customer.created")
class CustomerCreated(Event, frozen=True, kw_only=True):
    """A customer was added, by hand or by an import; `source` says which."""

    customer_id: UUID
    source: str


@event("customer.updated")
class CustomerUpdated(Event, frozen=True, kw_only=True):
    """A customer's record has changed."""

    customer_id: UUID
    changed: tuple[str, ...]
    before: dict[str, Any]
    after: dict[str, Any]


@event("customer.deleted")
class CustomerDeleted(Event, frozen=True, kw_only=True):
    """A customer exists for nobody until it is restored."""

    customer_id: UUID


@event("customer.restored")
class CustomerRestored(Event, frozen=True, kw_only=True):
    """A deleted customer is back as it was."""

    customer_id: UUID


@event("customer.merged")
class CustomerMerged(Event, frozen=True, kw_only=True):
    """Duplicates went into a customer, with all that belonged to them."""

    customer_id: UUID
    duplicate_ids: tuple[UUID, ...]


@event("customer.account_linked")
class AccountLinked(Event, frozen=True, kw_only=True):
    """A person's account belongs to a customer from now on."""

    customer_id: UUID
    user_id: UUID


@event("customer.account_unlinked")
class AccountUnlinked(Event, frozen=True, kw_only=True):
    """A person's account does not belong to a customer any more."""

    customer_id: UUID
    user_id: UUID


@event("customer.consent_recorded")
class ConsentRecorded(Event, frozen=True, kw_only=True):
    """A customer has given a consent, or taken it back."""

    customer_id: UUID
    purpose: str
    is_given: bool
    source: str


@event("customer.note_added")
class NoteAdded(Event, frozen=True, kw_only=True):
    """Somebody wrote a note about a customer."""

    customer_id: UUID
    note_id: UUID


@event("customer.note_deleted")
class NoteDeleted(Event, frozen=True, kw_only=True):
    """A note about a customer was deleted."""

    customer_id: UUID
    note_id: UUID


@event("customer.imported")
class CustomersImported(Event, frozen=True, kw_only=True):
    """A file of customers was read in."""

    import_id: UUID
    created: int
    updated: int
    failed: int


@event("customer.exported")
class CustomersExported(Event, frozen=True, kw_only=True):
    """Customers left as a file."""

    export_id: UUID
    customers: int
    filter: str


@event("customer_group.created")
class GroupCreated(Event, frozen=True, kw_only=True):
    """A group of customers was made."""

    group_id: UUID
    kind: str


@event("customer_group.updated")
class GroupUpdated(Event, frozen=True, kw_only=True):
    """A group of customers has another name, description or rule."""

    group_id: UUID
    changed: tuple[str, ...]


@event("customer_group.deleted")
class GroupDeleted(Event, frozen=True, kw_only=True):
    """A group of customers is no more; its members are."""

    group_id: UUID


@event("customer_group.members_changed")
class MembersChanged(Event, frozen=True, kw_only=True):
    """Customers were added to a static group, or taken out."""

    group_id: UUID
    added: tuple[UUID, ...]
    removed: tuple[UUID, ...]
