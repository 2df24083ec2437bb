"""The language of filters: `lifecycle = active and (tag = vip or country in (DE, AT))`.

    filter     = either
    either     = both { "or" both }
    both       = part { "and" part }
    part       = "not" part | "(" either ")" | field operator value
               | field "in" "(" value { "," value } ")"
               | field "is" ["not"] "empty"
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" (contains)
    value      = a word, or text in double quotes, where \\" and \\\\ stand for themselves

A field has a type, which decides about operators and values; `custom.<key>` is a field of one's
own. What comes out is a tree of `records`; turning it into SQL is `queries.selection`'s.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from lyceum.customers.errors import FilterInvalid
from lyceum.customers.records import Both, Comparison, Condition, Either, Operator, Opposite
from lyceum.platform import errors

MOST_COMPARISONS: Final = 50
DEEPEST: Final = 10
MOST_VALUES: Final = 100

_TOKEN: Final = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\["\\])*")|(?P<sign><=|>=|!=|[=<>~(),])|(?P<word>[^\s"=<>~!(),]+))'
)
EQUALITY: Final = frozenset({"=", "!=", "in", "empty"})
ORDER: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", "empty"})
TEXT: Final = frozenset({"=", "!=", "in", "~", "empty"})
MEMBERSHIP: Final = frozenset({"=", "!=", "in", "empty"})


def _moment(text: str) -> datetime:
    """Read a date (its first instant, UTC) or an RFC 3339 time."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.astimezone(UTC)


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return read


def _custom(text: str) -> Any:
    """Read true, false, a number, or else text."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    if re.fullmatch(r"-?\d{1,15}\.\d{1,9}", text):
        return float(text)
    return text


FIELDS: Final[dict[str, tuple[frozenset[str], Callable[[str], Any]]]] = {
    "kind": (EQUALITY, _one_of("person", "company")),
    "lifecycle": (EQUALITY, _one_of("lead", "active", "past", "blocked")),
    "name": (TEXT, str),
    "email": (TEXT, str.lower),
    "phone": (TEXT, str),
    "reference": (TEXT, str),
    "taxId": (TEXT, str),
    "country": (EQUALITY, str.upper),
    "owner": (EQUALITY, UUID),
    "tag": (MEMBERSHIP, str.lower),
    "consent": (MEMBERSHIP, str.lower),
    "account": (EQUALITY, UUID),
    "createdAt": (ORDER, _moment),
    "updatedAt": (ORDER, _moment),
    "custom": (frozenset({"=", "!=", "<", "<=", ">", ">=", "~", "in", "empty"}), _custom),
}


def parse(text: str, pointer: str) -> Condition:
    """Return the tree of a filter; FilterInvalid says what is wrong, and where in `pointer`."""
    return _Parser(text, pointer).parse()


class _Parser:
    """Reads one filter from left to right."""

    def __init__(self, text: str, pointer: str) -> None:
        self._text = text
        self._pointer = pointer
        self._at = 0
        self._comparisons = 0
        self._kind, self._value, self._start = "", "", 0
        self._advance()

    def parse(self) -> Condition:
        found = self._either(0)
        if self._kind:
            raise self._refuse("expected “and” or “or”")
        return found

    def _advance(self) -> None:
        rest = self._text[self._at :]
        if not rest.strip():
            self._kind, self._value, self._start = "", "", len(self._text)
            return
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            self._start = self._at
            raise self._refuse("this cannot be read")
        self._kind = str(token.lastgroup)
        self._value = token[self._kind]
        self._start, self._at = token.start(self._kind), token.end()

    def _refuse(self, why: str) -> FilterInvalid:
        message = f"At {self._start}: {why}"
        return FilterInvalid("", errors.FieldError(self._pointer, message), position=self._start)

    def _is_word(self, word: str) -> bool:
        return self._kind == "word" and self._value.lower() == word

    def _take_sign(self, sign: str) -> None:
        if self._kind != "sign" or self._value != sign:
            raise self._refuse(f"expected “{sign}”")
        self._advance()

    def _either(self, depth: int) -> Condition:
        parts = [self._both(depth)]
        while self._is_word("or"):
            self._advance()
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self, depth: int) -> Condition:
        parts = [self._part(depth)]
        while self._is_word("and"):
            self._advance()
            parts.append(self._part(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _part(self, depth: int) -> Condition:
        if depth >= DEEPEST:
            raise self._refuse(f"more than {DEEPEST} levels")
        if self._is_word("not"):
            self._advance()
            return Opposite(self._part(depth + 1))
        if self._kind == "sign" and self._value == "(":
            self._advance()
            inner = self._either(depth + 1)
            self._take_sign(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise self._refuse(f"more than {MOST_COMPARISONS} comparisons")
        field, name = self._field()
        allowed, read = FIELDS[field]
        if self._is_word("is"):
            return self._emptiness(field, name, allowed)
        operator = self._operator(field, allowed)
        if operator != "in":
            return Comparison(field, operator, (self._read_value(read),), name)
        self._take_sign("(")
        values = [self._read_value(read)]
        while self._kind == "sign" and self._value == ",":
            self._advance()
            values.append(self._read_value(read))
            if len(values) > MOST_VALUES:
                raise self._refuse(f"more than {MOST_VALUES} values")
        self._take_sign(")")
        return Comparison(field, "in", tuple(values), name)

    def _field(self) -> tuple[str, str]:
        if self._kind != "word":
            raise self._refuse("expected a field")
        field, _, name = self._value.partition(".")
        if field not in FIELDS or (field == "custom") != bool(name):
            raise self._refuse(f"no such field; there are {', '.join(FIELDS)}.<key>")
        if name and not re.fullmatch(r"[a-z][a-zA-Z0-9_]{0,39}", name):
            raise self._refuse("not the key of a custom field")
        self._advance()
        return field, name

    def _operator(self, field: str, allowed: frozenset[str]) -> Operator:
        known: dict[str, Operator] = {
            "=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "~": "~", "in": "in"
        }  # fmt: skip
        found = known.get(self._value.lower()) if self._kind != "text" else None
        if found is None or found not in allowed:
            raise self._refuse(f"“{field}” takes one of {' '.join(sorted(allowed))}")
        self._advance()
        return found

    def _emptiness(self, field: str, name: str, allowed: frozenset[str]) -> Condition:
        self._advance()
        is_negated = self._is_word("not")
        if is_negated:
            self._advance()
        if not self._is_word("empty") or "empty" not in allowed:
            raise self._refuse("expected “empty”")
        self._advance()
        found = Comparison(field, "empty", (), name)
        return Opposite(found) if is_negated else found

    def _read_value(self, read: Callable[[str], Any]) -> Any:
        if self._kind not in ("text", "word"):
            raise self._refuse("expected a value")
        text = self._value
        if self._kind == "text":
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        is_custom_text = read is _custom and self._kind == "text"
        try:
            value = text if is_custom_text else read(text)
        except (ValueError, OverflowError) as problem:
            raise self._refuse(f"this value does not fit: {problem}") from problem
        self._advance()
        return value
