"""Requests that need no parser: what follows their first line was in one that it has read.

A client sends the same headers with every request, and the people at the same kind of client
differ in their tokens alone, so a head is known without its token. Only requests that the short
ways have answered are learned from. Not here: which addresses are known, whose a token is, and the
answers (`express`, `known_reads`), the connection (`protocol`).
"""

from typing import Final

from lyceum.platform.bounded import Bounded
from lyceum.platform.headers import Headers
from lyceum.platform.plain_requests import meant

MOST: Final = 2048
MAX_BYTES: Final = 2048
"""How many heads are known, and how long a request may be."""
_TOKEN: Final = b"uthorization: "  # clients write the first letter large or small
_NEVER_TWICE: Final = {b"cookie", b"if-none-match"}
"""Headers that others send with other values: heads with them would only push out the rest."""
_TOKEN_ALONE: Final = ((b"authorization", None),)


class KnownRequests:
    """The heads that this process knows."""

    def __init__(self) -> None:
        # Where in a head without its token its other values are.
        self._places: Bounded[tuple[tuple[bytes, slice | None], ...]] = Bounded(MOST, MAX_BYTES)

    def read(self, data: bytes) -> tuple[bytes, Headers] | None:
        """Return the address of a GET and the headers that mean something; None: it takes a parser.

        Whether it is an address at all is for the caller to know, from one that was parsed; so is
        whether the token is one.
        """
        if len(data) > MAX_BYTES:
            return None
        line, _, rest = data.partition(b"\r\n")
        head, token = _cut(rest)
        places = self._places.get(head)
        if places is None or not line.startswith(b"GET ") or not line.endswith(b" HTTP/1.1"):
            return None
        if places == _TOKEN_ALONE:  # nearly always, and a list costs as much as all this
            return line[4:-9], [(b"authorization", token)]
        return line[4:-9], [
            (name, token if place is None else head[place]) for name, place in places
        ]

    def learn(self, data: bytes, url: bytes, headers: Headers) -> None:
        """Know again what follows the first line of `data`, of which the parser made a GET for
        `url` with `headers`, if it is all of that request and nothing else."""
        if len(data) > MAX_BYTES or data.find(b"\r\n\r\n") != len(data) - 4:
            return
        line, _, rest = data.partition(b"\r\n")
        if line != b"GET %b HTTP/1.1" % url:
            return
        head, token = _cut(rest)
        said = meant(headers)
        if not _NEVER_TWICE.isdisjoint(name for name, _ in said):
            return
        # What was cut may be something else than the one header that says who asks.
        if len(head) != len(rest) and said.count((b"authorization", token)) != 1:
            return
        places: list[tuple[bytes, slice | None]] = []
        for name, value in said:
            start = head.find(value)
            if name == b"authorization" and value == token:
                places.append((name, None))
            elif start >= 0:
                places.append((name, slice(start, start + len(value))))
            else:
                return
        self._places.keep(head, tuple(places))


def _cut(rest: bytes) -> tuple[bytes, bytes]:
    """Return a head without the first token in it, and that token."""
    before, name, after = rest.partition(_TOKEN)
    token, end, after = after.partition(b"\r\n")
    return b"".join((before, name, end, after)), token
