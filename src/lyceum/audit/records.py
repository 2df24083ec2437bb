"""Rows of the audit trail."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from lyceum.audit.schemas import ExportFormat, Result, RetentionClass
from lyceum.platform.statements import Json


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


class Removed(msgspec.Struct, frozen=True):
    """What stays of an entry that was past its time; `removal_id` is the entry that says so."""

    stream: int
    sequence: int
    recorded_at: datetime
    retention_class: str
    content_hash: bytes
    previous_hash: bytes
    hash: bytes
    removal_id: UUID


class Rule(msgspec.Struct, frozen=True):
    """How many days entries of a class are kept; None is for ever. Held, none goes."""

    retention_class: RetentionClass
    days: int | None
    is_held: bool


class Expired(msgspec.Struct, frozen=True):
    """How many entries of a class are past their time, and since when the first was recorded."""

    retention_class: RetentionClass
    entries: int
    oldest_at: datetime | None


class Hold(msgspec.Struct, frozen=True):
    """What keeps entries of a class, or of a person, from being removed."""

    id: UUID
    retention_class: RetentionClass | None
    person_id: UUID | None
    reason: str
    placed_by: UUID | None
    placed_at: datetime


class Batch(msgspec.Struct, frozen=True):
    """How many of the entries looked at were removed, and how far that was."""

    removed: int
    last_at: datetime
    last_sequence: int


class StoredExport(msgspec.Struct, frozen=True):
    """A row of the exports."""

    id: UUID
    asked_by: UUID | None
    format: ExportFormat
    filters: Json
    job_id: UUID
    file_key: str | None
    entries: int | None
    size_bytes: int | None
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None


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


Kind = Literal[
    "edited", "removed", "moved", "details_edited", "details_removed", "unlinked", "cut",
    "rewritten", "anchor_forged", "removal_forged", "removed_early",
]  # fmt: skip


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with the trail, and where: a place in a chain, or an anchor's key."""

    kind: Kind
    stream: int | None
    sequence: int | None
    detail: str
