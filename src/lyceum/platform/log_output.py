"""Where log lines leave the process: gathered for a fifth of a second, then one write.

Not here: what a line says (`logs`).
"""

import asyncio
import atexit
import os
import threading
from collections import deque
from typing import Final

_FLUSH_SECONDS: Final = 0.2
_CHUNK: Final = 64 << 10
# What is kept for a reader that does not keep up; further lines are dropped, and counted.
_MOST_LINES: Final = 5000


class LineWriter:
    """Writes lines to a file descriptor; safe from any thread, never raises.

    In an event loop a line waits for `_FLUSH_SECONDS` at most, so `kill -9` may cost the last ones;
    `write_now` waits for nothing. Without a loop each line is written at once.
    """

    def __init__(self, descriptor: int) -> None:
        self.dropped = 0
        """Lines that nobody took: the disk was full, or the reader gone or behind."""
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._is_due = False
        self._lock = threading.Lock()
        atexit.register(self.flush)

    def write(self, line: bytes) -> None:
        """Take a line, which ends in a line feed."""
        waiting = len(self._lines)
        if waiting >= _MOST_LINES:
            self.dropped += 1
            return
        self._lines.append(line)
        if self._is_due:
            if waiting > 500:
                self.flush()
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._is_due = True
        loop.call_later(_FLUSH_SECONDS, self._flush_when_due)

    def write_now(self, line: bytes) -> None:
        """Take a line and write it, after those before it."""
        self._lines.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what is gathered."""
        with self._lock:
            while self._lines:
                chunk = self._take()
                try:
                    written = os.write(self._descriptor, chunk)
                except BlockingIOError:
                    written = 0
                except OSError:
                    self.dropped += chunk.count(b"\n")
                    continue
                if written < len(chunk):
                    self._lines.appendleft(chunk[written:])
                if not written:
                    return  # a pipe is full: with the next line again

    def close(self) -> None:
        """Write what is gathered; what comes later is written at once, if at all."""
        self.flush()
        self._is_due = False
        atexit.unregister(self.flush)

    def _flush_when_due(self) -> None:
        self._is_due = False
        self.flush()

    def _take(self) -> bytes:
        """Return the next lines, together about as much as a pipe takes at once."""
        lines, size = [], 0
        while self._lines and size < _CHUNK:
            line = self._lines.popleft()
            lines.append(line)
            size += len(line)
        return b"".join(lines)
