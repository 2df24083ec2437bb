"""Access tokens and the keys that sign them.

There is one key for each secret of the installation, made when first needed and shared by every
process of the database. Its private half is sealed with a key derived from that secret; after a
change of secret a new key is made, while tokens of the old one stay good until they expire. Not
here: the format (`adapters.access_tokens`), what a token allows (`authentication`).
"""

from uuid import UUID

import msgspec

from lyceum.platform import clock, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters import access_tokens, sealing
from lyceum.users.events import SigningKeyRotated
from lyceum.users.queries import signing_keys as key_queries
from lyceum.users.records import Account

SIGNING_KEYS_TAG = "users:signing-keys"
_PURPOSE = "signing keys"
# A request that began to sign with the old key may end a little after it was replaced.
_OVERLAP_SECONDS = 60


class SignedIn(msgspec.Struct, frozen=True):
    """An open session and its tokens; `expires_in` is the life of the access token in seconds,
    `device_token` what the device is known by from now on."""

    account: Account
    session_id: UUID
    access_token: str
    refresh_token: str
    expires_in: int
    device_token: str = ""

    def __repr__(self) -> str:
        return f"SignedIn({self.account.id})"


async def issue_tokens(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    account: Account,
    *,
    session_id: UUID,
    refresh_token: str,
    acting: access_tokens.ActingParty | None = None,
) -> SignedIn:
    """Return the tokens of a session, with a fresh access token, which names who is `acting`."""
    key = await get_signing_key(tx, actor, settings)
    now = int(clock.utc_now().timestamp())
    claims = access_tokens.Claims(
        iss=access_tokens.issuer_of(settings),
        aud=access_tokens.AUDIENCE,
        sub=account.id,
        sid=session_id,
        email=account.email,
        roles=tuple(account.roles),
        pv=account.permissions_version,
        iat=now,
        exp=now + settings.access_token_seconds,
        act=acting,
    )
    return SignedIn(
        account, session_id, key.sign(claims), refresh_token, settings.access_token_seconds
    )


async def get_signing_key(tx: Writer, actor: Actor, settings: Settings) -> access_tokens.SigningKey:
    """Return the key that signs now; the first caller makes it, and others wait for that."""
    sealed_by = sealing.fingerprint(settings.secret_key, _PURPOSE)
    stored = await tx.one_or_none(key_queries.FIND_SIGNING_KEY, sealed_by)
    if stored is None:
        await tx.execute(key_queries.LOCK_SIGNING_KEYS)
        stored = await tx.one_or_none(key_queries.FIND_SIGNING_KEY, sealed_by)
    if stored is not None:
        private = sealing.unseal(settings.secret_key, _PURPOSE, stored.private_key)
        return access_tokens.SigningKey(private)
    return await _make_signing_key(tx, settings)


async def rotate_signing_key(
    tx: Writer, actor: Actor, settings: Settings
) -> access_tokens.SigningKey:
    """Make a new key that signs from now on, and return it.

    The old ones verify until the last token that they signed has ended; until then the key set has
    both. Processes that hold the old set read it again at the first token of the new key.
    """
    await tx.execute(key_queries.LOCK_SIGNING_KEYS)
    key = await _make_signing_key(tx, settings)
    lasting = float(settings.access_token_seconds + _OVERLAP_SECONDS)
    retired = await tx.all(key_queries.RETIRE_SIGNING_KEYS, key.jwk.kid, lasting)
    await events.emit(tx, actor, SigningKeyRotated(kid=key.jwk.kid, retired=tuple(retired)))
    return key


async def list_public_keys(tx: Reader, actor: Actor) -> list[access_tokens.PublicJwk]:
    """Return every key that may have signed a token that is still good."""
    rows = await tx.all(key_queries.LIST_PUBLIC_KEYS)
    return [msgspec.json.decode(row.public_jwk, type=access_tokens.PublicJwk) for row in rows]


async def _make_signing_key(tx: Writer, settings: Settings) -> access_tokens.SigningKey:
    key = access_tokens.SigningKey.generate()
    await tx.execute(
        key_queries.INSERT_SIGNING_KEY,
        key.jwk.kid,
        sealing.seal(settings.secret_key, _PURPOSE, key.private_bytes),
        sealing.fingerprint(settings.secret_key, _PURPOSE),
        msgspec.json.encode(key.jwk),
    )
    tx.invalidate(SIGNING_KEYS_TAG)
    return key
