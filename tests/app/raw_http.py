"""A client that sends the bytes it is told, and what of two answers must be the same."""

import re
import socket

from tests.app.servers import WebProcess

CHANGING = re.compile(
    rb"(?i)(x-request-id: \S+|date: [^\r]+|ratelimit-\S+: \d+|\"timestamp\":\"[^\"]+\""
    rb"|\"requestId\":\"[^\"]+\")"
)


class Connection:
    """A connection that sends what it is told and reads whole responses."""

    def __init__(self, web: WebProcess) -> None:
        self._socket = socket.create_connection(("127.0.0.1", web.port), timeout=10)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def get(self, target: str, *headers: str, version: str = "1.1", method: str = "GET") -> bytes:
        lines = [f"{method} {target} HTTP/{version}", "Host: academy.test", *headers, "", ""]
        self.send("\r\n".join(lines).encode())
        return self.read(has_body=method != "HEAD")

    def read(self, *, has_body: bool = True) -> bytes:
        """Return one response, its head and body."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        size = int(length[1]) if length and has_body else 0
        while len(rest) < size:
            self._receive()
            rest = self._buffer.partition(b"\r\n\r\n")[2]
        self._buffer = rest[size:]
        return head + b"\r\n\r\n" + rest[:size]

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self._buffer += data

    def is_closed(self) -> bool:
        return self._socket.recv(1) == b""

    def close(self) -> None:
        self._socket.close()


def same(response: bytes) -> tuple[set[bytes], bytes]:
    """Return the lines of a response's head, in any order, and its body, without what changes."""
    head, _, body = response.partition(b"\r\n\r\n")
    return {CHANGING.sub(b"", line) for line in head.split(b"\r\n")}, CHANGING.sub(b"", body)
