"""The headers that every response has: security, CORS, the request's id and limits."""

from lyceum.platform.settings import Settings

Headers = list[tuple[bytes, bytes]]

SECURITY: Headers = [
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
]
_CORS: Headers = [
    (b"access-control-allow-credentials", b"true"),
    (
        b"access-control-expose-headers",
        b"ETag, Link, Location, Retry-After, X-Request-Id, Idempotency-Replayed, "
        b"RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset",
    ),
]
PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-CSRF-Token, "
        b"X-Request-Id",
    ),
    (b"access-control-max-age", b"600"),
]


class CommonHeaders:
    """Makes the common headers of this installation."""

    def __init__(self, settings: Settings) -> None:
        self._origins = frozenset(o.strip() for o in settings.cors_origins.split(",") if o.strip())
        self.always = [*SECURITY, (b"vary", b"Origin")] if self._origins else SECURITY
        """Those that say nothing of the request."""

    def of(self, request_id: str, limits: Headers, origin: bytes | None) -> Headers:
        """Return the headers of a response to a request that named `origin`."""
        return [*self.always, (b"x-request-id", request_id.encode()), *limits, *self.to(origin)]

    def to(self, origin: bytes | None) -> Headers:
        """Return those that only a page of `origin` gets."""
        if origin is None or origin.decode("latin-1") not in self._origins:
            return []
        return [*_CORS, (b"access-control-allow-origin", origin)]


def lines(headers: Headers) -> str:
    """Return headers as they are written."""
    return "".join(f"{n.decode('latin-1')}: {v.decode('latin-1')}\r\n" for n, v in headers)


def matches(known: str, etag: str) -> bool:
    """Return whether an If-None-Match names the tag."""
    return known.strip() == "*" or etag in (
        part.strip().removeprefix("W/") for part in known.split(",")
    )
