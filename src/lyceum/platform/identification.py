"""Who is asking: a bearer token, an API key, a service that signs, or a browser's cookie.

A token wins over a cookie, which browsers send by themselves. For the same reason a cookie alone is
not enough for what changes something: the request must come from our own pages, with the session's
token against forgery in `X-CSRF-Token`. Not here: what a token or a cookie is worth (`users`).
"""

from typing import Protocol

from lyceum.platform import errors, signed
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.cookies import find_cookie
from lyceum.platform.http import RequestInfo
from lyceum.platform.origins import Origins
from lyceum.platform.settings import Settings

_FROM_PAGES = frozenset((b"origin", b"sec-fetch-site"))
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class Authenticator(signed.SignatureChecker, Protocol):
    """How a bearer token, an API key, a signature or a cookie becomes an actor."""

    cookie_name: str
    """The whole name of the cookie that opens a browser's session."""

    def peek(self, token: str, ip: str) -> Actor | None:
        """Return the actor of a token that was verified a moment ago, without waiting."""

    async def authenticate(self, token: str, ip: str) -> Actor:
        """Verify a token that came from `ip`; raises the fact that says why not."""

    def peek_browser(self, cookie: str) -> Actor | None:
        """Return the actor of a cookie that was looked up a moment ago, without waiting."""

    async def authenticate_browser(self, cookie: str) -> Actor:
        """Look a cookie up; raises the fact that says that it opens nothing."""

    def is_csrf_token(self, cookie: str, given: str) -> bool:
        """Return whether `given` is the token against forgery of the cookie's session."""


class Identification:
    """Finds out who asks, for every route."""

    def __init__(self, authenticator: Authenticator, settings: Settings) -> None:
        self._authenticator = authenticator
        self._origins = Origins(settings)
        self._mark = authenticator.cookie_name.encode() + b"="

    async def identify(self, request: RequestInfo, headers: dict[bytes, bytes]) -> None:
        """Set the request's actor, or the denial for which there is none, and whether a page of
        another site made the browser send it."""
        if request.method not in SAFE_METHODS and not _FROM_PAGES.isdisjoint(headers):
            request.is_foreign = not self._origins.allow(request)
        authorization = headers.get(b"authorization")
        if authorization is None and b"x-api-key" in headers:
            authorization = b"Bearer " + headers[b"x-api-key"]
        if authorization is not None:
            await self._by_token(request, authorization)
            return
        cookies = headers.get(b"cookie")
        if cookies is not None and self._mark in cookies:
            await self._by_cookie(request, cookies)

    def peek(self, authorization: bytes, ip: str) -> Actor | None:
        """Return the actor of a bearer token that was verified a moment ago, without waiting."""
        if authorization[:7].lower() != b"bearer ":
            return None
        return self._authenticator.peek(authorization[7:].decode("latin-1"), ip)

    async def _by_token(self, request: RequestInfo, authorization: bytes) -> None:
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        if scheme.lower() == signed.SCHEME:
            try:
                request.actor = await signed.identify(request, token, self._authenticator)
            except errors.Unauthorized as denial:
                request.denial = denial
            return
        if scheme.lower() != "bearer":
            request.denial = errors.TokenInvalid("Send `Authorization: Bearer <token>`.")
            return
        actor = self._authenticator.peek(token, request.ip)
        if actor is None:
            try:
                actor = await self._authenticator.authenticate(token, request.ip)
            except errors.Unauthorized as denial:
                request.denial = denial
                return
        request.actor = actor

    async def _by_cookie(self, request: RequestInfo, cookies: bytes) -> None:
        """A cookie of a session that has ended is no cookie: the browser cannot drop it."""
        authenticator = self._authenticator
        cookie = find_cookie(cookies.decode("latin-1"), authenticator.cookie_name)
        if cookie is None:
            return
        actor = authenticator.peek_browser(cookie)
        if actor is None:
            try:
                actor = await authenticator.authenticate_browser(cookie)
            except errors.Unauthorized:
                request.actor = ANONYMOUS
                return
        if request.method not in SAFE_METHODS:
            given = request.header(b"x-csrf-token") or ""
            if request.is_foreign or not authenticator.is_csrf_token(cookie, given):
                request.denial = errors.CrossSite()
                return
        request.actor = actor
