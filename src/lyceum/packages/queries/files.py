"""Rows of the files of courses, and of the lectures that show them."""

from uuid import UUID

from lyceum.packages.records import KeptFile
from lyceum.platform.statements import command, sql

LIST_FILES = sql(
    """
    SELECT id, course_id, path, file_key, media_type, size_bytes, sha256, is_in_description,
        is_for_staff
    FROM packages.files WHERE course_id = $1 ORDER BY path
    """,
    KeptFile,
)

FIND_FILE = sql(
    """
    SELECT id, course_id, path, file_key, media_type, size_bytes, sha256, is_in_description,
        is_for_staff
    FROM packages.files WHERE id = $1
    """,
    KeptFile,
)

LIST_USES = sql(
    "SELECT lecture_id FROM packages.file_uses WHERE file_id = $1 ORDER BY lecture_id LIMIT $2",
    UUID,
)

# Parameters: course id, and of each file: id, path, key, type, bytes, checksum, whether the
# description shows it, whether it is for staff. The caller holds the lock of the course.
KEEP_FILES = command(
    """
    INSERT INTO packages.files AS f (
        id, course_id, path, file_key, media_type, size_bytes, sha256, is_in_description,
        is_for_staff)
    SELECT u.id, $1, u.path, u.file_key, u.media_type, u.size_bytes, u.sha256, u.is_in_description,
        u.is_for_staff
    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::bytea[],
            $8::bool[], $9::bool[])
        AS u (id, path, file_key, media_type, size_bytes, sha256, is_in_description, is_for_staff)
    ON CONFLICT (course_id, path) DO UPDATE
    SET file_key = excluded.file_key, media_type = excluded.media_type,
        size_bytes = excluded.size_bytes, sha256 = excluded.sha256,
        is_in_description = excluded.is_in_description, is_for_staff = excluded.is_for_staff
    """
)

# Parameters: the lectures whose uses are known anew; file ids and lecture ids, in pairs.
FORGET_USES = command("DELETE FROM packages.file_uses WHERE lecture_id = ANY ($1::uuid[])")
KEEP_USES = command(
    """
    INSERT INTO packages.file_uses (file_id, lecture_id)
    SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING
    """
)

# Parameters: lectures, and the copy of each.
COPY_USES = command(
    """
    INSERT INTO packages.file_uses (file_id, lecture_id)
    SELECT f.file_id, u.copy_id
    FROM unnest($1::uuid[], $2::uuid[]) u (lecture_id, copy_id)
    JOIN packages.file_uses f ON f.lecture_id = u.lecture_id
    ON CONFLICT DO NOTHING
    """
)

LIST_KNOWN_KEYS = sql("SELECT file_key FROM packages.files WHERE file_key = ANY ($1::text[])", str)
