"""Email addresses: the one form in which they are stored and compared. Not here: proving them.

The local part is NFC and case-folded, the domain its lower-case ASCII form (IDNA 2008, UTS 46).
Nothing is trimmed: an address with a space around it is refused, so that what is stored is what
was typed. Quoted local parts and address literals (RFC 5321) are refused.
"""

import re
import unicodedata

import idna

from lyceum.users import errors

MAX_LENGTH = 254
_MAX_LOCAL_BYTES = 64
_LOCAL_FORBIDDEN = re.compile(r'[\s"(),:;<>@\[\\\]\x00-\x20\x7f-\x9f\u2028-\u202e\u2066-\u2069]')
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9-]{2,63}")


def normalise_email(given: str) -> str:
    """Return the stored form of an address; EmailInvalid says what is wrong with it."""
    local, at, domain = given.rpartition("@")
    if not at or not local or not domain:
        raise errors.EmailInvalid("An address has a part before and a part after one @")
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
    if (
        _LOCAL_FORBIDDEN.search(local)
        or len(local.encode()) > _MAX_LOCAL_BYTES
        or local[0] == "."
        or local[-1] == "."
        or ".." in local
    ):
        raise errors.EmailInvalid("The part before the @ is not one that mail can reach")
    address = f"{local}@{_normalise_domain(domain)}"
    if len(address) > MAX_LENGTH:
        raise errors.EmailInvalid(f"An address has {MAX_LENGTH} characters at most")
    return address


def find_normal_form(given: str) -> str | None:
    """Return the stored form of what somebody typed, or None when it is no address."""
    try:
        return normalise_email(given)
    except errors.EmailInvalid:
        return None


def local_part(address: str) -> str:
    """Return what stands before the @."""
    return address.rpartition("@")[0]


def _normalise_domain(domain: str) -> str:
    try:
        host = idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError as problem:
        raise errors.EmailInvalid("The part after the @ is not a domain name") from problem
    if host != "localhost" and not _HOST.fullmatch(host):
        raise errors.EmailInvalid("The part after the @ is not a domain name")
    return host
