"""Which tables hold something about a person: how it is exported, and what erasing leaves of it.

Whoever adds a table with a person in it says so beside its statements, in `queries`:

    privacy.holds(
        "courses.reviews",
        "user_id",
        export=sql("SELECT to_jsonb(r) FROM courses.reviews r WHERE r.user_id = $1", Json),
        erase=command("UPDATE courses.reviews SET body = '' WHERE user_id = $1"),
    )

Every statement has one parameter: the person's id, or with `by="email"` the address. A row that the
law or the ledger needs stays, and `keeps` says why: it names an id, and whose it was is gone from
`users`. A test walks the schema and fails for a table that is not here. Not here: who may ask for
an export or an erasure (`users`).
"""

import sys
from collections.abc import AsyncIterator
from typing import Any, Literal
from uuid import UUID

import msgspec

from lyceum.platform.database import Reader, Writer
from lyceum.platform.statements import Command, Json, Query

By = Literal["id", "email"]


class Holding(msgspec.Struct, frozen=True):
    """One table with a person in it; `files` are keys in the storage, erased with the rows."""

    table: str
    columns: tuple[str, ...]
    by: By
    export: Query[Json]
    erase: Command[None] | None
    keeps: str
    files: Query[str] | None
    module: str


class Subject(msgspec.Struct, frozen=True):
    """The person in question; the address is the one that their rows know them by."""

    user_id: UUID
    email: str

    def key(self, by: By) -> UUID | str:
        """Return what a statement of that kind looks for."""
        return self.user_id if by == "id" else self.email


_holdings: list[Holding] = []


def holds(
    table: str,
    *columns: str,
    export: Query[Json],
    erase: Command[None] | None = None,
    keeps: str = "",
    files: Query[str] | None = None,
    by: By = "id",
) -> None:
    """Say that `columns` of `table` name a person.

    A row of `export` is one JSON object without secrets. `erase` deletes the rows, or takes out of
    them what tells of the person; without it `keeps` says why they stay as they are.
    """
    if not columns or (erase is None) == (not keeps):
        raise ValueError(f"{table}: say which columns, and either erase or why it is kept")
    module = sys._getframe(1).f_globals["__name__"]  # noqa: SLF001 - no public name for the caller
    _holdings.append(Holding(table, columns, by, export, erase, keeps, files, module))


def all_holdings() -> list[Holding]:
    """Return every table that the modules imported so far have registered, in order."""
    return list(_holdings)


async def export_rows(tx: Reader, subject: Subject) -> AsyncIterator[tuple[str, list[Any]]]:
    """Yield each table with the rows in it that are about a person."""
    for holding in _holdings:
        rows = await tx.all(holding.export, subject.key(holding.by))
        if rows:
            yield holding.table, [msgspec.json.decode(row) for row in rows]


async def list_files(tx: Reader, subject: Subject) -> list[str]:
    """Return the storage keys of a person's files."""
    found = []
    for holding in _holdings:
        if holding.files is not None:
            found += [key for key in await tx.all(holding.files, subject.key(holding.by)) if key]
    return found


async def erase_rows(tx: Writer, subject: Subject) -> None:
    """Take a person out of every table, those of the upper domains first.

    Read `list_files` before and delete them after the commit: the rows forget their keys.
    """
    for holding in reversed(_holdings):
        if holding.erase is not None:
            await tx.execute(holding.erase, subject.key(holding.by))
