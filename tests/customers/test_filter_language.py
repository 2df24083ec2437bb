"""The language of filters: what it means, what it refuses, and that no text becomes SQL."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.customers.adapters.filter_language import FIELDS, parse
from lyceum.customers.errors import FilterInvalid
from lyceum.customers.queries.selection import Selection
from lyceum.customers.records import Both, Comparison, Customer, Either, Opposite
from lyceum.customers.schemas.customers import CustomerQuery
from lyceum.customers.service import listing
from lyceum.platform import errors
from lyceum.platform.database import Writer
from tests.customers import factories


def test_and_binds_closer_than_or() -> None:
    found = parse("kind = person or kind = company and tag = vip", "/filter")
    assert found == Either(
        (
            Comparison("kind", "=", ("person",)),
            Both((Comparison("kind", "=", ("company",)), Comparison("tag", "=", ("vip",)))),
        )
    )


def test_parts_and_values() -> None:
    assert parse('not (name ~ "Müller \\"&\\" Co")', "/f") == Opposite(
        Comparison("name", "~", ('Müller "&" Co',))
    )
    assert parse("country IN (de, at)", "/f") == Comparison("country", "in", ("DE", "AT"))
    assert parse("email is not empty", "/f") == Opposite(Comparison("email", "empty"))
    assert parse("createdAt >= 2026-01-31", "/f") == Comparison(
        "createdAt", ">=", (datetime(2026, 1, 31, tzinfo=UTC),)
    )
    assert parse("custom.seats > 10", "/f") == Comparison("custom", ">", (10,), "seats")
    assert parse('custom.seats = "10"', "/f") == Comparison("custom", "=", ("10",), "seats")


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "name", "name =", "= x", "name = a b", "(name = a", "name = a)", "nome = a",
        "kind = robot", "kind < person", "owner = 1", "createdAt > yesterday", "name is full",
        "createdAt > 2026-01-01T10:00:00", "country in ()", "country in (DE", "custom = 1",
        "custom.Seats = 1", "custom.a.b = 1", "tag ~ x", 'name = "open', "name; DROP TABLE x",
        "not", "and", "name = a or", "(" * 20 + "name = a" + ")" * 20, "not " * 20 + "name = a",
        " or ".join(["name = a"] * 51), f"country in ({','.join(['DE'] * 101)})",
        "createdAt > 99999-01-01", "createdAt > 2026-13-01",
    ],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    with pytest.raises(FilterInvalid) as refused:
        parse(text, "/filter")
    assert refused.value.data["errors"][0]["pointer"] == "/filter"
    assert 0 <= refused.value.data["position"] <= len(text)


WORDS = st.sampled_from(
    [*FIELDS, "custom.seats", "and", "or", "not", "in", "is", "empty", "(", ")", ",", "=", "~",
     "<", "!=", "person", '"', "'", ";", "--", "$1", "DE", "2026-01-01", "\\", "x' OR 1=1"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        tree = parse(text, "/filter")
    except FilterInvalid:
        return
    selection = Selection()
    selection.require(tree)
    # Whatever was typed is among the values, and the text holds nothing but our own words.
    assert ";" not in selection.where
    assert "--" not in selection.where


async def found(tx: Writer, text: str, mark: str) -> set[str]:
    query = CustomerQuery(filter=f"tag = {mark} and ({text})", per_page=100)
    rows, _ = await listing.list_customers(tx, factories.manager(), query)
    return {row.name for row in rows}


@pytest.fixture
async def mark(tx: Writer) -> str:
    mark = factories.word()
    await factories.make_customer(
        tx, name="Ada", email="ada@people.test", tags=(mark, "vip"), lifecycle="active",
        custom_fields={"seats": 12, "plan": "gold", "paid": True},
        addresses=[{"country": "DE", "kind": "billing"}],
    )  # fmt: skip
    await factories.make_customer(
        tx, name="Brass & Co", kind="company", tags=(mark,), tax_id="DE 1",
        custom_fields={"seats": 3},
    )  # fmt: skip
    return mark


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("kind = company", {"Brass & Co"}),
        ("lifecycle != lead", {"Ada"}),
        ("lifecycle in (lead, past)", {"Brass & Co"}),
        ('name ~ "& c"', {"Brass & Co"}),
        ("email is empty", {"Brass & Co"}),
        ("email != x@y.test", {"Ada", "Brass & Co"}),
        ("tag in (vip, other)", {"Ada"}),
        ("tag != vip", {"Brass & Co"}),
        ("country = de", {"Ada"}),
        ("not country = DE", {"Brass & Co"}),
        ("custom.seats > 3", {"Ada"}),
        ("custom.seats <= 3.5", {"Brass & Co"}),
        ("custom.plan = gold", {"Ada"}),
        ("custom.plan != gold", {"Brass & Co"}),
        ("custom.plan ~ OL", {"Ada"}),
        ("custom.plan is empty", {"Brass & Co"}),
        ("custom.paid = true", {"Ada"}),
        ("custom.seats in (3, 4)", {"Brass & Co"}),
        ("custom.plan > a", {"Ada"}),
        ("account is empty", {"Ada", "Brass & Co"}),
        ("account = 01890000-0000-7000-8000-000000000001", set()),
        ("account != 01890000-0000-7000-8000-000000000001", {"Ada", "Brass & Co"}),
        ("owner is empty", {"Ada", "Brass & Co"}),
        ("owner = 01890000-0000-7000-8000-000000000001", set()),
        ("consent = newsletter", set()),
        ("consent is empty", {"Ada", "Brass & Co"}),
        ("createdAt > 2020-01-01 and updatedAt < 2999-01-01", {"Ada", "Brass & Co"}),
        ("taxId = \"DE 1\"", {"Brass & Co"}),
        ("reference is not empty or phone is not empty", set()),
        ("name = \"'; DROP TABLE customers.customers; --\"", set()),
    ],
)  # fmt: skip
async def test_what_a_filter_finds(tx: Writer, mark: str, text: str, names: set[str]) -> None:
    assert await found(tx, text, mark) == names


async def test_a_field_can_hold_any_text(tx: Writer) -> None:
    with pytest.raises(errors.Fact):
        parse('name = "\\n"', "/f")
    row: Customer = await factories.make_customer(tx, name='Quote " and \\ slash')
    text = 'name = "Quote \\" and \\\\ slash"'
    rows, _ = await listing.list_customers(tx, factories.manager(), CustomerQuery(filter=text))
    assert row.id in {found.id for found in rows}
