"""Which customers: the conditions of a list, an export or a group by rule, as SQL.

The text is put together from the constants here; every value, and the key of a custom field, is a
parameter. One statement serves one set of conditions, so that an index can.
"""

# ruff: noqa: S608 - for that reason

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from lyceum.customers.queries.customers import COLUMNS
from lyceum.customers.records import Both, Comparison, Condition, Customer, Either, Opposite
from lyceum.platform.statements import Composed

_TEXT: Final = {
    "name": "c.name", "email": "k.email", "phone": "c.phone", "reference": "k.reference",
    "taxId": "c.tax_id", "kind": "c.kind", "lifecycle": "c.lifecycle", "country": "c.country",
}  # fmt: skip
_MOMENTS: Final = {"createdAt": "c.created_at", "updatedAt": "c.updated_at"}
_SETS: Final = {"tag": "c.tags", "consent": "c.consents"}
_ACCOUNTS: Final = "SELECT FROM customers.accounts a WHERE a.customer_id = c.id"
_NUMBER: Final = """(CASE WHEN jsonb_typeof(c.custom_fields -> {key}) = 'number'
    THEN (c.custom_fields ->> {key})::numeric END)"""
SORTS: Final = {
    "createdAt": ("c.created_at", "timestamptz", "ASC"),
    "-createdAt": ("c.created_at", "timestamptz", "DESC"),
    "updatedAt": ("c.updated_at", "timestamptz", "ASC"),
    "-updatedAt": ("c.updated_at", "timestamptz", "DESC"),
    "name": ("k.name_order", "text", "ASC"),
    "-name": ("k.name_order", "text", "DESC"),
}


class Selection:
    """Conditions on `c` that all must hold, and the values of their parameters."""

    def __init__(self, *, is_deleted: bool = False) -> None:
        self.is_deleted = is_deleted
        state = "c.deleted_at IS NULL"
        if is_deleted:
            state = "c.deleted_at IS NOT NULL AND c.merged_into_id IS NULL"
        self.conditions = [state]
        self.values: list[Any] = []

    def parameter(self, value: Any, kind: str) -> str:
        """Add a value and return how the text names it."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"

    def require(self, condition: Condition) -> None:
        """Narrow the selection to what a filter says."""
        self.conditions.append(self._text_of(condition))

    def require_words(self, words: list[str]) -> None:
        """Narrow it to records that have words beginning with all of `words`."""
        query = " & ".join(f"'{word}':*" for word in words)
        self.conditions.append(f"k.words @@ {self.parameter(query, 'text')}::tsquery")

    def require_member(self, group_id: UUID) -> None:
        """Narrow it to the members of a static group."""
        self.conditions.append(
            "EXISTS (SELECT FROM customers.group_members m WHERE m.customer_id = c.id"
            f" AND m.group_id = {self.parameter(group_id, 'uuid')})"
        )

    def require_id(self, customer_id: UUID) -> None:
        """Narrow it to one customer, to ask whether it is among them."""
        self.conditions.append(f"c.id = {self.parameter(customer_id, 'uuid')}")

    def page(self, sort: str, after: tuple[Any, UUID] | None, limit: int) -> Composed[Customer]:
        """Return the statement of a page behind the sort key `after`; run it with `values`."""
        column, kind, way = SORTS[sort]
        row = "k.customer_id" if column.startswith("k.") else "c.id"
        if after is not None:
            sign = ">" if way == "ASC" else "<"
            key = self.parameter(after[0], kind)
            key = f"lower({key})" if kind == "text" else key
            place = f"({key}, {self.parameter(after[1], 'uuid')})"
            self.conditions.append(f"({column}, {row}) {sign} {place}")
        text = f"""
            SELECT {COLUMNS} FROM {self._sources(column)} WHERE {self.where}
            ORDER BY {column} {way}, {row} {way} LIMIT {self.parameter(limit, "int4")}
        """
        return Composed(text, Customer, "customers.queries.selection.page")

    def count(self) -> Composed[int]:
        """Return the statement that counts; run it with `values`."""
        text = f"SELECT count(*) FROM {self._sources()} WHERE {self.where}"
        return Composed(text, int, "customers.queries.selection.count")

    def _sources(self, column: str = "") -> str:
        """Return the tables; `k` is there where something is found by a key (migration 0037)."""
        if "k." not in column + self.where:
            return "customers.customers c"
        present = "" if self.is_deleted else " AND k.is_present"
        return f"customers.customers c JOIN customers.keys k ON k.customer_id = c.id{present}"

    @property
    def where(self) -> str:
        """The conditions as SQL."""
        return " AND ".join(f"({condition})" for condition in self.conditions)

    def _text_of(self, condition: Condition) -> str:
        if isinstance(condition, Opposite):
            return f"({self._text_of(condition.part)}) IS NOT TRUE"
        if isinstance(condition, Both):
            return "(" + " AND ".join(map(self._text_of, condition.parts)) + ")"
        if isinstance(condition, Either):
            return "(" + " OR ".join(map(self._text_of, condition.parts)) + ")"
        return self._comparison(condition)

    def _comparison(self, said: Comparison) -> str:
        if said.field in _TEXT:
            return self._scalar(_TEXT[said.field], "text", said)
        if said.field in _MOMENTS:
            return self._scalar(_MOMENTS[said.field], "timestamptz", said)
        if said.field == "owner":
            return self._scalar("c.owner_id", "uuid", said)
        special: dict[str, Callable[[Comparison], str]] = {
            "account": self._account, "custom": self._custom
        }  # fmt: skip
        return special.get(said.field, self._membership)(said)

    def _scalar(self, column: str, kind: str, said: Comparison) -> str:
        if said.operator == "empty":
            return f"{column} IS NULL" + (f" OR {column} = ''" if kind == "text" else "")
        if said.operator == "in":
            return f"{column} = ANY({self.parameter(list(said.values), f'{kind}[]')})"
        value = self.parameter(said.values[0], kind)
        if said.operator == "~":
            return f"strpos(lower({column}), lower({value})) > 0"
        if said.operator == "!=":
            return f"{column} IS DISTINCT FROM {value}"
        return f"{column} {said.operator} {value}"

    def _membership(self, said: Comparison) -> str:
        column = _SETS[said.field]
        if said.operator == "empty":
            return f"{column} = '{{}}'"
        found = f"{column} && {self.parameter(list(said.values), 'text[]')}"
        return f"NOT {found}" if said.operator == "!=" else found

    def _account(self, said: Comparison) -> str:
        if said.operator == "empty":
            return f"NOT EXISTS ({_ACCOUNTS})"
        users = self.parameter(list(said.values), "uuid[]")
        found = f"EXISTS ({_ACCOUNTS} AND a.user_id = ANY({users}))"
        return f"NOT {found}" if said.operator == "!=" else found

    def _custom(self, said: Comparison) -> str:
        if said.operator == "empty":
            key = self.parameter(said.name, "text")
            return f"NOT (c.custom_fields ? {key}) OR c.custom_fields ->> {key} = ''"
        if said.operator in ("=", "!=", "in"):
            wanted = [
                f"c.custom_fields @> {self.parameter(msgspec.json.encode({said.name: v}), 'jsonb')}"
                for v in said.values
            ]
            found = " OR ".join(wanted)
            return f"({found}) IS NOT TRUE" if said.operator == "!=" else f"({found})"
        key = self.parameter(said.name, "text")
        if said.operator == "~":
            value = self.parameter(str(said.values[0]), "text")
            return f"strpos(lower(c.custom_fields ->> {key}), lower({value})) > 0"
        if isinstance(said.values[0], int | float) and not isinstance(said.values[0], bool):
            number = self.parameter(said.values[0], "float8")
            return f"{_NUMBER.format(key=key)} {said.operator} {number}::numeric"
        text = self.parameter(str(said.values[0]), "text")
        return f"c.custom_fields ->> {key} {said.operator} {text}"
