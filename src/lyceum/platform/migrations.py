"""Bringing the schema up to date. Not here: the revisions (`migrations/versions`)."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

import lyceum
from lyceum.platform.loading import later

if TYPE_CHECKING:
    from alembic import command
    from alembic import config as alembic_config
else:
    command, alembic_config = later("alembic.command"), later("alembic.config")


class DatabaseUnavailable(Exception):
    """No way to the database; the text says why, without the address and its password."""


class UnknownRevision(Exception):
    """There is no such revision."""


def _folder() -> Path:
    package = Path(str(lyceum.__file__)).parent
    shipped = package / "migrations"
    return shipped if shipped.is_dir() else package.parents[1] / "migrations"


def head_revision() -> str:
    """Return the newest revision's name; revisions are files named in one linear order."""
    return max(path.stem for path in (_folder() / "versions").glob("[0-9]*.py"))


async def current_revision(dsn: str) -> str | None:
    """Return the revision that the database is at, or None for an empty one."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        raise DatabaseUnavailable(f"cannot reach the database: {problem}") from problem
    try:
        if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
            return None
        revision = await connection.fetchval("SELECT version_num FROM public.alembic_version")
        return str(revision) if revision else None
    finally:
        await connection.close()


def _require(revision: str) -> None:
    known = {path.stem for path in (_folder() / "versions").glob("[0-9]*.py")}
    if not known.issuperset(revision.split(":")) and revision not in ("head", "base"):
        raise UnknownRevision(f"no revision {revision}; there are {', '.join(sorted(known))}")


def _config(dsn: str, output: io.StringIO | None = None) -> Any:
    make = alembic_config.Config
    config = make(output_buffer=output) if output is not None else make()
    config.set_main_option("script_location", str(_folder()))
    driver = dsn.replace("postgres://", "postgresql://", 1)
    driver = driver.replace("postgresql://", "postgresql+psycopg://", 1)
    config.set_main_option("sqlalchemy.url", driver.replace("%", "%%"))
    return config


def upgrade(dsn: str, revision: str = "head") -> None:
    """Apply every revision up to `revision`; safe to run by several processes at once."""
    _require(revision)
    command.upgrade(_config(dsn), revision)


def downgrade(dsn: str, revision: str) -> None:
    """Take back every revision after `revision` (`base`: all of them)."""
    _require(revision)
    command.downgrade(_config(dsn), revision)


def render_sql(revisions: str = "head") -> str:
    """Return the SQL of the revisions, as `0001_x:0002_y` or up to the one named."""
    _require(revisions)
    output = io.StringIO()
    command.upgrade(_config("postgresql://", output), revisions, sql=True)
    return output.getvalue()
