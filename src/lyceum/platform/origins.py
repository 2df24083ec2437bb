"""Which pages may act in a person's name: those of this academy, and of its own front ends.

Browsers say where a request comes from (`Origin`, `Sec-Fetch-Site`); programs say nothing, and are
nobody's page. Not here: CORS headers (`headers`), tokens against forgery (`identification`).
"""

from typing import Protocol
from urllib.parse import urlsplit

from lyceum.platform.settings import Settings

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class Caller(Protocol):
    """The part of a request that is looked at."""

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name."""


class Origins:
    """The origins of one installation."""

    def __init__(self, settings: Settings) -> None:
        own = urlsplit(settings.base_url)
        listed = {o.strip() for o in settings.cors_origins.split(",") if o.strip()}
        self._allowed = frozenset({f"{own.scheme}://{own.netloc}", *listed})
        # Where nobody has said what the academy is called, it is whatever reaches this machine.
        self._takes_loopback = not settings.public_url and not settings.is_production

    def allow(self, caller: Caller) -> bool:
        """Return whether a request comes from a page that may, or from no page at all."""
        origin = caller.header(b"origin")
        if origin is None:
            return caller.header(b"sec-fetch-site") != "cross-site"
        return origin in self._allowed or (
            self._takes_loopback and self._is_loopback(origin, caller.header(b"host"))
        )

    @staticmethod
    def _is_loopback(origin: str, host: str | None) -> bool:
        try:
            page = urlsplit(origin)
            return page.scheme == "http" and page.netloc == host and page.hostname in _LOOPBACK
        except ValueError:
            return False
