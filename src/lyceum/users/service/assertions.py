"""What a passkey has signed, held against the passkey that is stored.

One whose counter goes back may have been copied: it is flagged, and opens nothing any more. Not
here: challenges (`challenges`), adding passkeys (`passkeys`).
"""

from typing import TYPE_CHECKING

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.loading import later
from lyceum.platform.settings import Settings
from lyceum.users.errors import CodeInvalid
from lyceum.users.events import PasskeyFlagged
from lyceum.users.queries import passkeys as passkey_queries
from lyceum.users.records import Passkey
from lyceum.users.schemas.passkeys import UsedCredential

if TYPE_CHECKING:
    from lyceum.users.adapters import passkeys as webauthn
else:
    webauthn = later("lyceum.users.adapters.passkeys")


async def find_passkey(tx: Reader, actor: Actor, credential: UsedCredential) -> Passkey | None:
    """Return the passkey that a browser says it has used, or None."""
    credential_id = webauthn.find_bytes(credential.raw_id)
    if credential_id is None:
        return None
    return await tx.one_or_none(passkey_queries.FIND_PASSKEY, credential_id)


async def use_passkey(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    passkey: Passkey,
    credential: UsedCredential,
    *,
    challenge: bytes,
    needs_verification: bool,
) -> errors.Fact | None:
    """Take a passkey's signature of `challenge`, or return why not; the row of its owner, as whom
    it was found, is locked. What it flags is to be committed."""
    # Read again under the lock: another use may have raised the counter.
    fresh = await find_passkey(tx, actor, credential)
    if fresh is None or fresh.is_flagged or fresh.user_id != passkey.user_id:
        return CodeInvalid()
    handle = credential.response.user_handle
    if isinstance(handle, str) and webauthn.find_bytes(handle) != fresh.user_id.bytes:
        return CodeInvalid()
    try:
        count = webauthn.verify_use(
            webauthn.RelyingParty.of(settings),
            credential,
            challenge,
            fresh,
            needs_verification=needs_verification,
        )
    except webauthn.PasskeyRefused:
        return CodeInvalid()
    if fresh.sign_count and count <= fresh.sign_count:
        await tx.execute(passkey_queries.FLAG_PASSKEY, fresh.factor_id)
        flagged = PasskeyFlagged(user_id=fresh.user_id, factor_id=fresh.factor_id)
        await events.emit(tx, actor, flagged)
        return CodeInvalid()
    await tx.execute(passkey_queries.USE_PASSKEY, fresh.factor_id, count)
    return None
