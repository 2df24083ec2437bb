"""Cookies that pages cannot read and other sites cannot set. Not here: what is in them.

Where people reach the academy under https, and in production always, a cookie is `Secure` and its
name begins with `__Host-`, so that no subdomain can plant one. Where the public address is plain
http (development), browsers would refuse that, and the name goes without.
"""

from lyceum.platform.settings import Settings

_PREFIX = "__Host-"


def cookie_name(settings: Settings, name: str) -> str:
    """Return the whole name of a cookie on this installation."""
    return f"{_PREFIX}{name}" if _is_secure(settings) else name


def cookie_names(name: str) -> tuple[str, str]:
    """Return the whole names that a cookie can have, the one that cannot be planted first."""
    return f"{_PREFIX}{name}", name


def set_cookie(
    settings: Settings, name: str, value: str, *, seconds: int, from_other_sites: bool = False
) -> tuple[str, str]:
    """Return the header that sets a cookie for so long; for 0 seconds, takes it away.

    `from_other_sites`: it comes along with what another site has the browser post, too.
    """
    parts = [f"{cookie_name(settings, name)}={value}", "Path=/", f"Max-Age={seconds}"]
    # Browsers take `None` with `Secure` alone.
    is_open = from_other_sites and _is_secure(settings)
    parts += ["HttpOnly", f"SameSite={'None' if is_open else 'Lax'}"]
    if _is_secure(settings):
        parts.append("Secure")
    return "set-cookie", "; ".join(parts)


def find_cookie(header: str, name: str) -> str | None:
    """Return the value of a cookie by its whole name; of several the first, as browsers send the
    one of the closest path first."""
    for part in header.split(";"):
        given, _, value = part.strip().partition("=")
        if given == name:
            return value.strip('"')
    return None


def _is_secure(settings: Settings) -> bool:
    return settings.is_production or settings.base_url.startswith("https://")
