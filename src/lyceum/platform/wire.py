"""What crosses the wire: bodies, the success envelope, problem documents.

`Input` and `Output` are what a domain's `schemas.py` builds on: camelCase on the wire, unknown
fields refused. Not here: headers and statuses of a request (`http`), paging (`paging`).
"""

import json
import re
from collections.abc import AsyncIterable
from functools import cache
from typing import Any, Generic, NoReturn, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import inspect

from lyceum.platform import clock, errors
from lyceum.platform.beginnings import Beginning
from lyceum.platform.statements import Json

T = TypeVar("T")


class Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request body or a set of query parameters."""


class Output(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a response."""


class Patch(Input, frozen=True, kw_only=True, omit_defaults=True):
    """A partial change: fields default to UNSET, and null means null."""

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent, by their Python names."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not msgspec.UNSET}


class Money(Output, frozen=True, kw_only=True):
    """An amount in minor units of an ISO 4217 currency."""

    amount: int
    currency: str


class PageInfo(msgspec.Struct, frozen=True):
    """Where a page stands: by offset (`page`, `per_page`, `total`) or by cursor."""

    page: int | None = None
    per_page: int | None = None
    total: int | None = None
    next_cursor: str | None = None


class Answer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A successful result when it needs more than its data.

    `data` is a struct, or JSON that PostgreSQL built; status 0 is the route's own. `version`
    becomes the strong ETag, and `etag` is for content that has no version. `is_public` allows
    shared caches; `kept` says that `data` is what the cache holds under a key, or the end of that.
    With a `beginning`, which many answers share, `data` is the JSON that follows it.
    """

    data: T | Json
    status: int = 0
    location: str | None = None
    version: int | None = None
    etag: str | None = None
    page: PageInfo | None = None
    is_public: bool = False
    kept: tuple[str, bytes] | None = None
    beginning: Beginning | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Content(msgspec.Struct, frozen=True):
    """A successful result that is not JSON: a file, a page.

    With `chunks` the body is sent as they come, and `headers` say how long it is. `people` are whom
    it is about, for the audit trail.
    """

    body: bytes
    media_type: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    is_public: bool = False
    etag: str | None = None
    chunks: AsyncIterable[bytes] | None = None
    people: tuple[UUID, ...] = ()


encode = msgspec.json.Encoder(decimal_format="number").encode


def encode_success(
    data: object,
    request_id: str,
    page: PageInfo | None = None,
    beginning: Beginning | None = None,
) -> bytes:
    """Return `{"data": …, "meta": …}`; bytes are taken for JSON already, or what follows their
    `beginning`."""
    body = data if isinstance(data, bytes) else encode(data)
    begun = b"" if beginning is None else beginning.data
    return b"".join((b'{"data":', begun, body, encode_meta(request_id, page)))


def encode_meta(request_id: str, page: PageInfo | None) -> bytes:
    """Return what follows the data in a successful answer, to its closing brace."""
    return finish_meta(request_id, meta_place(page))


def finish_meta(request_id: str, place: str) -> bytes:
    """Return what `encode_meta` does, with what `meta_place` made of the page."""
    return (
        f',"meta":{{"timestamp":"{clock.now_text()}","requestId":"{request_id}"{place}}}}}'.encode()
    )


def meta_place(page: PageInfo | None) -> str:
    """Return the part of the meta that says where a page stands; nothing without one."""
    if page is None:
        return ""
    if page.page is not None:
        return f',"page":{page.page},"perPage":{page.per_page},"total":{page.total}'
    cursor = "null" if page.next_cursor is None else f'"{page.next_cursor}"'
    return f',"perPage":{page.per_page},"nextCursor":{cursor}'


def encode_problem(fact: errors.Fact, instance: str, request_id: str) -> bytes:
    """Return the RFC 9457 document of `fact`."""
    document: dict[str, Any] = {
        "type": fact.type,
        "title": fact.title,
        "status": fact.status,
        "detail": fact.detail,
        "instance": instance,
        "code": fact.code,
        "requestId": request_id,
    }
    for name, value in fact.data.items():
        document.setdefault(_camel(name), value)
    return encode(document)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode a JSON body strictly; the first thing wrong becomes a ValidationFailed.

    Refused beyond the schema: duplicate keys, NaN and infinities, NUL characters (PostgreSQL
    cannot store them), text that is not UTF-8.
    """
    try:
        value = decoder.decode(body)
    except msgspec.ValidationError as problem:
        raise_invalid(problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise errors.InvalidFormat("The body is not valid JSON.") from problem
    if b"\\u0000" in body and _holds_nul(body):
        raise errors.InvalidFormat("Text may not hold the NUL character.")
    try:
        _find_duplicates(body.decode())
    except (ValueError, RecursionError) as problem:
        raise errors.InvalidFormat(f"The body is not valid JSON: {problem}.") from problem
    return value


def _holds_nul(body: bytes) -> bool:
    return re.search(rb"(?<!\\)(?:\\\\)*\\u0000", body) is not None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


# Made once, because json.loads makes a decoder anew for every call with a hook.
_find_duplicates = json.JSONDecoder(object_pairs_hook=_refuse_duplicates).decode

_NUMBER = re.compile(r"\s*[-+]?[\d._]+(?:[eE][-+]?\d+)?\s*")


@cache
def _moments(wanted: type[Any]) -> tuple[str, ...]:
    """Return the names of the parameters that are moments."""
    found = []
    for field in msgspec.structs.fields(wanted):
        kind = inspect.type_info(field.type)
        parts = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        if any(isinstance(part, inspect.DateTimeType) for part in parts):
            found.append(field.encode_name)
    return tuple(found)


def decode_parameters(values: dict[str, Any], wanted: type[T], where: str) -> T:
    """Turn strings of a path or query into `wanted`; `where` starts the pointer of an error."""
    for name in _moments(cast(Any, wanted)):
        # Leniently a number is a moment too, counted in seconds of the epoch.
        if _NUMBER.fullmatch(values.get(name, "")):
            raise errors.ValidationFailed(
                "", errors.FieldError(f"{where}/{name}", "Expected a time as RFC 3339 has it")
            )
    try:
        return msgspec.convert(values, wanted, strict=False, str_keys=True)
    except msgspec.ValidationError as problem:
        raise_invalid(problem, where)


_AT = re.compile(r" - at `(?:key in )?\$(?P<path>.*)`$")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]+)`")


def raise_invalid(problem: msgspec.ValidationError, where: str = "") -> NoReturn:
    """Raise the ValidationFailed that says what msgspec found, with a JSON pointer to it."""
    text = str(problem)
    at = _AT.search(text)
    message = text[: at.start()] if at else text
    path = at["path"] if at else ""
    pointer = where + re.sub(r"\.|\[", "/", path).replace("]", "")
    missing = _MISSING.match(message)
    named = missing or _UNKNOWN.match(message)
    if named:
        pointer += f"/{named['field']}"
    kind = errors.MissingRequiredField if missing else errors.ValidationFailed
    raise kind("", errors.FieldError(pointer or "/", message)) from problem
