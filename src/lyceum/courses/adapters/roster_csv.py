"""Lists of people to enrol, as CSV (RFC 4180).

Reading takes a header line with `email` or `userId`, and perhaps `cohort`; commas or semicolons.
"""

import csv
import io
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from lyceum.courses.schemas.enrolment import PersonToEnrol
from lyceum.platform import errors

MOST_ROWS: Final = 5000
LONGEST_CELL: Final = 320
_COLUMNS: Final = {
    "email": "email", "e-mail": "email", "mail": "email", "userid": "user_id", "user_id": "user_id",
    "cohort": "cohort", "group": "cohort",
}  # fmt: skip


def read_people(text: str) -> list[PersonToEnrol]:
    """Return the people of a list, a row each; InvalidInput for a text that is no such list.

    A row that names nobody stays, so that whoever reads the report finds it by its number.
    """
    try:
        first = text.lstrip("\ufeff").split("\n", 1)[0]
        delimiter = ";" if first.count(";") > first.count(",") else ","
        lines = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter, strict=True)
        header = [_COLUMNS.get(name.strip().lower(), "") for name in next(lines, [])]
        if "email" not in header and "user_id" not in header:
            raise errors.InvalidInput("The first line must name a column email or userId.")
        people = []
        for line in lines:
            if any(cell.strip() for cell in line):
                people.append(_person(header, line))
            if len(people) > MOST_ROWS:
                raise errors.InvalidInput(f"A list may have {MOST_ROWS} rows at most.")
    except csv.Error as problem:
        raise errors.InvalidInput(f"The list is not CSV: {problem}.") from problem
    return people


def _person(header: Sequence[str], line: Sequence[str]) -> PersonToEnrol:
    cells = {
        name: cell.strip()
        for name, cell in zip(header, line, strict=False)
        if name and 0 < len(cell.strip()) <= LONGEST_CELL
    }
    try:
        user_id = UUID(cells["user_id"]) if "user_id" in cells else None
    except ValueError:
        user_id = None
    email = cells.get("email") if user_id is None else None
    return PersonToEnrol(user_id=user_id, email=email, cohort=cells.get("cohort"))
