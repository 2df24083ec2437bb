"""Cells of CSV files (RFC 4180) that people open in a spreadsheet.

Not here: which columns there are (each domain's own).
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from lyceum.platform import clock

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\0")


def write_rows(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a table as CSV in UTF-8, in which no cell is a formula."""
    return write_lines([header]) + write_lines(rows)


def write_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows of a table, for a file that is written piece by piece."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def safe_cell(value: object) -> str:
    """Return a value as the text of a cell; what a spreadsheet would compute is a text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return clock.rfc3339(value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
