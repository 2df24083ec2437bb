"""The bytes that the hash of an entry is made of, as `audit.append` makes them in the database.

`lyceum audit 1,` and then each field as its length in bytes, a colon, the text, a comma (`-,` for
none): stream, sequence, previous hash, id, occurred, recorded (microseconds of the epoch), actor,
impersonator, action, object's type, object's id, result, request id, hash of the details. Hashes
in hexadecimal. The program computes this by itself, so that an altered database cannot vouch for
its own entries.
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
    fields = (
        entry.stream, entry.sequence if sequence is None else sequence, entry.previous_hash.hex(),
        entry.id, (entry.occurred_at - _EPOCH) // _MICROSECOND,
        (entry.recorded_at - _EPOCH) // _MICROSECOND, entry.actor_id, entry.impersonator_id,
        entry.action, entry.object_type, entry.object_id, entry.result, entry.request_id,
        entry.details_hash.hex(),
    )  # fmt: skip
    return sha256(b"lyceum audit 1," + b"".join(_encode(field) for field in fields)).digest()


def hash_details(salt: bytes, body: str) -> bytes:
    """Return the hash by which the chain knows the details."""
    return sha256(salt + body.encode()).digest()


def _encode(field: object) -> bytes:
    if field is None:
        return b"-,"
    text = str(field).encode()
    return b"%d:%b," % (len(text), text)
