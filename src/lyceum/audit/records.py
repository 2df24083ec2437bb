"""Rows of the audit trail."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from lyceum.audit.schemas import Result, RetentionClass


class Entry(msgspec.Struct, frozen=True):
    """An entry as it stands in its chain; without a class it was hashed in one step, and stays."""

    stream: int
    sequence: int
    id: UUID
    occurred_at: datetime
    recorded_at: datetime
    actor_id: UUID | None
    impersonator_id: UUID | None
    action: str
    object_type: str
    object_id: str
    result: Result
    request_id: str
    details_hash: bytes
    previous_hash: bytes
    hash: bytes
    retention_class: RetentionClass | None
    content_hash: bytes | None


class FullEntry(Entry, frozen=True):
    """With its details: `has_details` is whether the row is there, emptied or not."""

    has_details: bool
    salt: bytes | None
    body: str | None


class Head(msgspec.Struct, frozen=True):
    """The end of a chain: how many entries it has, and the hash of the last."""

    stream: int
    sequence: int
    hash: bytes


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded; the chain adds its place, the time and the hashes."""

    stream: int
    id: UUID
    occurred_at: datetime
    actor_id: UUID | None
    impersonator_id: UUID | None
    action: str
    object_type: str
    object_id: str
    result: Result
    request_id: str
    salt: bytes
    body: str
    subject_ids: list[UUID]


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """A request that was answered with 401, 403 or, of an operation for some only, 404."""

    id: UUID
    occurred_at: datetime
    actor_id: UUID | None
    impersonator_id: UUID | None
    request_id: str
    method: str
    route: str
    status: int
    ip: str


class RecordRead(msgspec.Struct, frozen=True, kw_only=True, tag="read"):
    """A record of other people that somebody was shown; `ids` are some of `count`, of people or, as
    `names` says, of customers."""

    id: UUID
    occurred_at: datetime
    actor_id: UUID | None
    impersonator_id: UUID | None
    request_id: str
    route: str
    ip: str
    record: str
    names: Literal["user", "customer"]
    ids: tuple[UUID, ...]
    count: int
    object_type: str
    object_id: str


Notice = Refusal | RecordRead
