"""Values made from the types of a route: the least that is valid, and what is wrong with it."""

import re
from collections.abc import Iterator, Mapping
from functools import singledispatch
from typing import Any

import msgspec
from msgspec import inspect

from lyceum.platform.routing import Route

WORDS = (
    "Sample text", "sample", "en", "EUR", "UTC", "https://academy.test/picture.png", "#a1b2c3",
    "1.5", "2026-01-31", "sample@people.test", "123456", "a", "a" * 43,
)  # fmt: skip
SOME_ID = "01890000-0000-7000-8000-000000000001"
SOME_MOMENT = "2026-01-31T08:00:00Z"


def minimal(kind: Any, known: Mapping[str, Any] | None = None) -> Any:
    """Return the least JSON that decodes as `kind`; `known` has values for fields by name."""
    return _least(inspect.type_info(kind), known or {})


def nowhere(route: Route) -> dict[str, str]:
    """Return a path that fits the route and that nothing has: ids, and words where none fits."""
    if route.path_type is None:
        return {}
    words: dict[str, str] = minimal(route.path_type)
    taken = {}
    for name in route.path_names:
        trial = {**words, name: SOME_ID}
        taken[name] = SOME_ID if _fits_path(trial, route.path_type) else words[name]
    return taken


def _fits_path(values: dict[str, str], kind: type[msgspec.Struct]) -> bool:
    try:
        msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError:
        return False
    return True


@singledispatch
def _least(info: Any, known: Mapping[str, Any]) -> Any:
    raise TypeError(f"no sample for {info}")


@_least.register
def _(info: inspect.Metadata, known: Mapping[str, Any]) -> Any:
    return _least(info.type, known)


@_least.register
def _(info: inspect.StructType, known: Mapping[str, Any]) -> Any:
    return {
        field.encode_name: known.get(field.name, _least(field.type, known))
        for field in info.fields
        if field.required or field.name in known
    }


@_least.register
def _(info: inspect.UnionType, known: Mapping[str, Any]) -> Any:
    present = (part for part in info.types if not isinstance(part, inspect.NoneType))
    return _least(next(present), known)


@_least.register(inspect.VarTupleType)
@_least.register(inspect.ListType)
def _(info: inspect.VarTupleType | inspect.ListType, known: Mapping[str, Any]) -> Any:
    return [_least(info.item_type, known) for _ in range(info.min_length or 0)]


@_least.register
def _(info: inspect.TupleType, known: Mapping[str, Any]) -> Any:
    return [_least(item, known) for item in info.item_types]


@_least.register
def _(info: inspect.LiteralType, known: Mapping[str, Any]) -> Any:
    return info.values[0]


@_least.register
def _(info: inspect.StrType, known: Mapping[str, Any]) -> Any:
    return _text(info)


@_least.register(inspect.IntType)
@_least.register(inspect.FloatType)
def _(info: inspect.IntType | inspect.FloatType, known: Mapping[str, Any]) -> Any:
    return info.ge if info.ge is not None else 1


@_least.register
def _(info: inspect.BoolType, known: Mapping[str, Any]) -> Any:
    return True


@_least.register
def _(info: inspect.UUIDType, known: Mapping[str, Any]) -> Any:
    return SOME_ID


@_least.register
def _(info: inspect.DateTimeType, known: Mapping[str, Any]) -> Any:
    return SOME_MOMENT


def _text(info: inspect.StrType) -> str:
    least, most = info.min_length or 0, info.max_length or 100_000
    for word in WORDS:
        text = word.ljust(least, "a")
        if len(text) <= most and (info.pattern is None or re.search(info.pattern, text)):
            return text
    raise TypeError(f"no word fits {info}")


def wrong(kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield bodies that no decoder of `kind` may take, each with what is wrong."""
    good = minimal(kind)
    yield "a list for an object", [good]
    yield "a text for an object", "x"
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    yield "an unknown field", {**good, "isAdmin": True}
    for field in info.fields:
        name = field.encode_name
        if field.required:
            yield f"no {name}", {key: value for key, value in good.items() if key != name}
        for what, value in _wrong(field.type):
            yield f"{name}: {what}", {**good, name: value}


def _wrong(info: inspect.Type) -> Iterator[tuple[str, Any]]:
    """Yield values that are wrong for a field."""
    if isinstance(info, inspect.Metadata):
        info = info.type
    parts = info.types if isinstance(info, inspect.UnionType) else (info,)
    if not any(isinstance(part, inspect.NoneType) for part in parts):
        yield "null", None
    kinds = [part.type if isinstance(part, inspect.Metadata) else part for part in parts]
    if not any(isinstance(part, inspect.StructType | inspect.DictType) for part in kinds):
        yield "an object", {"$ne": ""}
    if not any(isinstance(part, inspect.BoolType) for part in kinds):
        yield "true", True
    for part in kinds:
        yield from _wrong_of(part)


@singledispatch
def _wrong_of(info: Any) -> Iterator[tuple[str, Any]]:
    yield from ()


@_wrong_of.register
def _(info: inspect.StrType) -> Iterator[tuple[str, Any]]:
    yield "a number", 1
    yield "a NUL", f"{_text(info)}\0"
    if info.max_length is not None:
        yield "too long", "a" * (info.max_length + 1)
    if info.min_length:
        yield "empty", ""
    if info.pattern is not None and not re.search(info.pattern, "a\nb"):
        yield "a line feed at the end", f"{_text(info)}\n"


@_wrong_of.register(inspect.IntType)
@_wrong_of.register(inspect.FloatType)
def _(info: inspect.IntType | inspect.FloatType) -> Iterator[tuple[str, Any]]:
    yield "a text", "1"
    yield "beyond any column", 2**70 if isinstance(info, inspect.IntType) else 1e308
    if info.ge is not None:
        yield "too small", info.ge - abs(info.ge) - 1
    if info.le is not None:
        yield "too large", info.le * 2 + 1


@_wrong_of.register(inspect.VarTupleType)
@_wrong_of.register(inspect.ListType)
def _(info: inspect.VarTupleType | inspect.ListType) -> Iterator[tuple[str, Any]]:
    yield "a text for a list", "x"
    if info.max_length is not None:
        yield "too many", [_least(info.item_type, {})] * (info.max_length + 1)
    for what, value in _wrong(info.item_type):
        yield f"item {what}", [value]


@_wrong_of.register
def _(info: inspect.LiteralType) -> Iterator[tuple[str, Any]]:
    yield "not one of them", "no-such-thing"


@_wrong_of.register
def _(info: inspect.UUIDType) -> Iterator[tuple[str, Any]]:
    yield "no id", "1"


@_wrong_of.register
def _(info: inspect.DateTimeType) -> Iterator[tuple[str, Any]]:
    yield "no time zone", SOME_MOMENT.removesuffix("Z")
    yield "no moment", SOME_MOMENT.replace("-01-", "-13-")


@_wrong_of.register
def _(info: inspect.StructType) -> Iterator[tuple[str, Any]]:
    yield from ((f"in it {what}", value) for what, value in wrong(info.cls))


def fits(kind: Any, value: Any) -> bool:
    """Tell whether `value` decodes as `kind`."""
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=kind)
    except msgspec.ValidationError:
        return False
    return True
