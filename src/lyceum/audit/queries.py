"""Statements of the audit trail.

The text of a search is put together from the constants here, and every value is a parameter: one
statement serves one set of filters, so that an index can.
"""

# ruff: noqa: S608 - for that reason

from typing import Any, Final
from uuid import UUID

from lyceum.audit.records import (
    Batch,
    Entry,
    Expired,
    FullEntry,
    Head,
    Hold,
    Removed,
    Rule,
    StoredExport,
)
from lyceum.platform import privacy
from lyceum.platform.statements import Composed, Json, command, sql

APPEND = command("SELECT audit.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", int)
APPEND_MANY = command(
    """
    SELECT audit.append_many($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    """,
    int,
)
LIST_HEADS = sql("SELECT stream, sequence, hash FROM audit.heads ORDER BY stream", Head)
LIST_CHAIN = sql(
    """
    SELECT e.stream, e.sequence, e.id, e.occurred_at, e.recorded_at, e.actor_id,
        e.impersonator_id, e.action, e.object_type, e.object_id, e.result, e.request_id,
        e.details_hash, e.previous_hash, e.hash, e.retention_class, e.content_hash,
        d.entry_id IS NOT NULL AS has_details, d.salt, d.body
    FROM audit.entries e LEFT JOIN audit.details d ON d.entry_id = e.id
    WHERE e.stream = $1 AND e.sequence > $2 AND e.sequence <= $3
    ORDER BY e.sequence LIMIT $4
    """,
    FullEntry,
)
FIND = sql(
    """
    SELECT e.stream, e.sequence, e.id, e.occurred_at, e.recorded_at, e.actor_id,
        e.impersonator_id, e.action, e.object_type, e.object_id, e.result, e.request_id,
        e.details_hash, e.previous_hash, e.hash, e.retention_class, e.content_hash,
        d.entry_id IS NOT NULL AS has_details, d.salt, d.body
    FROM audit.entries e LEFT JOIN audit.details d ON d.entry_id = e.id
    WHERE e.id = $1
    """,
    FullEntry,
)
LIST_REMOVED = sql(
    """
    SELECT stream, sequence, recorded_at, retention_class, content_hash, previous_hash, hash,
        removal_id
    FROM audit.removed WHERE stream = $1 AND sequence > $2 AND sequence <= $3
    ORDER BY sequence LIMIT $4
    """,
    Removed,
)
LIST_RULES = sql(
    """
    SELECT r.retention_class, r.days,
        EXISTS (SELECT FROM audit.holds h WHERE h.retention_class = r.retention_class) AS is_held
    FROM audit.retention r ORDER BY r.days, r.retention_class
    """,
    Rule,
)
COUNT_EXPIRED = sql(
    """
    SELECT r.retention_class, count(e.id) AS entries, min(e.recorded_at) AS oldest_at
    FROM audit.retention r LEFT JOIN audit.entries e ON e.retention_class = r.retention_class
        AND e.stream < 10 AND e.recorded_at < now() - make_interval(hours => 24 * r.days)
    GROUP BY r.retention_class ORDER BY r.retention_class
    """,
    Expired,
)
LIST_HOLDS = sql(
    """
    SELECT id, retention_class, person_id, reason, placed_by, placed_at
    FROM audit.holds ORDER BY placed_at, id
    """,
    Hold,
)
FIND_HOLD = sql(
    """
    SELECT id, retention_class, person_id, reason, placed_by, placed_at
    FROM audit.holds WHERE id = $1
    """,
    Hold,
)
# Parameters: class, days, and of the entry: id, actor, impersonator, request.
SET_RETENTION = command("SELECT audit.set_retention($1, $2, $3, $4, $5, $6)", bool)
# Parameters: id, class, person, reason, and of the entry as above.
PLACE_HOLD = command("SELECT audit.place_hold($1, $2, $3, $4, $5, $6, $7, $8)")
# Parameters: id, and of the entry as above.
LIFT_HOLD = command("SELECT audit.lift_hold($1, $2, $3, $4, $5)", bool)
# Parameters: class, chain, the place after which to look, how many, id of the entry.
REMOVE_EXPIRED = command(
    """
    SELECT removed, last_at, last_sequence FROM audit.remove_expired($1, $2, $3, $4, $5, $6)
    """,
    Batch,
)
# Parameters: id, who asked, format, filters, job, hours until it goes.
ADD_EXPORT = command(
    """
    INSERT INTO audit.exports (id, asked_by, format, filters, job_id, expires_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(hours => $6))
    """
)
FIND_EXPORT = sql(
    """
    SELECT id, asked_by, format, filters, job_id, file_key, entries, size_bytes, created_at,
        expires_at, finished_at
    FROM audit.exports WHERE id = $1 AND expires_at > now()
    """,
    StoredExport,
)
# Parameters: id, file key, entries, bytes.
FINISH_EXPORT = command(
    """
    UPDATE audit.exports SET file_key = $2, entries = $3, size_bytes = $4, finished_at = now()
    WHERE id = $1 AND finished_at IS NULL RETURNING id
    """,
    UUID,
)
PURGE_EXPORTS = command(
    "DELETE FROM audit.exports WHERE expires_at <= now() RETURNING coalesce(file_key, '')", str
)
_FILTERS: Final = {
    "actor": "actor_id = {}::uuid",
    "person": ("id IN (SELECT entry_id FROM audit.details WHERE subject_ids @> ARRAY[{}::uuid])"),
    "object_id": "object_id = {}::text",
    "action": "action = {}::text",
    "result": "result = {}::text",
    "since": "occurred_at >= {}::timestamptz",
    "until": "occurred_at < {}::timestamptz",
}
"""What a search may be narrowed by."""


def search(
    filters: dict[str, Any], before: tuple[Any, UUID] | None, limit: int
) -> tuple[Composed[Entry], list[Any]]:
    """Return the statement of one page, newest first, and the values of its parameters."""
    conditions, values = _narrow(filters)
    if before is not None:
        values += before
        last = len(values)
        conditions.append(f"(occurred_at, id) < (${last - 1}::timestamptz, ${last}::uuid)")
    text = f"""
        SELECT stream, sequence, id, occurred_at, recorded_at, actor_id, impersonator_id, action,
            object_type, object_id, result, request_id, details_hash, previous_hash, hash,
            retention_class, content_hash
        FROM audit.entries WHERE {" AND ".join(conditions)}
        ORDER BY occurred_at DESC, id DESC LIMIT ${len(values) + 1}::int4
    """
    return Composed(text, Entry, "audit.queries.search"), [*values, limit]


def page_of_export(
    filters: dict[str, Any], after: tuple[Any, UUID] | None, limit: int
) -> tuple[Composed[FullEntry], list[Any]]:
    """Return the statement of one page with the details, the oldest first, and its values."""
    conditions, values = _narrow(filters)
    if after is not None:
        values += after
        last = len(values)
        conditions.append(f"(occurred_at, id) > (${last - 1}::timestamptz, ${last}::uuid)")
    text = f"""
        SELECT e.stream, e.sequence, e.id, e.occurred_at, e.recorded_at, e.actor_id,
            e.impersonator_id, e.action, e.object_type, e.object_id, e.result, e.request_id,
            e.details_hash, e.previous_hash, e.hash, e.retention_class, e.content_hash,
            d.entry_id IS NOT NULL AS has_details, d.salt, d.body
        FROM (SELECT * FROM audit.entries WHERE {" AND ".join(conditions)}
            ORDER BY occurred_at, id LIMIT ${len(values) + 1}::int4) e
        LEFT JOIN audit.details d ON d.entry_id = e.id ORDER BY e.occurred_at, e.id
    """
    return Composed(text, FullEntry, "audit.queries.page_of_export"), [*values, limit]


def _narrow(filters: dict[str, Any]) -> tuple[list[str], list[Any]]:
    conditions, values = ["true"], list[Any]()
    for name, value in filters.items():
        values.append(value)
        conditions.append(_FILTERS[name].format(f"${len(values)}"))
    return conditions, values


privacy.holds(
    "audit.exports",
    "asked_by",
    export=sql("SELECT to_jsonb(e) FROM audit.exports e WHERE e.asked_by = $1", Json),
    erase=command("DELETE FROM audit.exports WHERE asked_by = $1"),
    files=sql("SELECT coalesce(file_key, '') FROM audit.exports WHERE asked_by = $1", str),
)
privacy.holds(
    "audit.entries",
    "actor_id",
    "impersonator_id",
    export=sql(
        """
        SELECT jsonb_build_object('occurred_at', occurred_at, 'action', action, 'result', result,
            'object_type', object_type, 'object_id', object_id)
        FROM audit.entries WHERE actor_id = $1 OR impersonator_id = $1
        """,
        Json,
    ),
    keeps="An entry holds ids alone, and no chain holds together without all of its entries.",
)
# Of what others did to a person the export says what and when, not who and from where.
privacy.holds(
    "audit.details",
    "subject_ids",
    export=sql(
        """
        SELECT jsonb_build_object('occurred_at', e.occurred_at, 'action', e.action,
            'details', CASE WHEN e.actor_id = $1 THEN d.body::jsonb END)
        FROM audit.details d JOIN audit.entries e ON e.id = d.entry_id
        WHERE d.subject_ids @> ARRAY[$1::uuid]
        """,
        Json,
    ),
    erase=command("SELECT audit.empty_details($1)"),
)
privacy.holds(
    "audit.holds",
    "person_id",
    "placed_by",
    export=sql(
        """
        SELECT jsonb_build_object('placed_at', placed_at, 'class', retention_class)
        FROM audit.holds WHERE person_id = $1 OR placed_by = $1
        """,
        Json,
    ),
    keeps="A hold keeps evidence, until whoever placed it lifts it.",
)
privacy.holds(
    "audit.erasures_due",
    "person_id",
    export=sql("SELECT to_jsonb(e) FROM audit.erasures_due e WHERE e.person_id = $1", Json),
    keeps="It remembers that the person is to be erased from the trail once no hold forbids it.",
)
