"""Requests that need no parser: what follows their first line was in one that it has read.

A client sends the same headers with every request, the token among them. Only requests that the
short ways have answered are learned from. Not here: which addresses are known, and the answers
(`express`, `known_reads`), the connection (`protocol`).
"""

from typing import Final

from lyceum.platform.bounded import Bounded
from lyceum.platform.headers import Headers

MOST: Final = 4096
MAX_BYTES: Final = 2048
"""How many heads are known, and how long a request may be."""
_UNKNOWN: Final = slice(0)


class KnownRequests:
    """The heads that this process knows."""

    def __init__(self) -> None:
        # Where in a head the credential is: thousands of copies would be much memory.
        self._credentials: Bounded[slice | None] = Bounded(MOST)

    def read(self, data: bytes) -> tuple[bytes, Headers] | None:
        """Return the address of a GET and its credentials; None: it takes a parser.

        Whether it is an address at all is for the caller to know, from one that was parsed.
        """
        line, _, rest = data.partition(b"\r\n")
        place = self._credentials.get(rest, _UNKNOWN)
        if place is _UNKNOWN or line[:4] != b"GET " or line[-9:] != b" HTTP/1.1":
            return None
        return line[4:-9], [] if place is None else [(b"authorization", rest[place])]

    def learn(self, data: bytes, url: bytes, headers: Headers) -> None:
        """Know again what follows the first line of `data`, of which the parser made a GET for
        `url` with `headers`, if it is all of that request and nothing else."""
        if len(data) > MAX_BYTES or data.find(b"\r\n\r\n") != len(data) - 4:
            return
        line, _, rest = data.partition(b"\r\n")
        if line != b"GET %b HTTP/1.1" % url:
            return
        place = None
        credentials = [value for name, value in headers if name == b"authorization"]
        if credentials:
            start = rest.find(credentials[0])
            if start < 0 or len(credentials) > 1:
                return
            place = slice(start, start + len(credentials[0]))
        self._credentials.keep(rest, place)
