"""Requests that another program signs: the body is read before anybody knows who sent it.

Not here: what is signed and by whom (`users`).
"""

from typing import Any, Final, Protocol

from lyceum.platform.access import Actor
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import MEBIBYTE

SCHEME: Final = "hmac-sha256"


class SignatureChecker(Protocol):
    """Who knows the keys of other services."""

    async def authenticate_signed(
        self, credentials: str, *, method: str, path: str, query: str, body: bytes
    ) -> Actor:
        """Return the service that signed a request; raises the fact that says why not."""


async def identify(request: RequestInfo, credentials: str, checker: SignatureChecker) -> Actor:
    """Return the service that signed the request; the body can be read once more after that."""
    body = await request.body(MEBIBYTE)
    parts = [body]

    async def receive() -> Any:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    request.receive = receive
    scope = request.scope
    return await checker.authenticate_signed(
        credentials,
        method=request.method,
        path=scope["raw_path"].decode("latin-1"),
        query=request.query_string,
        body=body,
    )
