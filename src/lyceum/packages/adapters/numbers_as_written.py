"""Numbers as teachers write them in answers: `600`, `3/4`, `6.02*10^23`, `[5, 7)`.

Not here: expressions (`2*pi`), which nothing on this side evaluates.
"""

import math
import re

from lyceum.packages.records import NumberRange

# What Open edX allows where the author says nothing, against rounding of what people type.
DEFAULT_TOLERANCE = "0.001%"

_DECIMAL = r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?"
_FRACTION = re.compile(rf"\s*({_DECIMAL})\s*/\s*({_DECIMAL})\s*")
_POWER = re.compile(rf"\s*({_DECIMAL})\s*[*x\xd7]\s*10\s*(?:\^|\*\*)\s*\(?([+-]?\d{{1,3}})\)?\s*")
_PERCENT = re.compile(rf"\s*({_DECIMAL})\s*%\s*")
_RANGE = re.compile(r"\s*([\[(])([^,]{1,60}),([^,]{1,60})([\])])\s*")


def read_number(text: str) -> float | None:
    """Return a finite number, or None for anything else."""
    value: float | None = None
    if re.fullmatch(rf"\s*{_DECIMAL}\s*", text):
        value = float(text)
    elif percent := _PERCENT.fullmatch(text):
        value = float(percent.group(1)) / 100
    elif power := _POWER.fullmatch(text):
        value = float(power.group(1)) * _power_of_ten(power.group(2))
    elif fraction := _FRACTION.fullmatch(text):
        below = float(fraction.group(2))
        value = float(fraction.group(1)) / below if below else None
    return value if value is not None and math.isfinite(value) else None


def read_range(answer: str, tolerance: str = "") -> NumberRange | None:
    """Return the numbers that an answer allows: a range as written, or a number and its tolerance.

    A tolerance with % is relative to the number. None where anything is not plain.
    """
    if written := _RANGE.fullmatch(answer):
        lowest, highest = read_number(written.group(2)), read_number(written.group(3))
        if lowest is None or highest is None or lowest > highest:
            return None
        return NumberRange(
            lowest=lowest,
            highest=highest,
            is_lowest_open=written.group(1) == "(",
            is_highest_open=written.group(4) == ")",
        )
    number = read_number(answer)
    allowed = (tolerance or DEFAULT_TOLERANCE).strip()
    margin = read_number(allowed)
    if number is None or margin is None:
        return None
    margin = abs(margin * number if allowed.endswith("%") else margin)
    lowest, highest = number - margin, number + margin
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        return None
    return NumberRange(lowest=lowest, highest=highest)


def _power_of_ten(exponent: str) -> float:
    try:
        return 10.0 ** int(exponent)
    except OverflowError:
        return math.inf
