"""Reading and writing invitations. Whoever uses one holds the lock of its course."""

from typing import Final
from uuid import UUID

from lyceum.courses.records import Invitation
from lyceum.platform.statements import command, sql

_INVITATION: Final = """
    id, course_id, code, email, cohort_id, max_uses, use_count, waives_price, expires_at,
    revoked_at, created_at
"""

ADD_INVITATION = command(
    f"""
    INSERT INTO courses.invitations (id, course_id, code, created_by, email, cohort_id, max_uses,
        waives_price, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {_INVITATION}
    """,  # noqa: S608 - constants of this module
    Invitation,
)

FIND_INVITATION = sql(
    f"SELECT {_INVITATION} FROM courses.invitations WHERE id = $1",  # noqa: S608
    Invitation,
)

FIND_BY_CODE = sql(
    f"SELECT {_INVITATION} FROM courses.invitations WHERE code = $1",  # noqa: S608
    Invitation,
)

LIST_INVITATIONS = sql(
    f"""
    SELECT {_INVITATION} FROM courses.invitations WHERE course_id = $1
    ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT $3
    """,  # noqa: S608
    Invitation,
)

COUNT_INVITATIONS = sql("SELECT count(*) FROM courses.invitations WHERE course_id = $1", int)

REVOKE_INVITATION = command(
    f"""
    UPDATE courses.invitations SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1
    RETURNING {_INVITATION}
    """,  # noqa: S608
    Invitation,
)

# No row: it holds no longer, or is used up. Parameters: id, now.
CLAIM_USE = command(
    """
    UPDATE courses.invitations SET use_count = use_count + 1
    WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
        AND (max_uses IS NULL OR use_count < max_uses)
    RETURNING id
    """,
    UUID,
)

# No row: the person has used it before.
NOTE_USE = command(
    """
    INSERT INTO courses.invitation_uses (invitation_id, user_id, used_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING RETURNING user_id
    """,
    UUID,
)
