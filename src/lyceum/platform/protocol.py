"""uvicorn's HTTP protocol, with the express lane before it and one write for a response."""

import asyncio
from collections.abc import Awaitable
from typing import Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from lyceum.platform.express import Parts
from lyceum.platform.headers import Headers
from lyceum.platform.http import Response
from lyceum.platform.known_requests import KnownRequests

MAX_HEADERS: Final = 100
MAX_LINE: Final = 8 * 1024
MAX_HEAD: Final = 16 * 1024
"""The head of a request: how many headers, bytes of one, bytes of all. The parser has no limits."""


class _NoEvent:
    def set(self) -> None:
        """Nobody waits."""


class _Answered:
    """Stands where uvicorn keeps the cycle of the last request, which is over."""

    response_complete = True
    disconnected = False
    keep_alive = True
    message_event = _NoEvent()


_ANSWERED: Final[Any] = _Answered()


class _Waiting:
    """Stands there while a known read is on its way."""

    __slots__ = ("disconnected", "keep_alive", "more_body", "response_complete", "task")
    message_event = _NoEvent()

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.disconnected = self.more_body = self.response_complete = False
        self.task: asyncio.Task[None] | None = None


class _HeadTooLong(Exception):
    """More head than anybody needs; told to the parser, which makes a bad request of it."""


class ExpressProtocol(HttpToolsProtocol):
    """Answers at once what the express lane has, and writes every whole response in one piece.

    The application is an `Edge`. What it sends in parts by itself goes the way of uvicorn.
    """

    _known: ClassVar = KnownRequests()
    _default_lines: ClassVar[tuple[Headers, bytes]] = [], b""

    _is_in_head = False
    _has_begun = False
    _is_between = True  # of two requests: nothing is left in the parser
    _data = b""
    _answered_at = 0.0
    _received = 0  # at least the bytes of the head
    _grown = 0  # at most the bytes of a head that has not ended

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that has grown too long without an end ends the connection."""
        if self._is_between:
            known = self._known.read(data)
            if known is not None and self._can_answer() and self._go_straight(*known, is_kept=True):
                return
        self._data = data if self._is_between else b""
        self._has_begun = False
        self._received = len(data) + (self._received if self._is_in_head else 0)
        super().data_received(data)
        if self._is_in_head:
            self._grown = 0 if self._has_begun else self._grown + len(data)
            if self._grown > MAX_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Begin a request; its scope is made only if it goes the normal way."""
        self._is_in_head = self._has_begun = True
        self._is_between = False
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """Answer at once if that is possible, otherwise go the normal way."""
        self._is_in_head = False
        if len(self.headers) > MAX_HEADERS or self._received > MAX_LINE:
            self._measure_head()
        if self.parser.get_method() == b"GET" and self._can_answer():
            is_kept = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
            if self._go_straight(self.url, self.headers, is_kept=is_kept):
                if is_kept:
                    self._known.learn(self._data, self.url, self.headers)
                return
        headers, url, expects = self.headers, self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers = self.scope["headers"] = headers
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the parser has no part of a request left."""
        self._is_between = True
        super().on_message_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for long; the lane does not set the alarm anew."""
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        cycle: Any = self.cycle
        if isinstance(cycle, _Waiting) and not cycle.response_complete:
            left = self.timeout_keep_alive
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(
                left, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def _can_answer(self) -> bool:
        """Whether the request before is over and the client takes what we write."""
        cycle: Any = self.cycle
        return (cycle is None or cycle.response_complete) and not self.flow.write_paused

    def _go_straight(self, url: bytes, headers: Headers, *, is_kept: bool) -> bool:
        """Answer a GET at once, or begin to, if that can be; False: go the normal way."""
        application: Any = self.config.loaded_app
        made = application.straight(url, headers, self.client)
        if made is None:
            return False
        if isinstance(made, tuple):
            self.cycle = _ANSWERED
            self._finish(made, is_kept=is_kept)
            return True
        cycle: Any = _Waiting(keep_alive=is_kept)
        self.cycle = cycle
        cycle.task = self.loop.create_task(self._read(cycle, made))
        self.tasks.add(cycle.task)
        return True

    async def _read(self, cycle: _Waiting, work: Awaitable[Parts | Response]) -> None:
        """Write what `work` makes, and let the next request come."""
        try:
            made = await work
            cycle.response_complete = True
            if cycle.disconnected or self.transport.is_closing():
                return
            is_kept = cycle.keep_alive
            if isinstance(made, tuple):
                self._finish(made, is_kept=is_kept)
            else:
                status = STATUS_LINE[made.status]
                self._finish((status, _lines(made), b"\r\n", made.body), is_kept=is_kept)
            if self.pipeline and is_kept:
                self.on_response_complete()
        except BaseException:
            self.transport.close()
            raise
        finally:
            # A callback of the task would do it too, a turn of the loop later.
            self.tasks.discard(cast(Any, cycle.task))

    def on_response_complete(self) -> None:
        """End a request; read on only when none that was read already waits for its turn."""
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()

    def _measure_head(self) -> None:
        lines = [len(name) + len(value) for name, value in self.headers]
        if len(lines) > MAX_HEADERS or max(lines, default=0) > MAX_LINE or sum(lines) > MAX_HEAD:
            raise _HeadTooLong

    def _finish(self, parts: Parts, *, is_kept: bool) -> None:
        """Write a response of the short ways."""
        status, *rest = parts
        self.transport.write(b"".join((status, *self._server_lines(is_kept=is_kept), *rest)))
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if not is_kept:
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _server_lines(self, *, is_kept: bool) -> tuple[bytes, ...]:
        # uvicorn makes a new list of them, with the date, once a second.
        headers = self.server_state.default_headers
        if ExpressProtocol._default_lines[0] is not headers:
            lines = b"".join(b"%b: %b\r\n" % header for header in headers)
            ExpressProtocol._default_lines = headers, lines
        default = ExpressProtocol._default_lines[1]
        return (default,) if is_kept else (default, b"connection: close\r\n")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        task = self.loop.create_task(self._serve(cycle, app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _serve(self, cycle: RequestResponseCycle, app: Any) -> None:
        application: Any = self.config.loaded_app
        if app is not application:
            await cycle.run_asgi(app)
            return
        try:
            response = await application.answer(cycle.scope, cycle.receive, cycle.send)
            if response is not None:
                if self.flow.write_paused and not cycle.disconnected:
                    await self.flow.drain()
                self._write(cycle, response)
            elif not cycle.response_complete:
                self.transport.close()
        except BaseException:
            self.transport.close()
            raise
        finally:
            cycle.on_response = _nothing

    def _write(self, cycle: RequestResponseCycle, response: Response) -> None:
        if cycle.disconnected:
            return
        body = b"" if cycle.scope["method"] == "HEAD" else response.body
        head = (STATUS_LINE[response.status], *self._server_lines(is_kept=cycle.keep_alive))
        self.transport.write(b"".join((*head, _lines(response), b"\r\n", body)))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()


def _lines(response: Response) -> bytes:
    """Return the headers as they are written; ValueError if one is not a line."""
    lines: list[bytes] = []
    for name, value in response.headers:
        lines += (name, b": ", value, b"\r\n")
    ours = b"".join(lines)
    if ours.count(b"\n") + ours.count(b"\r") != 2 * len(response.headers):
        raise ValueError("a header would break the response")
    return ours


def _nothing() -> None:
    """Stand where a callback was that must not be called again."""
