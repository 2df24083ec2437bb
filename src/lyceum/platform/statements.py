"""SQL statements as values: text, row type, name. Not here: running them (`database`).

`sql` makes a statement that only reads, `command` one that writes; a `Reader` takes the first
kind only, and mypy says so. A row type is a frozen `msgspec.Struct` whose fields are the columns
in order, or a scalar (`int`, `str`, `bool`, `UUID`, `datetime`, `Json`) for a single column, or
`None` for a command without rows. A test prepares every statement against the migrated schema.
"""

import sys
from typing import Any, Generic, NewType, TypeVar, overload

import msgspec

T = TypeVar("T")

Json = NewType("Json", bytes)
"""A column of type json or jsonb: the bytes as PostgreSQL sent them."""


class Statement(Generic[T]):
    """SQL text with the type of its rows; made by `sql` or `command`."""

    __slots__ = ("_name", "line", "module", "row", "text")
    writes = False

    def __init__(self, text: str, row: Any, module: str, line: int) -> None:
        self.text = text
        self.row = row
        self.module = module
        self.line = line
        self._name = ""
        _registry.append(self)

    @property
    def name(self) -> str:
        """The domain and constant, as `courses.FIND_ENROLMENT`: for metrics, logs and tests."""
        if not self._name:
            names = vars(sys.modules[self.module])
            constant = next((n for n, v in names.items() if v is self), f"line_{self.line}")
            self._name = f"{self.module.removeprefix('lyceum.')}.{constant}"
        return self._name

    @property
    def is_struct(self) -> bool:
        """Whether a row becomes a struct (otherwise: a scalar, or nothing)."""
        return isinstance(self.row, type) and issubclass(self.row, msgspec.Struct)


class Query(Statement[T]):
    """A statement that only reads."""

    __slots__ = ()


class Composed(Query[T]):
    """A query put together at run time, from constants and with every value a parameter.

    No connection keeps it prepared, so that what people filter by fills no memory. `name` is what
    metrics call it; the test of statements does not see it, so its author prepares it in his own.
    """

    __slots__ = ()

    def __init__(self, text: str, row: type[T], name: str) -> None:
        self.text = text
        self.row = row
        self.module = ""
        self.line = 0
        self._name = name


class Command(Statement[T]):
    """A statement that writes."""

    __slots__ = ()
    writes = True


_registry: list[Statement[Any]] = []


def all_statements() -> list[Statement[Any]]:
    """Return every statement of the modules imported so far."""
    return list(_registry)


def sql(text: str, row: type[T]) -> Query[T]:
    """Declare a statement that reads rows of type `row`."""
    frame = sys._getframe(1)  # noqa: SLF001 - CPython has no public name for the caller
    return Query(text, row, frame.f_globals["__name__"], frame.f_lineno)


@overload
def command(text: str, row: type[T]) -> Command[T]: ...
@overload
def command(text: str, row: None = None) -> Command[None]: ...
def command(text: str, row: Any = None) -> Command[Any]:
    """Declare a statement that writes, returning rows of type `row` if it returns any."""
    frame = sys._getframe(1)  # noqa: SLF001 - CPython has no public name for the caller
    return Command(text, row, frame.f_globals["__name__"], frame.f_lineno)
