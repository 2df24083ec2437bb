"""Customers as CSV (RFC 4180): reading what people send, writing what spreadsheets cannot run.

A cell that a spreadsheet would take for a formula is written with an apostrophe before it, which
reading takes away again. Tags are parted by `;`. Columns `custom.<key>` are custom fields.
"""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from lyceum.customers.errors import ImportRefused
from lyceum.customers.records import Customer
from lyceum.customers.schemas.customers import NewCustomer
from lyceum.platform import errors
from lyceum.platform.clock import rfc3339

MOST_ROWS: Final = 50_000
_PLAIN: Final = (
    "kind", "name", "email", "phone", "taxId", "reference", "lifecycle", "ownerId", "tags"
)  # fmt: skip
_ADDRESS: Final = ("line1", "line2", "postalCode", "city", "region", "country")
# What an export has beside; an import passes over it.
_OURS: Final = ("id", "consents", "createdAt", "updatedAt")
_CUSTOM: Final = re.compile(r"custom\.([a-z][a-zA-Z0-9_]{0,39})")
# What a spreadsheet runs, also behind apostrophes, so that taking one away gives the same again.
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n]")
csv.field_size_limit(100_000)


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a row, and in which column."""

    row: int
    column: str
    message: str


class Row(msgspec.Struct, frozen=True):
    """A row that can be taken; `given` are the columns it has a say in, by their Python names."""

    number: int
    customer: NewCustomer
    given: tuple[str, ...]


def read(data: bytes, match: str) -> tuple[list[Row], list[Problem]]:
    """Return the rows of a file and what is wrong with others; ImportRefused for no such file."""
    reader = csv.reader(io.StringIO(_decode(data), newline=""), _dialect(data), strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: dict[tuple[str, str], int] = {}
    try:
        heading = _heading(next(reader, []))
        for number, cells in enumerate(reader, start=2):
            if number - 1 > MOST_ROWS:
                raise ImportRefused(f"A file may have {MOST_ROWS} rows")
            if not any(cell.strip() for cell in cells):
                continue
            found = _read_row(number, heading, cells)
            if isinstance(found, Row):
                found = _refuse_twice(found, match, seen)
            (rows if isinstance(found, Row) else problems).append(found)  # type: ignore[arg-type]
    except csv.Error as problem:
        raise ImportRefused(f"Line {reader.line_num} is no CSV: {problem}") from problem
    return rows, problems


def write_heading(keys: Iterable[str]) -> str:
    """Return the first line of an export whose customers have the custom fields `keys`."""
    return _line([*_OURS, *_PLAIN, *_ADDRESS, *(f"custom.{key}" for key in keys)])


def write_row(customer: Customer, keys: Iterable[str]) -> str:
    """Return the line of one customer."""
    custom = msgspec.json.decode(customer.custom_fields)
    addresses = msgspec.json.decode(customer.addresses)
    address = addresses[0] if addresses else {}
    return _line(
        [
            customer.id, ";".join(customer.consents), rfc3339(customer.created_at),
            rfc3339(customer.updated_at), customer.kind, customer.name, customer.email,
            customer.phone, customer.tax_id, customer.reference, customer.lifecycle,
            customer.owner_id, ";".join(customer.tags),
            *(address.get(name) for name in _ADDRESS),
            *(_shown(custom.get(key)) for key in keys),
        ]
    )  # fmt: skip


def make_harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs."""
    text = cell.replace("\0", "")
    return f"'{text}" if _FORMULA.match(text) else text


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO(newline="")
    texts = [make_harmless("" if cell is None else str(cell)) for cell in cells]
    csv.writer(out, lineterminator="\r\n").writerow(texts)
    return out.getvalue()


def _shown(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise ImportRefused("The file is not in UTF-8") from problem
    if "\0" in text:
        raise ImportRefused("The file holds NUL characters")
    return text


def _dialect(data: bytes) -> type[csv.Dialect]:
    first = data.split(b"\n", 1)[0]

    class Dialect(csv.excel):
        delimiter = max(",;\t", key=lambda sign: first.count(sign.encode()))

    return Dialect


def _heading(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    known = {*_PLAIN, *_ADDRESS, *_OURS}
    unknown = [name for name in names if name not in known and not _CUSTOM.fullmatch(name)]
    if "name" not in names:
        raise ImportRefused("The first line names the columns; “name” is missing")
    if unknown or len(set(names)) != len(names):
        told = f"unknown: {', '.join(unknown)[:200]}" if unknown else "one is there twice"
        raise ImportRefused(f"The first line names the columns; {told}")
    return names


def _read_row(number: int, heading: list[str], cells: list[str]) -> Row | Problem:
    if len(cells) > len(heading):
        return Problem(number, "", "The row has more cells than the heading")
    values = {
        name: _unguard(cell.strip())
        for name, cell in zip(heading, cells, strict=False)
        if name not in _OURS
    }
    given = {name: value for name, value in values.items() if value != ""}
    wire: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if "tags" in wire:
        wire["tags"] = [tag.strip() for tag in wire["tags"].split(";") if tag.strip()]
    address = {name: given[name] for name in _ADDRESS if name in given}
    if address:
        wire["addresses"] = [address]
    custom = {name[7:]: _read_custom(given[name]) for name in given if name.startswith("custom.")}
    if custom:
        wire["customFields"] = custom
    try:
        customer = msgspec.convert(wire, NewCustomer)
    except msgspec.ValidationError as problem:
        message, _, path = str(problem).partition(" - at ")
        column = re.sub(r"^`(?:key in )?\$\.?|`$|\[[\d.]*\]", "", path)
        return Problem(number, column.rpartition(".")[2], message)
    return Row(number, customer, tuple(_python_name(name) for name in wire))


def _python_name(wire: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", wire).lower()


def _unguard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def _read_custom(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,14})", text):
        return int(text)
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,14})\.\d{1,9}", text):
        return float(text)
    return text


def _refuse_twice(row: Row, match: str, seen: dict[tuple[str, str], int]) -> Row | Problem:
    """Refuse a row that is about a customer that an earlier row is about."""
    keys = {"reference": row.customer.reference}
    if match == "email":
        keys["email"] = row.customer.email and row.customer.email.casefold()
    for column, value in keys.items():
        if not value:
            continue
        before = seen.setdefault((column, value), row.number)
        if before != row.number:
            return Problem(row.number, column, f"Row {before} has the same")
    return row


def column_of(fact: errors.Fact) -> str:
    """Return the column that a fact about a customer's field is about."""
    for place in fact.data.get("errors", []):
        return str(place["pointer"]).strip("/").partition("/")[0]
    return ""
