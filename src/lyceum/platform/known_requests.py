"""Requests that need no parser: what follows their first line was in one that it has read.

A client sends the same headers with every request, the token among them. Only requests that the
short ways have answered are learned from. Not here: which addresses are known, and the answers
(`express`, `known_reads`), the connection (`protocol`).
"""

from typing import Final

from lyceum.platform.bounded import Bounded
from lyceum.platform.headers import Headers
from lyceum.platform.plain_requests import meant

MOST: Final = 2048
MAX_BYTES: Final = 2048
"""How many heads are known, and how long a request may be."""


class KnownRequests:
    """The heads that this process knows."""

    def __init__(self) -> None:
        # Where in a head its values are: thousands of copies would be much memory.
        self._places: Bounded[tuple[tuple[bytes, slice], ...]] = Bounded(MOST)

    def read(self, data: bytes) -> tuple[bytes, Headers] | None:
        """Return the address of a GET and the headers that mean something; None: it takes a parser.

        Whether it is an address at all is for the caller to know, from one that was parsed.
        """
        line, _, rest = data.partition(b"\r\n")
        places = self._places.get(rest)
        if places is None or line[:4] != b"GET " or line[-9:] != b" HTTP/1.1":
            return None
        if len(places) == 1:  # nearly always, and a list by itself costs as much as all this
            name, place = places[0]
            return line[4:-9], [(name, rest[place])]
        return line[4:-9], [(name, rest[place]) for name, place in places]

    def learn(self, data: bytes, url: bytes, headers: Headers) -> None:
        """Know again what follows the first line of `data`, of which the parser made a GET for
        `url` with `headers`, if it is all of that request and nothing else."""
        if len(data) > MAX_BYTES or data.find(b"\r\n\r\n") != len(data) - 4:
            return
        line, _, rest = data.partition(b"\r\n")
        if line != b"GET %b HTTP/1.1" % url:
            return
        places = []
        for name, value in meant(headers):
            start = rest.find(value)
            if start < 0:
                return
            places.append((name, slice(start, start + len(value))))
        self._places.keep(rest, tuple(places))
