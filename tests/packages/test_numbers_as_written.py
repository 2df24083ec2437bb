"""Numbers and tolerances as teachers write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.packages.adapters import numbers_as_written
from lyceum.packages.records import NumberRange


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("600", 600),
        (" -1.5 ", -1.5),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("3/4", 0.75),
        ("6.02*10^23", 6.02e23),
        ("2 x 10^(-3)", 0.002),
        ("2\xd710**2", 200),
        ("50%", 0.5),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert numbers_as_written.read_number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["", "$z", "2*pi", "sqrt(2)", "1+2j", "nan", "inf", "1e400", "1/0", "1,5", "5 cm", "--1"],
)
def test_what_is_no_plain_number(text: str) -> None:
    assert numbers_as_written.read_number(text) is None


@pytest.mark.parametrize(
    ("answer", "tolerance", "lowest", "highest"),
    [
        ("600", "5", 595, 605),
        ("600", "5%", 570, 630),
        ("-200", "10%", -220, -180),
        ("600", "0", 600, 600),
        ("600", "", 599.994, 600.006),
        ("0", "", 0, 0),
    ],
)
def test_tolerances(answer: str, tolerance: str, lowest: float, highest: float) -> None:
    number = numbers_as_written.read_range(answer, tolerance)
    assert number is not None
    assert (number.lowest, number.highest) == pytest.approx((lowest, highest))


@pytest.mark.parametrize(
    ("answer", "open_ends"),
    [
        ("[5, 7]", (False, False)),
        ("(5,7)", (True, True)),
        ("[5, 7)", (False, True)),
        (" (5 , 7] ", (True, False)),
    ],
)
def test_ranges(answer: str, open_ends: tuple[bool, bool]) -> None:
    assert numbers_as_written.read_range(answer) == NumberRange(
        lowest=5, highest=7, is_lowest_open=open_ends[0], is_highest_open=open_ends[1]
    )


@pytest.mark.parametrize("answer", ["[7, 5]", "[5; 7]", "[a, b]", "(5)", "5, 7", "[1e999, 2]"])
def test_what_is_no_range(answer: str) -> None:
    assert numbers_as_written.read_range(answer) is None


def test_a_tolerance_that_is_no_number() -> None:
    assert numbers_as_written.read_range("5", "$tol") is None
    assert numbers_as_written.read_range("1e308", "1e308") is None


def ends(number: NumberRange) -> tuple[float, float]:
    """Both ends, which a range that was written always has."""
    assert number.lowest is not None
    assert number.highest is not None
    return number.lowest, number.highest


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.floats(0, 100, width=32))
def test_a_number_is_inside_its_own_tolerance(value: float, percent: float) -> None:
    number = numbers_as_written.read_range(repr(value), f"{percent:.6f}%")
    assert number is not None
    lowest, highest = ends(number)
    assert lowest <= value <= highest


@given(st.text("0123456789.eE+-*x^/%[](), ", max_size=60))
def test_any_text_is_read_or_not(text: str) -> None:
    number = numbers_as_written.read_range(text, "1%")
    if number:
        lowest, highest = ends(number)
        assert math.isfinite(lowest)
        assert math.isfinite(highest)
        assert lowest <= highest
