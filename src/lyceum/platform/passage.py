"""What the inner application sends by itself, on its way out. Not here: whole answers (`edge`)."""

from collections.abc import Awaitable, Callable
from typing import Any

from lyceum.platform.headers import CommonHeaders
from lyceum.platform.http import RequestInfo


class Passage:
    """Adds the common headers to what the inner application sends by itself."""

    def __init__(
        self, request: RequestInfo, common: CommonHeaders, origin: bytes | None, send: Any
    ) -> None:
        self._request = request
        self._common = common
        self._origin = origin
        self._send: Callable[[Any], Awaitable[None]] = send
        self.status = 500
        self.size = 0

    async def send(self, message: Any) -> None:
        """Send a message of ASGI, unless an answer has taken its place."""
        if self._request.response is not None or self._request.failure is not None:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            request = self._request
            given = {name for name, _ in message["headers"]}
            common = self._common.of(request.request_id, request.limit_headers, self._origin)
            message["headers"] = [*message["headers"], *(p for p in common if p[0] not in given)]
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)
