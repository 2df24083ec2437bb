"""Runs the revisions: online over psycopg, offline (`--sql`) for the linter."""

import time

from alembic import context
from sqlalchemy import Connection, create_engine, text
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


def take_turn(guard: Connection) -> None:
    """Return once no other process migrates. Asking and not waiting inside PostgreSQL: whoever
    waits there has a snapshot, for whose end an index that is made concurrently would wait."""
    while not guard.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
        guard.commit()
        time.sleep(0.1)
    guard.commit()


def run_online() -> None:
    """Run the revisions, one process at a time, never waiting long for a table that is in use."""
    url = config.get_main_option("sqlalchemy.url") or ""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as guard, engine.connect() as connection:
        take_turn(guard)
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
