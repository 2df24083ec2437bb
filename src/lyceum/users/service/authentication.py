"""From an access token, API key or cookie to an actor, on every request: verify it, read the rights
anew.

The token says who and in which session, a cookie is looked up; what they may do is read from the
database and kept until somebody says that it changed. While this process cannot hear that, it is
kept for two seconds at most. Not here: making tokens (`tokens`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lyceum.platform import clock, errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.cookies import cookie_name
from lyceum.platform.engines import Engines
from lyceum.platform.value_cache import ValueCache
from lyceum.users.adapters import access_tokens, csrf_tokens
from lyceum.users.adapters.signatures import SignedParts
from lyceum.users.permissions import custom_roles, role_tag
from lyceum.users.queries import api_keys as key_queries
from lyceum.users.queries import browser_sessions as browser_queries
from lyceum.users.service import standing
from lyceum.users.service.browser_sessions import COOKIE
from lyceum.users.service.signed_requests import authenticate_service
from lyceum.users.service.standing import API_KEY_PREFIX
from lyceum.users.service.tokens import SIGNING_KEYS_TAG, list_public_keys

RIGHTS_SECONDS = 30.0
DEAF_SECONDS = 2.0
MAX_ACTORS = 20_000
KEYS_SECONDS = 60.0


class Authenticator:
    """Turns tokens into actors; one for a process, for its event loop alone."""

    def __init__(self, engines: Engines) -> None:
        # A replica may not know yet that a session began, or that one ended.
        self._database = engines.database
        self._settings = engines.settings
        self._primary = engines.database.sole_writer()
        self._listener = engines.listener
        self.cookie_name = cookie_name(engines.settings, COOKIE)
        self._issuer = access_tokens.issuer_of(engines.settings)
        self._actors: ValueCache[Actor] = ValueCache(MAX_ACTORS, RIGHTS_SECONDS)
        self._lookups: dict[Hashable, asyncio.Task[Actor]] = {}
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._keys_until = 0.0
        self._loading: asyncio.Task[None] | None = None
        engines.database.on_invalidation(self.forget_tags)
        engines.listener.on_invalidation(
            self.forget_tags, away=self.forget_all, back=self.forget_all
        )

    def peek(self, token: str, ip: str = "") -> Actor | None:
        """Return the actor of a token that was verified a moment ago, or None; never waits."""
        return self._actors.get(_key_of(token, ip))

    async def authenticate(self, token: str, ip: str = "") -> Actor:
        """Return the actor of a token or an API key that comes from the address `ip`; TokenExpired
        or TokenInvalid when there is none.

        Those who bring the same token at the same time share one verification.
        """
        if token.startswith(API_KEY_PREFIX):
            return await self._share(_key_of(token, ip), lambda: self._look_up_key(token, ip))
        return await self._share(token, lambda: self._look_up(token))

    def peek_browser(self, cookie: str) -> Actor | None:
        """Return the actor of a cookie that was looked up a moment ago, or None; never waits."""
        return self._actors.get((COOKIE, cookie))

    async def authenticate_browser(self, cookie: str) -> Actor:
        """Return the actor of a browser's cookie; TokenInvalid when its session has ended."""
        return await self._share((COOKIE, cookie), lambda: self._look_up_browser(cookie))

    def is_csrf_token(self, cookie: str, given: str) -> bool:
        """Return whether `given` is the token against forgery of the cookie's session."""
        return csrf_tokens.is_csrf_token(self._settings.secret_key, cookie, given)

    async def authenticate_signed(
        self, credentials: str, *, method: str, path: str, query: str, body: bytes
    ) -> Actor:
        """Return the service that signed a request; TokenInvalid, whatever is wrong with it."""
        parts = SignedParts(method=method, path=path, query=query, body=body)
        tx = self._database.sole_writer()
        return await authenticate_service(tx, ANONYMOUS, self._settings, credentials, parts)

    def forget_user(self, user_id: UUID) -> None:
        """Look again at the rights of one person."""
        self.forget_tags((f"users:{user_id}",))

    def forget_tags(self, tags: Iterable[str]) -> None:
        """Look again at what a transaction of any process has invalidated."""
        for tag in tags:
            if tag == SIGNING_KEYS_TAG:
                self._keys_until = 0.0
            if tag.startswith("users:"):
                self._lookups.clear()
                self._actors.invalidate_where(tag)

    def forget_all(self) -> None:
        """Look again at everything, because what was said meanwhile was not heard."""
        self._lookups.clear()
        self._actors.clear()
        self._keys_until = 0.0

    async def _share(
        self, key: Hashable, look_up: Callable[[], Coroutine[Any, Any, Actor]]
    ) -> Actor:
        """Return what is known under `key`, or look it up once for all who ask now."""
        known = self._actors.get(key)
        if known is not None:
            return known
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = asyncio.create_task(look_up())
            lookup.add_done_callback(lambda done: self._land(key, done))
        # Whoever gives up waiting does not take the answer from the others.
        return await asyncio.shield(lookup)

    async def _look_up(self, token: str) -> Actor:
        stamp = self._actors.stamp
        now = clock.utc_now().timestamp()
        keys = await self._keys_for(token)
        claims = access_tokens.verify(token, keys, self._issuer, now)
        actor = await standing.get_session_actor(self._primary, ANONYMOUS, claims)
        self._keep(token, actor, claims.exp - now, stamp)
        return actor

    async def _look_up_key(self, token: str, ip: str) -> Actor:
        """Return the actor of an API key: its owner's present rights, as far as the scopes go."""
        stamp = self._actors.stamp
        actor, found = await standing.get_key_actor(self._primary, ANONYMOUS, token, ip)
        if found.is_stale:
            touching = self._database.sole_writer()
            await touching.execute(key_queries.TOUCH_KEY, found.key_id, ip[:45])
        left = found.seconds_left
        self._keep(_key_of(token, ip), actor, RIGHTS_SECONDS if left is None else left, stamp)
        return actor

    async def _look_up_browser(self, cookie: str) -> Actor:
        stamp = self._actors.stamp
        actor, found = await standing.get_browser_actor(self._primary, ANONYMOUS, cookie)
        if found.is_stale:
            touching = self._database.sole_writer()
            await touching.execute(browser_queries.TOUCH_SESSION, found.session_id)
        self._keep((COOKIE, cookie), actor, found.seconds_left, stamp)
        return actor

    def _keep(self, key: Hashable, actor: Actor, seconds_left: float, stamp: int) -> None:
        people = filter(None, (actor.user_id, actor.impersonator_id))
        tags = (*(f"users:{one}" for one in people), *map(role_tag, custom_roles(actor.roles)))
        longest = RIGHTS_SECONDS if self._listener.is_connected else DEAF_SECONDS
        self._actors.put(key, actor, tags=tags, stamp=stamp, ttl=min(seconds_left, longest))

    def _land(self, key: Hashable, lookup: "asyncio.Task[Actor]") -> None:
        if self._lookups.get(key) is lookup:
            del self._lookups[key]
        if not lookup.cancelled():
            lookup.exception()  # seen, even if everybody who waited has gone

    async def _keys_for(self, token: str) -> dict[str, Ed25519PublicKey]:
        """Return the keys, read again when they are old or `token` names one that is not there."""
        if len(token) > access_tokens.MAX_LENGTH or not token.isascii():
            raise errors.TokenInvalid
        is_old = self._keys_until <= clock.monotonic()
        if is_old or not access_tokens.has_known_header(token, self._keys):
            began_before = await self._share_loading()
            if began_before and not access_tokens.has_known_header(token, self._keys):
                await self._share_loading()
        return self._keys

    async def _share_loading(self) -> bool:
        """Read the keys, and return whether the reading had begun before this call.

        However many strange tokens come, one reading at a time serves them all.
        """
        began_before = self._loading is not None and not self._loading.done()
        if self._loading is None or not began_before:
            self._loading = asyncio.create_task(self._load_keys())
        await asyncio.shield(self._loading)
        return began_before

    async def _load_keys(self) -> None:
        jwks = await list_public_keys(self._primary, ANONYMOUS)
        self._keys = {
            access_tokens.header_of(jwk.kid): access_tokens.public_key(jwk) for jwk in jwks
        }
        self._keys_until = clock.monotonic() + KEYS_SECONDS


def _key_of(token: str, ip: str) -> Hashable:
    """Return what an actor is kept under: an API key is verified for each address anew."""
    return (token, ip) if token.startswith(API_KEY_PREFIX) else token
