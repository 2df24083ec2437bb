"""People's names: one line of plain text. Not here: who shows them (whoever does, escapes them)."""

from lyceum.platform import errors, richtext

MAX_LENGTH = 100


def clean_first_name(given: str) -> str:
    """Return the stored form of a first name, which has something to see."""
    cleaned = _clean(given, "/firstName")
    if not cleaned:
        raise errors.ValidationFailed("", errors.FieldError("/firstName", "This name is empty"))
    return cleaned


def clean_last_name(given: str) -> str:
    """Return the stored form of a last name, which not everybody has."""
    return _clean(given, "/lastName")


def _clean(given: str, pointer: str) -> str:
    cleaned = richtext.clean_text(given)
    if len(cleaned) > MAX_LENGTH:  # composing can make a text longer
        raise errors.ValidationFailed("", errors.FieldError(pointer, "This name is too long"))
    return cleaned
