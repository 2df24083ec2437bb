"""How customers look over the wire."""

from typing import Any

import msgspec

from lyceum.customers.records import Customer
from lyceum.customers.schemas import customers as schemas
from lyceum.customers.service.customers import Belongings
from lyceum.platform.wire import Answer


def summary_of(row: Customer) -> schemas.CustomerSummary:
    """Return a customer as lists show it."""
    return schemas.CustomerSummary(**_shared(row))


def answer(row: Customer, more: Belongings, location: str | None = None) -> Answer[
    schemas.CustomerView
]:  # fmt: skip
    """Return a customer with all that belongs to it."""
    view = schemas.CustomerView(
        **_shared(row),
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


def _shared(row: Customer) -> dict[str, Any]:
    facts = msgspec.structs.asdict(row)
    del facts["merged_into_id"]
    facts["custom_fields"] = msgspec.json.decode(row.custom_fields)
    facts["contacts"] = msgspec.json.decode(row.contacts, type=list[schemas.Contact])
    facts["addresses"] = msgspec.json.decode(row.addresses, type=list[schemas.Address])
    return facts
