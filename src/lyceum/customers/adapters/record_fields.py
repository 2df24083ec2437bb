"""The fields of a record that people write: cleaned, compared, told apart.

A record's fields travel as a dict by column, lists and objects as JSON has them; what use cases do
with it is in the other modules.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.customers.errors import invalid
from lyceum.customers.records import Customer
from lyceum.customers.schemas.customers import Address, Contact
from lyceum.platform import redaction, richtext, wire

Fields = dict[str, Any]
COLUMNS: Final = (
    "kind", "name", "email", "phone", "tax_id", "reference", "lifecycle", "owner_id", "tags",
    "custom_fields", "contacts", "addresses",
)  # fmt: skip
STANDINGS: Final = ("lifecycle", "owner_id", "tags", "custom_fields")
"""What changes often, and is written without the rest (migration 0037 says why)."""
_JSON: Final = frozenset({"custom_fields", "contacts", "addresses"})
_WIRE: Final = {
    "tax_id": "taxId", "owner_id": "ownerId", "custom_fields": "customFields"
}  # fmt: skip


def fields_of(customer: Customer, names: tuple[str, ...] = COLUMNS) -> Fields:
    """Return the fields of a stored record, or some of them."""
    found = {name: getattr(customer, name) for name in names}
    return {n: msgspec.json.decode(v) if n in _JSON else v for n, v in found.items()}


def shown_fields(row: Customer) -> dict[str, Any]:
    """Return what a CustomerSummary is made of."""
    facts = msgspec.structs.asdict(row)
    del facts["merged_into_id"]
    facts["custom_fields"] = msgspec.json.decode(row.custom_fields)
    facts["contacts"] = msgspec.json.decode(row.contacts, type=list[Contact])
    facts["addresses"] = msgspec.json.decode(row.addresses, type=list[Address])
    return facts


def clean_fields(given: Fields) -> Fields:
    """Return fields as they are stored: composed text on one line, addresses in lower case, no tag
    twice. ValidationFailed where nothing is left of what must be there."""
    cleaned: Fields = msgspec.to_builtins(given, builtin_types=(UUID,))
    for name in ("name", "phone", "tax_id", "reference"):
        if cleaned.get(name) is not None:
            cleaned[name] = richtext.clean_text(cleaned[name]) or None
    if "name" in cleaned and cleaned["name"] is None:
        raise invalid("/name", "A customer has a name")
    if cleaned.get("email"):
        cleaned["email"] = _clean_address(cleaned["email"])
    if "tags" in cleaned:
        tags = (richtext.clean_text(tag).lower() for tag in cleaned["tags"])
        cleaned["tags"] = list(dict.fromkeys(tag for tag in tags if tag))
    if "contacts" in cleaned:
        parts = [_clean_part(part) for part in cleaned["contacts"]]
        cleaned["contacts"] = _still_valid(parts, list[Contact], "/contacts")
    if "addresses" in cleaned:
        parts = [_clean_part(part) for part in cleaned["addresses"]]
        parts = [{**part, "country": part["country"].upper()} for part in parts]
        cleaned["addresses"] = _still_valid(parts, list[Address], "/addresses")
    return cleaned


def changes_of(before: Fields, after: Fields) -> tuple[str, ...]:
    """Return the columns in which two records differ."""
    return tuple(name for name, value in before.items() if value != after[name])


def told(fields: Fields, changed: tuple[str, ...]) -> dict[str, Any]:
    """Return the changed fields as an event may tell them: without secrets, addresses by half."""
    cleaned: dict[str, Any] = redaction.clean({_WIRE.get(n, n): fields[n] for n in changed})
    return cleaned


def are_standings(names: Iterable[str]) -> bool:
    """Say whether all of these columns are among STANDINGS."""
    return all(name in STANDINGS for name in names)


def row_of(customer_id: UUID, fields: Fields, names: tuple[str, ...] = COLUMNS) -> dict[str, Any]:
    """Return a record, or some columns of it, as the statements for many take it."""
    return {"id": customer_id, **{name: fields[name] for name in names}}


def _clean_address(written: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", written).casefold())


def _still_valid(parts: list[Fields], kind: Any, where: str) -> list[Fields]:
    """Return what cleaning has left, which may be less than its schema wants: then refuse it."""
    try:
        msgspec.convert(parts, kind)
    except msgspec.ValidationError as problem:
        wire.raise_invalid(problem, where)
    return parts


def _clean_part(part: dict[str, Any]) -> dict[str, Any]:
    cleaned = {n: richtext.clean_text(v) if isinstance(v, str) else v for n, v in part.items()}
    if cleaned.get("email"):
        cleaned["email"] = _clean_address(cleaned["email"])
    return cleaned
