"""The heads of the chains as a file that stands outside the database, under a MAC.

The key is derived from the installation's secret; whoever has only the database cannot make one.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from lyceum.audit.records import Head
from lyceum.platform import ids
from lyceum.platform.storage import Storage

FOLDER: Final = "audit/anchors"


class Anchor(msgspec.Struct, frozen=True):
    """The heads as they were at a moment."""

    anchored_at: datetime
    heads: tuple[Head, ...]


class _File(msgspec.Struct, frozen=True):
    anchor: str
    mac: str


class AnchorForged(Exception):
    """Not a file that this installation has written, or not as it has written it."""


async def store(
    storage: Storage, installation: str, anchored_at: datetime, heads: Sequence[Head]
) -> str:
    """Write a new file; return its key."""
    key = f"{FOLDER}/{anchored_at:%Y/%m/%d}/{anchored_at:%H%M%S}-{ids.new_id()}.json"
    data = write(installation, anchored_at, heads)
    await storage.put(key, data, content_type="application/json")
    return key


async def walk(storage: Storage, installation: str) -> AsyncIterator[tuple[str, Anchor | None]]:
    """Yield the key of every file with what it says; None for one that is not ours."""
    async for file in storage.list(FOLDER):
        try:
            yield file.key, read(installation, await storage.get(file.key))
        except AnchorForged:
            yield file.key, None


def write(installation: str, anchored_at: datetime, heads: Sequence[Head]) -> bytes:
    """Return the file."""
    text = msgspec.json.encode(Anchor(anchored_at, tuple(heads))).decode()
    return msgspec.json.encode(_File(text, _mac(installation, text)))


def read(installation: str, data: bytes) -> Anchor:
    """Return what a file says; AnchorForged if it is not one of ours."""
    try:
        file = msgspec.json.decode(data, type=_File)
        if hmac.compare_digest(file.mac.encode(), _mac(installation, file.anchor).encode()):
            return msgspec.json.decode(file.anchor, type=Anchor)
    except (msgspec.DecodeError, UnicodeError) as problem:
        raise AnchorForged from problem
    raise AnchorForged


def _mac(installation: str, text: str) -> str:
    key = hmac.digest(installation.encode(), b"lyceum audit anchors", hashlib.sha256)
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
