"""The bytes that the hash of an entry is made of, as `audit.append` makes them in the database.

A field is its length in bytes, a colon, its text, a comma; `-,` for none. Times are microseconds of
the epoch, hashes hexadecimal. The hash of an entry is SHA-256 of

    lyceum audit 2,          stream, sequence, previous hash, recorded, class, content hash

and its content hash that of

    lyceum audit content 2,  id, occurred, actor, impersonator, action, object's type, object's id,
                             result, request id, hash of the details

so that the content can go when its time is over. Entries without a class are older and hashed at
once: `lyceum audit 1,` stream, sequence, previous hash, id, occurred, recorded, and the rest of
the content in its order. The program computes this by itself, so that an altered database cannot
vouch for its own entries.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from lyceum.audit.records import Entry, Removed

START: Final = bytes(32)
"""The previous hash of the first entry of a chain."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def hash_entry(entry: Entry, sequence: int | None = None) -> bytes:
    """Return the hash that the entry must have, at another place of its chain if given."""
    place = entry.sequence if sequence is None else sequence
    if entry.retention_class is None:
        return _hash_at_once(entry, place)
    return _hash_place(entry, place, hash_content(entry))


def hash_removed(row: Removed) -> bytes:
    """Return the hash that the entry had in whose place the row stands."""
    return _hash_place(row, row.sequence, row.content_hash)


def is_as_hashed(entry: Entry) -> bool:
    """Return whether an entry is what its hash says, that of its content included."""
    if entry.retention_class is None:
        return entry.content_hash is None and _hash_at_once(entry, entry.sequence) == entry.hash
    content = hash_content(entry)
    return content == entry.content_hash and (
        _hash_place(entry, entry.sequence, content) == entry.hash
    )


def hash_content(entry: Entry) -> bytes:
    """Return the hash of what goes with an entry when its time is over."""
    return _hash(b"lyceum audit content 2,", *_content(entry))


def hash_details(salt: bytes, body: str) -> bytes:
    """Return the hash by which the chain knows the details."""
    return sha256(salt + body.encode()).digest()


def _hash_place(row: Entry | Removed, place: int, content_hash: bytes) -> bytes:
    return _hash(
        b"lyceum audit 2,", row.stream, place, row.previous_hash.hex(),
        microseconds(row.recorded_at), row.retention_class, content_hash.hex(),
    )  # fmt: skip


def _hash_at_once(entry: Entry, place: int) -> bytes:
    entry_id, occurred, *rest = _content(entry)
    recorded = microseconds(entry.recorded_at)
    before = entry.previous_hash.hex()
    return _hash(
        b"lyceum audit 1,", entry.stream, place, before, entry_id, occurred, recorded, *rest
    )


def _content(entry: Entry) -> tuple[object, ...]:
    return (
        entry.id, microseconds(entry.occurred_at), entry.actor_id, entry.impersonator_id,
        entry.action, entry.object_type, entry.object_id, entry.result, entry.request_id,
        entry.details_hash.hex(),
    )  # fmt: skip


def _hash(label: bytes, *fields: object) -> bytes:
    return sha256(label + b"".join([_encode(field) for field in fields])).digest()


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds of the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


def _encode(field: object) -> bytes:
    if field is None:
        return b"-,"
    text = str(field).encode()
    return b"%d:%b," % (len(text), text)
