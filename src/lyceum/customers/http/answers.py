"""How customers look over the wire."""

from lyceum.customers.adapters.record_fields import shown_fields
from lyceum.customers.records import Customer
from lyceum.customers.schemas import customers as schemas
from lyceum.customers.service.customers import Belongings
from lyceum.platform.wire import Answer


def summary_of(row: Customer) -> schemas.CustomerSummary:
    """Return a customer as lists show it."""
    return schemas.CustomerSummary(**shown_fields(row))


def answer(row: Customer, more: Belongings, location: str | None = None) -> Answer[
    schemas.CustomerView
]:  # fmt: skip
    """Return a customer with all that belongs to it."""
    view = schemas.CustomerView(
        **shown_fields(row),
        accounts=[
            schemas.CustomerAccountView(
                user_id=a.user_id, display_name=a.display_name, linked_at=a.linked_at
            )
            for a in more.accounts
        ],
        consent_history=[
            schemas.CustomerConsentView(
                purpose=c.purpose, is_given=c.is_given, source=c.source, recorded_at=c.recorded_at
            )
            for c in more.consents
        ],
        groups=[schemas.GroupNameView(id=g.id, name=g.name) for g in more.groups],
    )
    return Answer(data=view, version=row.version, location=location)
