"""Imports and exports as they are recorded, and the rows that an import finds again."""

from typing import Final
from uuid import UUID

import msgspec

from lyceum.customers.records import Transfer
from lyceum.platform.statements import command, sql


class KnownRow(msgspec.Struct, frozen=True):
    """A customer that a row of a file may be about."""

    key: str
    id: UUID


INSERT = command(
    """
    INSERT INTO customers.transfers (id, direction, asked_by, job_id, options, file_key)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
FIND = sql(
    """
    SELECT id, direction, asked_by, job_id, options, file_key, rows_done, report, created_at,
        finished_at
    FROM customers.transfers WHERE id = $1 AND direction = $2
    """,
    Transfer,
)
KEEP_PROGRESS = command("UPDATE customers.transfers SET rows_done = $2, report = $3 WHERE id = $1")
FINISH = command(
    """
    UPDATE customers.transfers SET report = $2, file_key = $3, finished_at = now() WHERE id = $1
    """
)
FORGET_FILES = command(
    """
    UPDATE customers.transfers t SET file_key = NULL
    FROM (SELECT id, file_key FROM customers.transfers
        WHERE file_key IS NOT NULL AND created_at < now() - make_interval(days => $1)) old
    WHERE t.id = old.id RETURNING coalesce(old.file_key, '')
    """,
    str,
)
LIST_BY_REFERENCE = sql(
    """
    SELECT coalesce(reference, '') AS key, customer_id AS id FROM customers.keys
    WHERE is_present AND reference = ANY($1::text[])
    """,
    KnownRow,
)
LIST_BY_EMAIL = sql(
    """
    SELECT DISTINCT ON (email) coalesce(email, '') AS key, customer_id AS id FROM customers.keys
    WHERE is_present AND email = ANY($1::text[]) ORDER BY email, customer_id
    """,
    KnownRow,
)
MATCHES: Final = {"reference": LIST_BY_REFERENCE, "email": LIST_BY_EMAIL}
