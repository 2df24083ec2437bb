"""Rows of exports."""

from uuid import UUID

from lyceum.packages.records import StoredExport
from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

# Parameters: id, course, who asked, format, job, hours until it goes.
ADD_EXPORT = command(
    """
    INSERT INTO packages.exports (id, course_id, asked_by, format, job_id, expires_at)
    VALUES ($1, $2, $3, $4, $5, now() + make_interval(hours => $6))
    """
)
FIND_EXPORT = sql(
    """
    SELECT id, course_id, asked_by, format, job_id, file_key, file_name, size_bytes, notes, problem,
        created_at, expires_at, finished_at
    FROM packages.exports WHERE id = $1 AND expires_at > now()
    """,
    StoredExport,
)
# Parameters: id, file key, file name, bytes, notes.
FINISH_EXPORT = command(
    """
    UPDATE packages.exports
    SET file_key = $2, file_name = $3, size_bytes = $4, notes = $5, problem = NULL,
        finished_at = now()
    WHERE id = $1
    """
)
FAIL_EXPORT = command(
    """
    UPDATE packages.exports SET problem = $2, finished_at = now()
    WHERE id = $1 AND finished_at IS NULL
    """
)
PURGE_EXPORTS = command("DELETE FROM packages.exports WHERE expires_at <= now() RETURNING id", UUID)

privacy.holds(
    "packages.exports",
    "asked_by",
    export=sql("SELECT to_jsonb(e) FROM packages.exports e WHERE e.asked_by = $1", Json),
    erase=command("DELETE FROM packages.exports WHERE asked_by = $1"),
    files=sql(
        "SELECT coalesce(file_key, '') FROM packages.exports WHERE asked_by = $1",
        str,
    ),
)
