"""What a token or API key stands for, for other services that were given it."""

from datetime import UTC, datetime
from typing import Literal

import msgspec

from lyceum.platform import clock, errors
from lyceum.platform.access import ANONYMOUS, Actor, all_permissions
from lyceum.platform.database import Reader
from lyceum.platform.settings import Settings
from lyceum.users.adapters import access_tokens
from lyceum.users.service import standing, tokens


class Meaning(msgspec.Struct, frozen=True):
    """Whose token it is; `permissions` are those that it carries now."""

    kind: Literal["access_token", "api_key"]
    holder: Actor
    permissions: tuple[str, ...]
    expires_at: datetime | None


async def introspect(
    tx: Reader, actor: Actor, settings: Settings, token: str, *, ip: str
) -> Meaning | None:
    """Return what a token stands for at this moment, or None when it opens nothing.

    `ip` is where it came from: an API key may be for some networks alone.
    """
    if actor.service is None:
        raise errors.Unauthorized
    expires_at = None
    try:
        if token.startswith(standing.API_KEY_PREFIX):
            holder, _ = await standing.get_key_actor(tx, ANONYMOUS, token, ip)
        else:
            claims = await _claims_in(tx, settings, token)
            holder = await standing.get_session_actor(tx, ANONYMOUS, claims)
            expires_at = datetime.fromtimestamp(claims.exp, UTC)
    except errors.Unauthorized:
        return None
    names = tuple(declared.name for declared in all_permissions() if holder.may(declared))
    kind: Literal["access_token", "api_key"] = "access_token" if expires_at else "api_key"
    return Meaning(kind, holder, names, expires_at)


async def _claims_in(tx: Reader, settings: Settings, token: str) -> access_tokens.Claims:
    if not token.isascii():
        raise errors.TokenInvalid
    public = await tokens.list_public_keys(tx, ANONYMOUS)
    keys = {access_tokens.header_of(jwk.kid): access_tokens.public_key(jwk) for jwk in public}
    now = clock.utc_now().timestamp()
    return access_tokens.verify(token, keys, access_tokens.issuer_of(settings), now)
