"""Statements of the audit trail.

The text of a search is put together from the constants here, and every value is a parameter: one
statement serves one set of filters, so that an index can.
"""

# ruff: noqa: S608 - for that reason

from typing import Any, Final
from uuid import UUID

from lyceum.audit.records import Entry, FullEntry, Head
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
    conditions, values = ["true"], []
    for name, value in filters.items():
        values.append(value)
        conditions.append(_FILTERS[name].format(f"${len(values)}"))
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
    erase=command(
        """
        UPDATE audit.details SET body = NULL, salt = NULL
        WHERE subject_ids @> ARRAY[$1::uuid] AND body IS NOT NULL
        """
    ),
)
