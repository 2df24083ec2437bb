"""What people agree to and refuse. What is done with it is the business of whoever asks for it."""

from typing import Final

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.events import ConsentChanged
from lyceum.users.queries import privacy as queries
from lyceum.users.records import Consent
from lyceum.users.schemas.privacy import ConsentGiven

PURPOSES: Final = (
    "terms", "privacy", "marketing-mail", "analytics", "personalisation", "recording"
)  # fmt: skip


async def list_consents(tx: Reader, actor: Actor) -> list[Consent]:
    """Return what the actor last said to each purpose."""
    return await tx.all(queries.LIST_CONSENTS, actor.require_user())


async def record_consent(
    tx: Writer, actor: Actor, purpose: str, given: ConsentGiven, *, ip: str
) -> Consent:
    """Keep what the actor says to a purpose, beside what they said before; NotFound."""
    user_id = actor.require_user()
    if purpose not in PURPOSES:
        raise errors.NotFound(f"One agrees to {', '.join(PURPOSES)}.")
    consent = await tx.one(
        queries.INSERT_CONSENT,
        ids.new_id(),
        user_id,
        purpose,
        given.is_given,
        given.document_version,
        ip[:45],
    )
    changed = ConsentChanged(
        user_id=user_id,
        purpose=purpose,
        is_given=consent.is_given,
        document_version=consent.document_version,
    )
    await events.emit(tx, actor, changed)
    return consent
