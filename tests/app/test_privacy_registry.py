"""Every table that names a person is registered for export and erasure."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from lyceum.app import services
from lyceum.platform import ids, privacy
from lyceum.platform.database import Database
from lyceum.users.queries import accounts
from tests.users import factories

services.load_personal_data()

# Names of columns that hold a person's id. Any other name is found by its foreign key.
PERSON = re.compile(
    r"(?:^|_)(?:user|actor|author|owner|person|impersonator|learner|student|instructor|teacher"
    r"|member|follower|followed|reviewer|grader|assessor|moderator|sender|recipient|holder"
    r"|invitee|inviter|creator|host|proctor|assistant|buyer|payer|customer)_ids?$|_by$"
)
ADDRESS = re.compile(r"(?:^|_)(?:email|phone|mobile)(?:$|_address$|_number$)")
# Columns with such a name that hold no person: what they hold instead.
NO_PERSON: dict[str, str] = {}
HOW_TO_REGISTER = """
Say how it is exported and erased. In the domain's queries/personal_data.py (or its queries.py):

    privacy.holds(
        "<schema>.<table>", "<column>", "<another column>",
        export=sql("SELECT to_jsonb(t) - '<secret>' FROM … t WHERE t.<column> = $1", Json),
        erase=command("DELETE FROM … WHERE <column> = $1"),  # or keeps="why it must stay"
    )

and list a new module in PERSONAL_DATA of app/services.py. If the column holds no person, say what
it holds in NO_PERSON of this test. More in docs/guides/personal-data.md.
"""
COLUMNS = """
    SELECT n.nspname || '.' || c.relname, a.attname, t.typname,
           EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'
                   AND k.confrelid = 'users.users'::regclass AND a.attnum = ANY (k.conkey))
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')
    ORDER BY 1, a.attnum
"""


@pytest.fixture(scope="module")
def columns(dsn: str) -> Iterator[list[tuple[str, str, str, bool]]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection.execute(COLUMNS).fetchall()


def names_somebody(column: str, kind: str, *, is_reference: bool) -> bool:
    if is_reference:
        return True
    if kind in ("uuid", "_uuid"):
        return PERSON.search(column) is not None
    return kind in ("text", "varchar", "citext", "_text") and ADDRESS.search(column) is not None


def test_every_table_with_a_person_in_it_is_registered(
    columns: list[tuple[str, str, str, bool]],
) -> None:
    registered = {
        f"{holding.table}.{column}" for holding in privacy.all_holdings()
        for column in holding.columns
    }  # fmt: skip
    missing = [
        f"{table}.{column}"
        for table, column, kind, is_reference in columns
        if names_somebody(column, kind, is_reference=is_reference)
        and f"{table}.{column}" not in registered
        and f"{table}.{column}" not in NO_PERSON
    ]
    assert not missing, f"{', '.join(missing)}: a person is in there. {HOW_TO_REGISTER}"


def test_what_is_registered_is_there(columns: list[tuple[str, str, str, bool]]) -> None:
    there = {f"{table}.{column}" for table, column, _, _ in columns}
    for holding in privacy.all_holdings():
        for column in holding.columns:
            assert f"{holding.table}.{column}" in there
    assert set(NO_PERSON) <= there


def test_a_table_is_registered_once_for_each_way_of_looking() -> None:
    seen = Counter((holding.table, holding.by) for holding in privacy.all_holdings())
    assert [table for table, times in seen.items() if times > 1] == []


def test_every_process_that_exports_knows_every_table() -> None:
    modules = {holding.module for holding in privacy.all_holdings()}
    assert modules == set(services.PERSONAL_DATA)
    alone = (
        "from lyceum.app import services; from lyceum.platform import privacy;"
        "services.load_handlers('identity'); print(len(privacy.all_holdings()))"
    )
    done = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(privacy.all_holdings())


def test_no_export_tells_a_secret() -> None:
    for holding in privacy.all_holdings():
        text = holding.export.text
        for word in ("password_hash", "token_hash", "secret", "sealed", "private_key"):
            assert re.search(rf"{word}\w*", text) is None or re.search(rf"- '\w*{word}", text), (
                f"{holding.table}: the export shows {word}"
            )


def test_a_holding_says_what_becomes_of_it() -> None:
    some = privacy.all_holdings()[0]
    for wrong in ({}, {"keeps": "both", "erase": some.erase or privacy.all_holdings()[1].erase}):
        with pytest.raises(ValueError, match="either erase or why"):
            privacy.holds("x.y", "user_id", export=some.export, **wrong)  # type: ignore[arg-type]


async def test_what_is_held_is_exported_and_erased(database: Database) -> None:
    async with database.transaction() as tx:
        account = await factories.make_user(tx, first_name="Erasmus")
        other = await factories.make_user(tx)
    subject = privacy.Subject(account.id, account.email)
    rows: dict[str, list[Any]] = {
        table: found async for table, found in privacy.export_rows(database.reader(), subject)
    }
    assert rows["users.users"][0]["first_name"] == "Erasmus"
    assert "password" not in str(rows)
    async with database.transaction() as tx:
        await privacy.erase_rows(tx, subject)
    gone = await database.reader().one(accounts.FIND_ACCOUNT, account.id)
    assert (gone.status, gone.display_name) == ("erased", "Former member")
    assert account.email not in str(msgspec.to_builtins(gone))
    kept = await database.reader().one(accounts.FIND_ACCOUNT, other.id)
    assert kept == other


async def test_nobody_is_found_where_nobody_is(database: Database) -> None:
    subject = privacy.Subject(ids.new_id(), "nobody@people.test")
    assert [table async for table, _ in privacy.export_rows(database.reader(), subject)] == []
    assert await privacy.list_files(database.reader(), subject) == []
