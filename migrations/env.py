"""Runs the revisions: online over psycopg, offline (`--sql`) for the linter."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

config = context.config
LOCK = 7_306_201_188_471


def run_offline() -> None:
    """Print the SQL of the revisions."""
    context.configure(
        dialect_name="postgresql", as_sql=True, transaction_per_migration=True, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run the revisions, one process at a time, never waiting long for a table that is in use."""
    url = config.get_main_option("sqlalchemy.url") or ""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as guard, engine.connect() as connection:
        guard.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        guard.commit()
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
