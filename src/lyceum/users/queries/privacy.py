"""How exports of personal data and consents are read and written.

Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import Consent, DataExport

_EXPORT = "e.id, e.user_id, e.requested_at, e.ready_at, e.expires_at, e.size_bytes, e.file_key"

INSERT_EXPORT = command(
    f"INSERT INTO users.data_exports AS e (id, user_id) VALUES ($1, $2) RETURNING {_EXPORT}",
    DataExport,
)
LIST_EXPORTS = sql(
    f"""
    SELECT {_EXPORT} FROM users.data_exports e WHERE e.user_id = $1
    ORDER BY e.requested_at DESC, e.id DESC
    """,
    DataExport,
)
FIND_EXPORT = sql(f"SELECT {_EXPORT} FROM users.data_exports e WHERE e.id = $1", DataExport)
FINISH_EXPORT = command(
    """
    UPDATE users.data_exports SET
        file_key = $2, size_bytes = $3, ready_at = now(),
        expires_at = now() + make_interval(days => $4::integer)
    WHERE id = $1 AND ready_at IS NULL
    RETURNING user_id
    """,
    UUID,
)
SET_LINK = command(
    """
    UPDATE users.data_exports SET
        link_hash = $3,
        link_expires_at = least(expires_at, now() + make_interval(secs => $4::float8))
    WHERE id = $1 AND user_id = $2 AND expires_at > now()
    RETURNING id
    """,
    UUID,
)
FIND_EXPORT_BY_LINK = sql(
    f"""
    SELECT {_EXPORT} FROM users.data_exports e
    JOIN users.users u ON u.id = e.user_id AND u.status <> 'erased'
    WHERE e.link_hash = $1 AND e.link_expires_at > now()
    """,
    DataExport,
)
DELETE_OLD_EXPORTS = command(
    """
    DELETE FROM users.data_exports
    WHERE coalesce(expires_at < now(), requested_at < now() - interval '7 days')
    RETURNING coalesce(file_key, '')
    """,
    str,
)
INSERT_CONSENT = command(
    """
    INSERT INTO users.consents (id, user_id, purpose, is_given, document_version, ip)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING purpose, is_given, document_version, decided_at
    """,
    Consent,
)
LIST_CONSENTS = sql(
    """
    SELECT DISTINCT ON (purpose) purpose, is_given, document_version, decided_at
    FROM users.consents WHERE user_id = $1
    ORDER BY purpose, decided_at DESC, id DESC
    """,
    Consent,
)
