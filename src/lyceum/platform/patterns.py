"""Regular expressions that strangers wrote, matched in time that grows only with the text.

The engine is Rust's `regex` (through pydantic-core): no backtracking, and therefore neither
look-around nor back-references. A compiled pattern is bounded to about 2 MB and 25 ms by looking at
its text first, since `\\w` alone knows all letters of Unicode. Not here: our own patterns, which
use `re`.
"""

import re
from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

# What a class of Unicode letters weighs, beside 1 for a character; and all that may be weighed.
_CLASS_WEIGHT: Final = 100
_MAX_WEIGHT: Final = 3000
_UNICODE_CLASS: Final = re.compile(r"\\[wWdDsSpPbB]")
_TOKEN: Final = re.compile(
    r"\\.|\[(?:\\.|[^\]\\])*\]?|\(|\)|\{\s*(\d{1,9})\s*(?:,\s*(\d{0,9})\s*)?\}|.", re.DOTALL
)
_FREE_SPACING: Final = re.compile(r"\(\?[a-zA-Z-]*x")


class PatternInvalid(ValueError):
    """The text is no pattern of this engine, or one that compiles too large."""


def check_pattern(pattern: str) -> None:
    """Raise PatternInvalid unless `matches_whole` can use the pattern."""
    _compile(pattern, is_case_sensitive=True)


def matches_whole(pattern: str, text: str, *, is_case_sensitive: bool) -> bool:
    """Return whether the whole of `text` matches; PatternInvalid for a pattern that cannot."""
    try:
        _compile(pattern, is_case_sensitive=is_case_sensitive).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=64)
def _compile(pattern: str, *, is_case_sensitive: bool) -> SchemaValidator:
    flags = "" if is_case_sensitive else "(?i)"
    _refuse_large(pattern)
    try:
        # Alone first: `a)|(b` only means something inside our brackets.
        SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
        whole = rf"\A(?:{flags}{pattern})\z"
        return SchemaValidator(core_schema.str_schema(pattern=whole, regex_engine="rust-regex"))
    except SchemaError as problem:
        raise PatternInvalid(
            "The pattern cannot be used: no look-around, no back-references, and not too large."
        ) from problem


def _refuse_large(pattern: str) -> None:
    """Bound the size of what the pattern compiles to, where `{n}` stands for n copies."""
    # Spaces that do not count would part a repetition from what it repeats.
    if _FREE_SPACING.search(pattern):
        raise PatternInvalid("The pattern cannot be used: no free spacing.")
    weights = [0]
    last = 0
    for token in _TOKEN.finditer(pattern):
        text, least, most = token[0], token[1], token[2]
        if text == "(":
            weights.append(0)
            continue
        if text == ")":
            if len(weights) == 1:
                raise PatternInvalid("The pattern closes a group that it did not open.")
            last = weights.pop()
        elif least is not None:
            times = max(int(least), int(most or 0), 1)
            weights[-1] -= last
            last *= times
        else:
            last = len(text) + _CLASS_WEIGHT * len(_UNICODE_CLASS.findall(text))
        weights[-1] += last
        if weights[-1] > _MAX_WEIGHT:
            raise PatternInvalid("The pattern is too large, or repeats too much.")
