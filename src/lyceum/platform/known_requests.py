"""Requests that need no parser: every line of their head was in one that it has read.

Clients send the same lines again: the address, the same few headers, the token. A GET whose lines
are all known, in whatever order, is read by looking each up. Only requests that the short ways have
answered are learned from, so no line changes what another means. Not here: the answers
(`express`, `known_reads`), the connection (`protocol`).
"""

from collections import OrderedDict
from typing import Final, TypeVar

from lyceum.platform.headers import Headers

T = TypeVar("T")

MAX_LINES: Final = 8192
MAX_BYTES: Final = 2048
MAX_HEADERS: Final = 16
"""How many addresses and how many header lines are known; how long a head, of how many headers."""


class KnownRequests:
    """The lines of this process, the least recently learned forgotten first."""

    def __init__(self) -> None:
        self._urls: OrderedDict[bytes, bytes] = OrderedDict()
        # A line that says nothing to the short ways has nothing here.
        self._headers: OrderedDict[bytes, Headers] = OrderedDict()

    def read(self, data: bytes) -> tuple[bytes, Headers] | None:
        """Return the address of a request and its credentials; None: it takes a parser."""
        if len(data) > MAX_BYTES or data[-4:] != b"\r\n\r\n":
            return None
        first, *lines = data[:-4].split(b"\r\n", MAX_HEADERS + 1)
        url = self._urls.get(first)
        if url is None:
            return None
        credentials: Headers = []
        known = self._headers
        for line in lines:
            found = known.get(line)
            if found is None:
                return None
            credentials += found
        return url, credentials

    def learn(self, data: bytes, url: bytes, headers: Headers) -> None:
        """Know the lines of `data` again, of which the parser made a GET for `url` with `headers`,
        if it is all of that request and nothing else."""
        if len(data) > MAX_BYTES or len(headers) > MAX_HEADERS or data[-4:] != b"\r\n\r\n":
            return
        first, *lines = data[:-4].split(b"\r\n")
        if first != b"GET %b HTTP/1.1" % url or len(lines) != len(headers):
            return
        for line, (name, value) in zip(lines, headers, strict=True):
            written, colon, rest = line.partition(b":")
            if not colon or written.lower() != name or rest.strip(b" \t") != value:
                return
        _keep(self._urls, first, url)
        for line, pair in zip(lines, headers, strict=True):
            _keep(self._headers, line, [pair] if pair[0] == b"authorization" else [])


def _keep(known: OrderedDict[bytes, T], line: bytes, found: T) -> None:
    known[line] = found
    if len(known) > MAX_LINES:
        known.popitem(last=False)
