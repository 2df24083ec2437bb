"""Requests that need no parser: the line with their address, and the rest of their head, were both
in requests that it has read.

A client sends the same headers with every request, the token among them. Only requests that the
short ways have answered are learned from. Not here: the answers (`express`, `known_reads`), the
connection (`protocol`).
"""

from typing import Final

from lyceum.platform.bounded import Bounded
from lyceum.platform.headers import Headers

MOST: Final = 8192
MAX_BYTES: Final = 2048
"""How many addresses and how many heads are known, and how long a request may be."""


class KnownRequests:
    """What this process knows; an address and a head may come of two requests."""

    def __init__(self) -> None:
        self._urls: Bounded[bytes] = Bounded(MOST)
        self._credentials: Bounded[Headers] = Bounded(MOST)

    def read(self, data: bytes) -> tuple[bytes, Headers] | None:
        """Return the address of a request and its credentials; None: it takes a parser."""
        line, _, rest = data.partition(b"\r\n")
        credentials = self._credentials.get(rest)
        if credentials is None:
            return None
        url = self._urls.get(line)
        return None if url is None else (url, credentials)

    def learn(self, data: bytes, url: bytes, headers: Headers) -> None:
        """Know again what `data` begins with and what follows, of which the parser made a GET for
        `url` with `headers`, if it is all of that request and nothing else."""
        if len(data) > MAX_BYTES or data.find(b"\r\n\r\n") != len(data) - 4:
            return
        line, _, rest = data.partition(b"\r\n")
        if line != b"GET %b HTTP/1.1" % url:
            return
        self._urls.keep(line, url)
        self._credentials.keep(rest, [pair for pair in headers if pair[0] == b"authorization"])
