"""Whom a credential stands for now: the rights behind a session or API key, read anew.

Not here: verifying tokens and keeping the answer (`authentication`).
"""

from uuid import UUID

from lyceum.platform import errors, ids
from lyceum.platform.access import Actor, permissions_of
from lyceum.platform.database import Reader
from lyceum.users.adapters import networks
from lyceum.users.adapters.access_tokens import Claims
from lyceum.users.permissions import ACT_AS
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import api_keys as key_queries
from lyceum.users.queries import browser_sessions as browser_queries
from lyceum.users.queries import roles as role_queries
from lyceum.users.queries import sessions as session_queries
from lyceum.users.records import BrowserStanding, KeyStanding

API_KEY_PREFIX = "lk_"


async def get_session_actor(tx: Reader, actor: Actor, claims: Claims) -> Actor:
    """Return who speaks in the session of a verified token; TokenInvalid when it has ended."""
    standing = await tx.one_or_none(session_queries.FIND_STANDING, claims.sid, claims.sub)
    if standing is None:
        raise errors.TokenInvalid
    if standing.impersonator_id is not None:
        await _require_impersonator(tx, standing.impersonator_id)
    roles = tuple(standing.roles)
    return Actor(
        user_id=standing.user_id,
        roles=roles,
        permissions=permissions_of(roles, standing.granted),
        session_id=standing.session_id,
        impersonator_id=standing.impersonator_id,
    )


async def get_browser_actor(tx: Reader, actor: Actor, cookie: str) -> tuple[Actor, BrowserStanding]:
    """Return who speaks in the session that a cookie opens; TokenInvalid when it has ended."""
    standing = await tx.one_or_none(
        browser_queries.FIND_STANDING_OF_COOKIE, ids.hash_secret(cookie)
    )
    if standing is None:
        raise errors.TokenInvalid
    roles = tuple(standing.roles)
    person = Actor(
        user_id=standing.user_id,
        roles=roles,
        permissions=permissions_of(roles, standing.granted),
        session_id=standing.session_id,
    )
    return person, standing


async def get_key_actor(
    tx: Reader, actor: Actor, secret: str, ip: str
) -> tuple[Actor, KeyStanding]:
    """Return the owner of an API key used from `ip`, as far as its scopes go; TokenInvalid."""
    standing = None
    if secret.isascii():
        standing = await tx.one_or_none(key_queries.FIND_KEY_STANDING, ids.hash_secret(secret))
    if standing is None:
        raise errors.TokenInvalid
    if standing.networks and not networks.is_within(ip, standing.networks):
        raise errors.TokenInvalid("The key may not be used from this address.")
    roles = tuple(standing.roles)
    owner = Actor(
        user_id=standing.user_id,
        roles=roles,
        permissions=permissions_of(roles, standing.granted),
        scopes=frozenset(standing.scopes),
    )
    return owner, standing


async def _require_impersonator(tx: Reader, user_id: UUID) -> None:
    """Raise TokenInvalid unless the person still may act as others."""
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT, user_id)
    if account is None or account.status != "active":
        raise errors.TokenInvalid
    granted = await role_queries.list_granted(tx, account.roles)
    held = permissions_of(tuple(account.roles), granted)
    if ACT_AS.name not in held:
        raise errors.TokenInvalid
