"""How invitations and files of people are read and written.

Statements are put together from constants of this module alone.
"""

# ruff: noqa: S608 - for that reason

from uuid import UUID

from lyceum.platform.statements import command, sql
from lyceum.users.records import PeopleImport

PUT_INVITATION = command(
    """
    INSERT INTO users.invitations AS i (user_id, invited_by, expires_at)
    VALUES ($1, $2, now() + make_interval(days => $3::integer))
    ON CONFLICT (user_id) DO UPDATE SET
        invited_by = excluded.invited_by, token_hash = NULL, created_at = now(),
        expires_at = excluded.expires_at
    """
)
SET_TOKEN = command(
    """
    UPDATE users.invitations i SET token_hash = $2
    FROM users.users u
    WHERE i.user_id = $1 AND u.id = i.user_id AND u.password_hash IS NULL
      AND u.status = 'active' AND i.expires_at > now()
    RETURNING u.email
    """,
    str,
)
FIND_INVITED = sql(
    "SELECT user_id FROM users.invitations WHERE token_hash = $1 AND expires_at > now()", UUID
)
CLAIM_INVITATION = command(
    """
    DELETE FROM users.invitations WHERE token_hash = $1 AND expires_at > now() RETURNING user_id
    """,
    UUID,
)
SET_FIRST_PASSWORD = command(
    """
    UPDATE users.users SET
        password_hash = $2, email_verified_at = coalesce(email_verified_at, now()),
        version = version + 1, updated_at = now()
    WHERE id = $1 AND password_hash IS NULL AND status = 'active'
    RETURNING id
    """,
    UUID,
)

_IMPORT = """
    i.id, i.asked_by, i.job_id, i.is_dry_run, i.sends_invitations, i.content, i.report,
    i.created_at, i.finished_at
"""
INSERT_IMPORT = command(
    f"""
    INSERT INTO users.people_imports AS i
        (id, asked_by, job_id, is_dry_run, sends_invitations, content)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING {_IMPORT}
    """,
    PeopleImport,
)
FIND_IMPORT = sql(f"SELECT {_IMPORT} FROM users.people_imports i WHERE i.id = $1", PeopleImport)
FINISH_IMPORT = command(
    """
    UPDATE users.people_imports SET report = $2, content = NULL, finished_at = now() WHERE id = $1
    """
)
