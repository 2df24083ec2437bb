"""The test Redis, and a line to it that a test can cut. Not here: any claim about our code."""

import asyncio
import os
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

import pytest


def redis_url() -> str:
    """Return the address of the Redis that tests may use, or skip the test."""
    url = os.environ.get("LYCEUM_TEST_REDIS_URL", "")  # noqa: TID251 - where it comes in
    if not url:
        pytest.skip("LYCEUM_TEST_REDIS_URL is not set: no Redis to test with")
    return url


class CuttableLine:
    """A proxy in front of Redis: `cut` refuses and drops, `stall` goes silent, `mend` ends both."""

    def __init__(self, target: str) -> None:
        self._parts = urlsplit(target)
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut = False
        self.url = ""

    async def __aenter__(self) -> "CuttableLine":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user, at, _ = self._parts.netloc.rpartition("@")
        self.url = urlunsplit(self._parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Drop every connection and each new one."""
        self._cut = True
        self._flowing.set()
        for writer in self._writers:
            writer.close()

    def stall(self) -> None:
        """Keep connections open and let nothing through."""
        self._flowing.clear()

    def mend(self) -> None:
        """Let everything through again."""
        self._cut = False
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._cut:
            writer.close()
            return
        port = self._parts.port or 6379
        there_reader, there = await asyncio.open_connection(self._parts.hostname, port)
        self._writers.add(there)
        await asyncio.gather(self._pump(reader, there), self._pump(there_reader, writer))
        self._writers -= {writer, there}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                if self._cut:
                    break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
