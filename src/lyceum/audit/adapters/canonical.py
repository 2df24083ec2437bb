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

from lyceum.audit.records import Entry

START: Final = bytes(32)
"""The previous hash of the first entry of a chain."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def hash_entry(entry: Entry, sequence: int | None = None) -> bytes:
    """Return the hash that the entry must have, at another place of its chain if given."""
    place = entry.sequence if sequence is None else sequence
    if entry.retention_class is None:
        return _hash_at_once(entry, place)
    return hash_place(
        entry.stream,
        place,
        entry.previous_hash,
        entry.recorded_at,
        entry.retention_class,
        hash_content(entry),
    )


def hash_place(
    stream: int,
    sequence: int,
    previous_hash: bytes,
    recorded_at: datetime,
    retention_class: str,
    content_hash: bytes,
) -> bytes:
    """Return the hash of an entry of which only the hash of its content is known."""
    return _hash(
        b"lyceum audit 2,",
        stream,
        sequence,
        previous_hash.hex(),
        _microseconds(recorded_at),
        retention_class,
        content_hash.hex(),
    )


def hash_content(entry: Entry) -> bytes:
    """Return the hash of what goes with an entry when its time is over."""
    return _hash(b"lyceum audit content 2,", *_content(entry))


def hash_details(salt: bytes, body: str) -> bytes:
    """Return the hash by which the chain knows the details."""
    return sha256(salt + body.encode()).digest()


def _hash_at_once(entry: Entry, place: int) -> bytes:
    entry_id, occurred, *rest = _content(entry)
    recorded = _microseconds(entry.recorded_at)
    before = entry.previous_hash.hex()
    return _hash(
        b"lyceum audit 1,", entry.stream, place, before, entry_id, occurred, recorded, *rest
    )


def _content(entry: Entry) -> tuple[object, ...]:
    return (
        entry.id, _microseconds(entry.occurred_at), entry.actor_id, entry.impersonator_id,
        entry.action, entry.object_type, entry.object_id, entry.result, entry.request_id,
        entry.details_hash.hex(),
    )  # fmt: skip


def _hash(label: bytes, *fields: object) -> bytes:
    return sha256(label + b"".join([_encode(field) for field in fields])).digest()


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _encode(field: object) -> bytes:
    if field is None:
        return b"-,"
    text = str(field).encode()
    return b"%d:%b," % (len(text), text)
