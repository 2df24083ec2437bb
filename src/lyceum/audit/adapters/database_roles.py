"""The SQL of two database roles: one that owns the trail, one that the program runs under.

The program's role may read the trail and call the functions that add to it, empty the details of
somebody erased, and remove what is past its time. It owns nothing in the schema, so it can neither
change a row nor take a trigger away. Not here: passwords (`ALTER ROLE … PASSWORD`).
"""

import re
from typing import Final

import asyncpg

CALLED: Final = (
    "append", "append_many", "set_retention", "place_hold", "lift_hold", "empty_details",
    "remove_expired",
)  # fmt: skip
"""The functions of the trail that the program calls; they run with the rights of its owner."""
WRITTEN: Final = ("exports",)
"""Tables of the schema that hold no entries: the program writes them."""

_SQL: Final = """\
-- As the role that migrates. Safe to repeat; needed again after each migration.
BEGIN;
SET LOCAL lock_timeout = '5s';
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{owner}') THEN
        CREATE ROLE {owner} NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{program}') THEN
        CREATE ROLE {program} LOGIN;
    END IF;
    IF pg_has_role('{program}', '{owner}', 'MEMBER') THEN
        RAISE EXCEPTION '{program} is a member of {owner}, or a superuser: it may do everything';
    END IF;
END $$;
GRANT {owner} TO CURRENT_USER;

-- All of the trail belongs to {owner}.
GRANT CREATE, USAGE ON SCHEMA audit TO {owner};
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {owner}', found.name);
        EXECUTE format('REVOKE ALL ON %s FROM {program}, PUBLIC', found.name);
        EXECUTE format('GRANT SELECT ON %s TO {program}', found.name);
    END LOOP;
    FOR found IN SELECT p.oid::regprocedure AS name, p.proname FROM pg_proc p
        WHERE p.pronamespace = 'audit'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', found.name);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM {program}, PUBLIC', found.name);
        IF found.proname IN ({called}) THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog,'
                ' pg_temp', found.name);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {program}', found.name);
        END IF;
    END LOOP;
    FOR found IN SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relname IN ({written}) LOOP
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO {program}', found.name);
    END LOOP;
END $$;
ALTER SCHEMA audit OWNER TO {owner};
REVOKE ALL ON SCHEMA audit FROM {program}, PUBLIC;
GRANT USAGE ON SCHEMA audit TO {program};

-- Of everything else the program writes the rows.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT n.nspname AS name FROM pg_namespace n
        WHERE n.nspname NOT IN ('audit', 'public', 'information_schema')
        AND n.nspname NOT LIKE 'pg\\_%' LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO {program}', found.name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I'
            ' TO {program}', found.name);
        EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO {program}',
            found.name);
        EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO {program}', found.name);
    END LOOP;
    -- The queue of jobs makes its tables by itself.
    FOR found IN SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'platform'::regnamespace AND c.relname LIKE 'saq\\_%'
        AND c.relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {program}', found.name);
    END LOOP;
END $$;
GRANT CREATE ON SCHEMA platform TO {program};
GRANT USAGE ON SCHEMA public TO {program};
GRANT SELECT ON public.alembic_version TO {program};
COMMIT;
"""


def render(program: str, owner: str) -> str:
    """Return the SQL; ValueError for a name that would have to be quoted."""
    for name in (program, owner):
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
            raise ValueError("a role has lower-case letters, digits and underscores, 63 at most")
    if program == owner:
        raise ValueError("the program must not own the trail")
    return _SQL.format(program=program, owner=owner, called=_list(CALLED), written=_list(WRITTEN))


async def apply(dsn: str, text: str) -> None:
    """Run the SQL on a database."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute(text)
    finally:
        await connection.close()


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
