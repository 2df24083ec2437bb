"""Every SQL statement of the program fits the migrated schema and the struct of its rows."""

import importlib
import pkgutil
import types
import typing
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

import lyceum
from lyceum.platform.statements import Command, Json, Query, Statement, all_statements

# What asyncpg makes of a column, by the type's name.
PYTHON_TYPES: dict[str, tuple[Any, ...]] = {
    "uuid": (UUID,), "text": (str,), "varchar": (str,), "bpchar": (str,), "name": (str,),
    "int2": (int,), "int4": (int,), "int8": (int,), "float4": (float,), "float8": (float,),
    "numeric": (Decimal,), "bool": (bool,), "bytea": (bytes,), "timestamptz": (datetime,),
    "date": (date,), "json": (Json, bytes), "jsonb": (Json, bytes), "interval": (Any,),
    "inet": (str, Any),
    "void": (type(None), bool, str), "int4multirange": (list, Any), "tsvector": (str,),
}  # fmt: skip
WRITES = ("insert ", "update ", "delete ", "for update", "for share", "nextval", "merge ")


def _import_everything() -> None:
    for module in pkgutil.walk_packages(lyceum.__path__, "lyceum."):
        importlib.import_module(module.name)


_import_everything()
STATEMENTS = [s for s in all_statements() if s.module.startswith("lyceum.")]


def _identify(statement: Statement[Any]) -> str:
    return statement.name


@pytest.fixture(scope="session")
def schema(dsn: str) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def types_by_oid(schema: "psycopg.Connection[Any]") -> dict[int, str]:
    return dict(schema.execute("SELECT oid::int8, typname FROM pg_type").fetchall())


@pytest.fixture(scope="session")
def not_null(schema: "psycopg.Connection[Any]") -> dict[tuple[int, int], bool]:
    """Whether a column of a table is never NULL; of a view's columns nothing is known."""
    rows = schema.execute(
        "SELECT a.attrelid::int8, a.attnum::int4, a.attnotnull FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind IN ('r', 'p') AND a.attnum > 0"
    ).fetchall()
    return {(table, column): never for table, column, never in rows}


def test_there_are_statements() -> None:
    assert len(STATEMENTS) > 100


@pytest.mark.parametrize("statement", STATEMENTS, ids=_identify)
def test_statement_fits_the_schema(
    statement: Statement[Any],
    schema: "psycopg.Connection[Any]",
    types_by_oid: dict[int, str],
    not_null: dict[tuple[int, int], bool],
) -> None:
    connection = schema.pgconn
    prepared = connection.prepare(b"", statement.text.encode())
    problem = prepared.error_message.decode(errors="replace").strip()
    assert not problem, f"{statement.name}: {problem}"
    columns = connection.describe_prepared(b"")
    has_outer_join = " left join" in " ".join(statement.text.lower().split())
    fields = _fields(statement)
    if statement.row is None and columns.nfields == 1:
        assert types_by_oid[columns.ftype(0)] == "void", f"{statement.name}: who reads its rows?"
        return
    assert columns.nfields == len(fields), f"{statement.name}: columns and fields differ in number"
    for index, (name, annotation) in enumerate(fields):
        column = (columns.fname(index) or b"").decode()
        if name is not None:
            assert column == name, f"{statement.name}: column {column} meets field {name}"
        allowed, is_optional = _unwrap(annotation)
        found = types_by_oid[columns.ftype(index)]
        where = f"{statement.name}: column {column}"
        _check_type(where, found, allowed)
        never_null = not_null.get((columns.ftable(index), columns.ftablecol(index)))
        if never_null is False and not is_optional:
            pytest.fail(f"{where} may be NULL, the field may not be None")
        if never_null and is_optional and not has_outer_join:
            pytest.fail(f"{where} is never NULL, the field need not be optional")


@pytest.mark.parametrize(
    "statement", [s for s in STATEMENTS if isinstance(s, Query)], ids=_identify
)
def test_a_query_only_reads(statement: Statement[Any]) -> None:
    text = " ".join(statement.text.lower().split())
    assert not [word for word in WRITES if word in text], f"{statement.name} should be a command"


@pytest.mark.parametrize(
    "statement", [s for s in STATEMENTS if isinstance(s, Command)], ids=_identify
)
def test_a_command_has_its_domains_tables_only(statement: Statement[Any]) -> None:
    """A domain writes its own schema alone; the platform's outbox is the one exception."""
    domain = statement.module.split(".")[1]
    text = " ".join(statement.text.lower().split())
    for word in ("insert into ", "update ", "delete from "):
        for rest in text.split(word)[1:]:
            target = rest.split()[0].strip("(")
            if "." in target and not target.startswith("excluded"):
                assert target.split(".")[0] in (domain, "platform"), f"{statement.name}: {target}"


def _fields(statement: Statement[Any]) -> list[tuple[str | None, Any]]:
    if statement.row is None:
        return []
    if statement.is_struct:
        hints = typing.get_type_hints(statement.row)
        return [(field.name, hints[field.name]) for field in msgspec.structs.fields(statement.row)]
    return [(None, statement.row)]


def _unwrap(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(annotation) if part is not type(None)]
        is_optional = len(rest) < len(typing.get_args(annotation))
        return (rest[0] if len(rest) == 1 else annotation), is_optional
    return annotation, False


def _check_type(where: str, found: str, wanted: Any) -> None:
    origin = typing.get_origin(wanted)
    if found.startswith("_"):
        assert origin in (list, tuple), f"{where} is an array, the field is {wanted}"
        return
    if origin is typing.Literal:
        wanted = str
    expected = PYTHON_TYPES.get(found)
    assert expected is not None, f"{where}: what Python gets for {found} is not known here"
    assert wanted in expected or Any in expected or origin in expected, (
        f"{where} is {found}, the field is {wanted}"
    )
