"""Sessions of browsers: opened by a secret in a cookie, kept here, over after seven days.

Every sign-in makes a new secret and ends the session that the browser had. Not here: the cookie
itself (`http.cookies`), who may come in (`sign_in`), sessions with tokens (`sessions`).
"""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters.csrf_tokens import csrf_token
from lyceum.users.events import RevocationReason
from lyceum.users.queries import browser_sessions as browser_queries
from lyceum.users.records import Account, Device, Session
from lyceum.users.service.sessions import insert_session, tell_of_end

COOKIE = "lyceum_session"
SECONDS = 7 * 86_400


class BrowserSignedIn(msgspec.Struct, frozen=True):
    """An open session of a browser; `cookie` is its secret."""

    account: Account
    session_id: UUID
    cookie: str
    csrf_token: str
    expires_at: datetime
    device_token: str = ""

    def __repr__(self) -> str:
        return f"BrowserSignedIn({self.account.id})"


async def open_browser_session(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    account: Account,
    device: Device,
    *,
    methods: tuple[str, ...] = ("password",),
) -> BrowserSignedIn:
    """Open a session of `account`, whose row is locked, in place of the one that the browser had.

    `methods` is how the person has proved who they are.
    """
    reason: RevocationReason = "signed_in_again"
    replaced = await tx.all(
        browser_queries.REVOKE_BY_COOKIE, ids.hash_secret(device.cookie), account.id, reason
    )
    await tell_of_end(tx, actor, account.id, replaced, reason)
    lasting = float(SECONDS)
    session_id = await insert_session(
        tx, actor, account, device, methods=methods, seconds=(lasting, lasting)
    )
    secret = ids.new_secret()
    await tx.execute(browser_queries.INSERT_COOKIE, ids.hash_secret(secret), session_id)
    return BrowserSignedIn(
        account,
        session_id,
        secret,
        csrf_token(settings.secret_key, secret),
        clock.utc_now() + timedelta(seconds=SECONDS),
    )


async def get_session(tx: Reader, actor: Actor) -> Session:
    """Return the session that the actor speaks in; NotFound for whoever has none."""
    found = await tx.one_or_none(
        browser_queries.FIND_SESSION, actor.session_id, actor.require_user()
    )
    if found is None:
        raise errors.NotFound
    return found


async def end_browser_sessions(
    tx: Writer, actor: Actor, user_id: UUID, *, reason: RevocationReason
) -> None:
    """End the sessions that cookies open of a person whose row is locked; tokens stay."""
    ended = await tx.all(browser_queries.REVOKE_BROWSER_SESSIONS, user_id, reason)
    await tell_of_end(tx, actor, user_id, ended, reason)
