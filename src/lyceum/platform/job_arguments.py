"""From the JSON arguments of a job back to what its function takes, by its annotations."""

import inspect
from functools import lru_cache
from typing import Any, get_type_hints

import msgspec

from lyceum.platform import errors
from lyceum.platform.jobs import JobSpec


def decode(spec: JobSpec, arguments: bytes) -> dict[str, Any]:
    """Return the keyword arguments; InvalidInput when they do not fit the function (any more)."""
    wanted = _struct_of(spec)
    try:
        found = msgspec.json.decode(arguments, type=wanted)
    except (msgspec.ValidationError, msgspec.DecodeError) as problem:
        raise errors.InvalidInput(
            f"The arguments of {spec.name} do not fit: {problem}"
        ) from problem
    return {name: getattr(found, name) for name in wanted.__struct_fields__}


@lru_cache(maxsize=1000)
def _struct_of(spec: JobSpec) -> type[msgspec.Struct]:
    hints = get_type_hints(spec.function)
    fields: list[Any] = []
    for name, parameter in list(inspect.signature(spec.function).parameters.items())[1:]:
        if parameter.default is inspect.Parameter.empty:
            fields.append((name, hints.get(name, Any)))
        else:
            fields.append((name, hints.get(name, Any), parameter.default))
    return msgspec.defstruct(
        "Arguments", fields, frozen=True, kw_only=True, forbid_unknown_fields=True
    )
