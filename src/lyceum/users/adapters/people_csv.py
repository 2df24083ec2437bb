"""Lists of people as CSV: reading those who shall have accounts.

A header line with `email` and `firstName`, and perhaps `lastName` and `roles` (separated by
spaces); commas or semicolons.
"""

import csv
import io
from typing import Final

import msgspec

from lyceum.platform import errors

MOST_ROWS: Final = 10_000
LONGEST_CELL: Final = 320
_COLUMNS: Final = {
    "email": "email", "e-mail": "email", "mail": "email", "firstname": "first_name",
    "first_name": "first_name", "first name": "first_name", "lastname": "last_name",
    "last_name": "last_name", "last name": "last_name", "roles": "roles", "role": "roles",
}  # fmt: skip


class PersonRow(msgspec.Struct, frozen=True):
    """A person as the file has them; `line` is counted from the header, which is 1."""

    line: int
    email: str
    first_name: str
    last_name: str
    roles: tuple[str, ...]


def read_people(text: str) -> list[PersonRow]:
    """Return the people of a file; InvalidInput for a text that is no such list."""
    content = text.lstrip("\ufeff")
    first = content.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    people: list[PersonRow] = []
    try:
        lines = csv.reader(io.StringIO(content), delimiter=delimiter, strict=True)
        header = [_COLUMNS.get(name.strip().lower(), "") for name in next(lines, [])]
        if "email" not in header or "first_name" not in header:
            raise errors.InvalidInput("The first line must name the columns email and firstName.")
        for number, line in enumerate(lines, start=2):
            if any(cell.strip() for cell in line):
                people.append(_person(number, dict(zip(header, line, strict=False))))
            if len(people) > MOST_ROWS:
                raise errors.InvalidInput(f"A file may have {MOST_ROWS} people at most.")
    except csv.Error as problem:
        raise errors.InvalidInput(f"The file is not CSV: {problem}.") from problem
    return people


def _person(number: int, cells: dict[str, str]) -> PersonRow:
    kept = {name: cell.strip()[:LONGEST_CELL] for name, cell in cells.items()}
    return PersonRow(
        line=number,
        email=kept.get("email", ""),
        first_name=kept.get("first_name", ""),
        last_name=kept.get("last_name", ""),
        roles=tuple(kept.get("roles", "").split()) or ("student",),
    )
