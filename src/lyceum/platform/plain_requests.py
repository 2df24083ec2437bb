"""What a GET asks for that has nothing about it but what browsers and programs always send.

Only such requests take the short ways (`express`, `known_reads`): whatever else may change an
answer (a session's cookie, a trace) takes the normal one. Also here: the address of a client
behind proxies, for every way.
"""

from typing import Final

import msgspec

from lyceum.platform import compression
from lyceum.platform.headers import Headers
from lyceum.platform.settings import Settings

MEANT: Final = frozenset((
    b"authorization", b"accept-encoding", b"origin", b"x-forwarded-for", b"if-none-match",
    b"cookie",
))  # fmt: skip
"""Headers that say something to the short ways."""
_IDLE: Final = frozenset((
    b"host", b"user-agent", b"accept", b"accept-language", b"connection", b"content-type",
    b"referer", b"cache-control", b"pragma", b"priority", b"dnt", b"upgrade-insecure-requests",
    b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user", b"sec-gpc",
    b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform",
    b"x-real-ip", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port",
))  # fmt: skip
"""Headers that no answer to a GET depends on."""
_PLAIN: Final = _IDLE | MEANT


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a plain request says: who and from where, the coding of the answer, and the tags of
    the answers that the client has."""

    ip: str
    authorization: bytes | None = None
    coding: bytes | None = None
    origin: bytes | None = None
    known_tags: bytes | None = None


class PlainRequests:
    """Reads requests for one installation, which trusts some proxies."""

    def __init__(self, settings: Settings, session_cookie: str) -> None:
        """`session_cookie` is the name of the one cookie that says who asks."""
        self._session = session_cookie.encode()
        self._proxies = frozenset(
            p.strip() for p in settings.trusted_proxies.split(",") if p.strip()
        )

    def read(self, headers: Headers, peer: str) -> Asked | None:
        """Return what a request from `peer` says, or None when it is not plain."""
        authorization = origin = forwarded = known_tags = None
        accepted = b""
        for name, value in headers:
            if name == b"authorization":
                authorization = value
            elif name == b"accept-encoding":
                accepted = value
            elif name == b"origin":
                origin = value
            elif name == b"x-forwarded-for" and forwarded is None:
                forwarded = value
            elif name == b"if-none-match":
                known_tags = value
            elif name == b"cookie" and self._session not in value:
                pass
            elif name not in _IDLE:
                return None
        coding = compression.choose(accepted) if accepted else None
        ip = peer if forwarded is None else self.address(peer, forwarded)
        return Asked(ip, authorization, coding, origin, known_tags)

    def are_plain(self, headers: dict[bytes, bytes]) -> bool:
        """Return whether `read` reads requests that have these headers."""
        return _PLAIN.issuperset(headers) and self._session not in headers.get(b"cookie", b"")

    def address(self, peer: str, forwarded: bytes | None) -> str:
        """Return the last address that no trusted proxy of ours wrote; the rest can be forged."""
        if forwarded is None or peer not in self._proxies:
            return peer
        for hop in reversed([part.strip() for part in forwarded.decode("latin-1").split(",")]):
            if hop not in self._proxies:
                return hop[:45] or peer
        return peer


def meant(headers: Headers) -> Headers:
    """Return the headers that `PlainRequests.read` looks at."""
    return [pair for pair in headers if pair[0] in MEANT]
