"""Takes out of what is logged what must not be: by the name of a field, and by the look of a text.

Passwords, tokens, cards (Luhn), IBANs (mod 97), US social security numbers, mail addresses (half of
them), keys, credentials in URLs. Also makes text fit for one line: control characters escaped,
long values cut. Not here: where logs go (`logs`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

REDACTED: Final = "[redacted]"
LONGEST: Final = 2048
_LONGEST_INT: Final = 2**53
_DEEPEST, _WIDEST = 6, 100

# Names of fields, in words: `accessToken`, `X-Api-Key` and `card_number` are all caught.
_SECRET_WORDS: Final = frozenset(
    {"password", "passwords", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets"}
    | {"token", "tokens", "jwt", "authorization", "cookie", "cookies", "credential", "credentials"}
    | {"card", "pan", "cvc", "cvv", "otp", "totp", "pin", "iban", "ssn", "apikey", "signature"}
    | {"csrf", "xsrf", "dsn"}
)
_SECRET_PHRASES: Final = re.compile(
    r"(?:api|private|access|signing|encryption|license)_key|account_number|tax_id|national_id"
    r"|(?:backup|recovery|verification|reset|login|mfa|invite|security|auth|confirmation)_codes?"
)
_SECRET_PARTS: Final = re.compile(
    r"passw|secret|authorization|cookie|credential|accesstoken|refreshtoken|idtoken|cardnumber"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# ISO 13616: how many characters an account number has in each country.
_IBAN_LENGTHS: Final = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})(\d{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 "
        "DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 "
        "IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 "
        "MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 "
        "SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30",
    )
}
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")

# Where a word may begin: not inside another, but after a percent-escape. Patterns that begin with
# a repetition begin there only, which keeps the search linear.
_ESCAPED: Final = "(?<=%[0-9A-Fa-f]{2})"
_SECRET_PAIR: Final = (
    rf"(?:(?<![\w-])|{_ESCAPED})(?P<name>(?i:[\w-]{{0,40}}?(?:passw(?:or)?d|pwd|passphrase|secret|token|authorization"
    r"|api[_-]?key|private[_-]?key|access[_-]?key|otp|cvc2?|cvv2?|card[_-]?number|ssn|signature)"
    r"[\w-]{0,40}\\*[\"']?\s{0,4}(?:=>|[:=])\s{0,4}))(?i:(?:bearer|basic|digest|token)\s+)?"
    r"(?:\\*\"(?:[^\"\\]|\\(?!\").)*\\*\"|'[^']*'|[^\s\"',;&<>)}\]]+)"
)
# One pass over the text; the first alternative that fits wins. `id` fits what is not to be taken
# apart: UUIDs, long hexadecimal ids, percent-escapes.
_SUSPECTS: Final = re.compile(
    r"(?P<id>(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])"
    r"|(?<!\w)(?=\d*[a-f])[0-9a-f]{16,128}(?!\w)|%[0-9A-Fa-f]{2})"
    r"|(?P<key>-----BEGIN [A-Z ]{1,40}-----[\s\S]*?(?:-----END [A-Z ]{1,40}-----|\Z))"
    r"|(?P<url>(?<=://)[^/\s:@]*:[^/\s@]*(?=@))"
    r"|(?P<cookie>(?i:\b(?:set-)?cookie\b[\"']?\s{0,4}[:=])[^\r\n]+)"
    rf"|(?P<pair>{_SECRET_PAIR})"
    r"|(?P<code>(?i:\b(?:code|pin)\b(?: is)?[\"']?\s{0,4}[:=]?\s{0,4}[\"']?)\d{6,8}\b)"
    r"|(?P<scheme>\b(?i:bearer|basic)\s+[\w.~+/=-]{8,})"
    r"|(?P<token>\beyJ[\w-]{6,}(?:\.[\w-]*)*"
    r"|(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{40,})"
    r"|(?P<hash>\$(?:argon2\w*|2[aby]|scrypt|pbkdf2[\w-]*)\$\S+)"
    rf"|(?P<email>(?:(?<![\w.+%'-])|{_ESCAPED})[\w.+%'-]{{1,320}}?(?:@|%40)[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,8}})"
    r"|(?P<ssn>(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-]))"
    rf"|(?P<digits>(?:(?<![0-9A-Za-z])|{_ESCAPED})"
    r"\d(?:(?:[ +\u00a0-]|%20)?\d){12,60}(?![0-9A-Za-z]))"
)
# What no pattern above can fit, being short, one word and (if longer) without a digit: most values
# of records are, and need no search.
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_-]{0,8}|(?!.*eyJ)[A-Za-z_-]{0,39}", re.ASCII)
_GROUP: Final = re.compile(r"(?:(?!%20)\d)+|%20")
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def clean(value: object, *, depth: int = 0) -> Any:
    """Return `value` as plain JSON types without secrets, one line each, cut, however nested."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return _clean_number(value)
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return clean_text(bytes(value[: LONGEST * 2]).decode("utf-8", "backslashreplace"))
    if depth >= _DEEPEST:
        return "[too deep]"
    if isinstance(value, Mapping):
        return _clean_mapping(value, depth)
    if isinstance(value, list | tuple | set | frozenset):
        return _clean_items(value, depth)
    return clean_text(_shown(value))


def clean_text(text: str, *, longest: int = LONGEST) -> str:
    """Return `text` without secrets, on one line, with `longest` characters at most."""
    if _HARMLESS.fullmatch(text):
        return text
    whole = len(text)
    # A cut may halve a secret so that it does not look like one: what stands there goes.
    halved = 64 if whole > longest * 2 else 0
    text = redact_text(text[: longest * 2])
    text = escape(text[: len(text) - halved])
    if len(text) > longest or whole > longest * 2:
        return f"{text[: longest - 32]}… ({whole} characters)"
    return text


def clean_traceback(text: str, *, longest: int = LONGEST * 4) -> str:
    """Return a traceback without secrets; of a long one the end, where the error is.

    Line breaks stay: JSON writes them out, a terminal should show them.
    """
    whole = len(text)
    if whole > longest * 2:
        halved, _, rest = text[-longest * 2 :].partition("\n")
        text = rest or halved[64:]  # a halved line may be a halved secret
    text = escape(redact_text(text), keep="\n\t")
    return text if len(text) <= longest else f"({whole} characters) …{text[32 - longest :]}"


def escape(text: str, *, keep: str = "") -> str:
    """Return `text` with control, bidirectional and invisible characters written out."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda found: _written_out(found[0], keep), text)


def redact_text(text: str) -> str:
    """Return `text` with everything that looks like a secret replaced by what it was."""
    if len(text) < 6:
        return text
    return _SUSPECTS.sub(_replace, _IBAN.sub(_iban, text))


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Say whether a field of this name holds a secret."""
    words = [word.lower() for word in _WORD.findall(name[:200])]
    if not _SECRET_WORDS.isdisjoint(words):
        return True
    if _SECRET_PHRASES.search("_".join(words)):
        return True
    return _SECRET_PARTS.search("".join(words)) is not None


def _clean_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if len(found) >= _WIDEST:
            found["…"] = f"{len(value)} fields"
            break
        name = key if isinstance(key, str) else _shown(key)
        found[clean_text(name, longest=200)] = _clean_field(name, inner, depth + 1)
    return found


def _clean_field(name: str, value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_secret_name(name):
        return REDACTED
    # `code` alone is a one-time code, unless it is the number of an error.
    if name.lower() == "code" and not (isinstance(value, int) and value < 100_000):
        return REDACTED
    return clean(value, depth=depth)


def _clean_items(value: Iterable[Any], depth: int) -> list[Any]:
    items = list(value)
    if len(items) == 2 and isinstance(items[0], str | bytes):  # a header, or a pair of a query
        name = items[0] if isinstance(items[0], str) else items[0].decode("latin-1")
        if is_secret_name(name):
            return [clean_text(name), REDACTED]
    found = [clean(item, depth=depth + 1) for item in items[:_WIDEST]]
    if len(items) > _WIDEST:
        found.append(f"… {len(items)} items")
    return found


def _clean_number(value: int) -> int | str:
    if abs(value) < 10**12:
        return value
    text = str(value) if abs(value) < 10**400 else "[a huge number]"
    cleaned = clean_text(text)
    return value if cleaned == text and abs(value) <= _LONGEST_INT else cleaned


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever a stranger's __str__ raises, the line is written
        return f"[{type(value).__name__} that cannot be shown]"


def _written_out(character: str, keep: str) -> str:
    if character in keep:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _replace(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    if kind == "id":
        return found[0]
    return _REPLACEMENTS.get(kind, _by_name)(found)


def _by_name(found: re.Match[str]) -> str:
    return f"[{found.lastgroup}]"


def _pair(found: re.Match[str]) -> str:
    return f"{found['name']}{REDACTED}"


def _code(found: re.Match[str]) -> str:
    return re.sub(r"\d+\Z", REDACTED, found[0])


def _cookie(found: re.Match[str]) -> str:
    return re.split(r"[:=]", found[0], maxsplit=1)[0] + f": {REDACTED}"


def _email(found: re.Match[str]) -> str:
    local, at, domain = re.split(r"(@|%40)", found[0], maxsplit=1)
    return f"{local[:1]}***{at}{domain}"


def _iban(found: re.Match[str]) -> str:
    """Mask an account number: as long as its country has them, and right by ISO 7064 mod 97."""
    text = found[0]
    length = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    places = [place for place, character in enumerate(text) if character not in " -"]
    if not 0 < length <= len(places):
        return text
    end = places[length - 1] + 1
    if text[end : end + 1].isalnum():
        return text
    plain = "".join(text[place] for place in places[:length])
    turned = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
    return "[iban]" + text[end:] if int(turned) % 97 == 1 else text


def _cards(text: str) -> str:
    """Mask each run of whole groups of digits that is a card number (ISO/IEC 7812, Luhn)."""
    groups = [group for group in _GROUP.finditer(text) if group[0] != "%20"]
    masked, place, first = "", 0, 0
    while first < len(groups):
        last = _card_from(groups, first)
        if last is None:
            first += 1
            continue
        masked += text[place : groups[first].start()] + "[card]"
        place, first = groups[last].end(), last + 1
    return masked + text[place:]


def _card_from(groups: list[re.Match[str]], first: int) -> int | None:
    digits = ""
    for last in range(first, len(groups)):
        digits += groups[last][0]
        if len(digits) > 19:
            return None
        if len(digits) >= 13 and digits[0] in "23456" and _is_luhn(digits):
            return last
    return None


def _is_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        total += number if place % 2 == 0 else (number * 2 - 9 if number > 4 else number * 2)
    return total % 10 == 0


_REPLACEMENTS: Final[dict[str, Callable[[re.Match[str]], str]]] = {
    "pair": _pair,
    "code": _code,
    "cookie": _cookie,
    "email": _email,
    "digits": lambda found: _cards(found[0]),
    "url": lambda _: REDACTED,
    "scheme": lambda _: "[token]",
}
