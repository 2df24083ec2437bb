"""Sending an answer that comes in chunks: a file, or server-sent events for as long as it goes.

It ends when its source does and when the client goes. An event stream ends also when the process
is about to stop, and when the client is no longer who it was: clients connect again by themselves,
and are then let in or not. Not here: what is sent (a route returns a `Content` with chunks).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Coroutine, Sequence
from typing import Annotated, Any, Final

import msgspec

from lyceum.platform.http import Response
from lyceum.platform.wire import Content, Input

EVENTS: Final = "text/event-stream"


class WatchQuery(Input, frozen=True, kw_only=True):
    """How long a stream lasts before the client has to ask again."""

    seconds: Annotated[int, msgspec.Meta(ge=0, le=600, description="How long it lasts")] = 300


def events(chunks: AsyncGenerator[bytes, None]) -> Content:
    """Return the answer that sends `chunks` (see `event`) as they come."""
    # Proxies would otherwise collect them.
    return Content(b"", EVENTS, headers=(("x-accel-buffering", "no"),), chunks=chunks)


def event(name: str, data: bytes) -> bytes:
    """Return one server-sent event (HTML standard, 9.2.6); `data` may have several lines."""
    lines = b"".join(b"data: %b\n" % line for line in data.splitlines() or [b""])
    return b"event: %b\n%b\n" % (name.encode(), lines)


async def nothing() -> AsyncIterator[bytes]:
    """Yield no chunk: the body of an answer to HEAD."""
    for chunk in tuple[bytes, ...]():
        yield chunk


def is_events(response: Response) -> bool:
    """Tell whether a response goes on by itself."""
    return (b"content-type", EVENTS.encode()) in response.headers


async def pump(
    response: Response,
    chunks: AsyncIterable[bytes],
    receive: Any,
    send: Any,
    *ends: Coroutine[Any, Any, object],
) -> int:
    """Send the head and every chunk until one of `ends` returns; return the bytes of the chunks."""
    size = 0
    leaving = [asyncio.create_task(end) for end in (_gone(receive), *ends)]
    head = {"status": response.status, "headers": response.headers}
    source = aiter(chunks)
    try:
        await send({"type": "http.response.start", **head})
        while (chunk := await _next(source, leaving)) is not None:
            size += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        if isinstance(source, AsyncGenerator):
            await source.aclose()
    return size


async def _next(source: AsyncIterator[bytes], leaving: Sequence[asyncio.Task[Any]]) -> bytes | None:
    """Return the next chunk, or None when there is none or nobody waits for it."""
    coming: asyncio.Future[bytes | None] = asyncio.ensure_future(_one(source))
    try:
        await asyncio.wait({coming, *leaving}, return_when=asyncio.FIRST_COMPLETED)
        return await coming if coming.done() else None
    finally:
        if not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _one(source: AsyncIterator[bytes]) -> bytes | None:
    return await anext(source, None)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
