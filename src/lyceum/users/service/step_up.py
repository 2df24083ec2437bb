"""Step-up: what is dangerous takes a person who has proved who they are a moment ago.

Signing in is such a proof; whoever is signed in for longer gives one more, by a way that their
account has. Not here: signing in (`sign_in`), what takes it (each use case that calls
`require_fresh`).
"""

from datetime import datetime, timedelta

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.errors import StepUpRequired
from lyceum.users.events import SteppedUp
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.queries import freshness as freshness_queries
from lyceum.users.records import Device, Freshness
from lyceum.users.service.attempts import prove_password

FRESH_SECONDS = 600


async def require_fresh(tx: Reader, actor: Actor) -> None:
    """Raise StepUpRequired unless the actor has proved who they are in the last 10 minutes.

    The system passes. Whoever acts without a session of their own (an API key, say) never does:
    there is nobody to ask.
    """
    if actor.system is not None:
        return
    user_id = actor.require_user()
    found = await tx.one_or_none(
        freshness_queries.FIND_FRESHNESS, actor.session_id, user_id, float(FRESH_SECONDS)
    )
    if found is None:
        raise StepUpRequired("This takes a person who is signed in, not a key.", ways=())
    if not found.is_fresh:
        raise StepUpRequired(
            "Prove once more that it is you: POST /api/v1/auth/step-up.", ways=_ways_of(found)
        )


async def step_up_with_password(
    tx: Writer, actor: Actor, *, password: str, device: Device
) -> datetime | errors.Fact:
    """Take the password as proof; return until when it counts, or why not (`prove_password`)."""
    user_id = actor.require_user()
    primary = tx.database.sole_writer()
    credentials = await primary.one_or_none(credential_queries.FIND_CREDENTIALS, user_id)
    if credentials is None or actor.session_id is None:
        raise errors.NotFound
    denial = await prove_password(
        tx,
        actor,
        address=credentials.email,
        credentials=credentials,
        password=password,
        device=device,
    )
    return denial or await record_proof(tx, actor, ("password",))


async def record_proof(tx: Writer, actor: Actor, methods: tuple[str, ...]) -> datetime:
    """Note that the actor has proved who they are just now; return until when that counts."""
    user_id = actor.require_user()
    proved_at = await tx.one_or_none(
        freshness_queries.RECORD_AUTHENTICATION, actor.session_id, user_id, list(methods)
    )
    if proved_at is None or actor.session_id is None:
        raise errors.TokenInvalid
    stepped_up = SteppedUp(user_id=user_id, session_id=actor.session_id, methods=methods)
    await events.emit(tx, actor, stepped_up)
    return proved_at + timedelta(seconds=FRESH_SECONDS)


def _ways_of(found: Freshness) -> tuple[str, ...]:
    """Return how the person of a session can prove who they are; `sign_in` where nothing else
    is left than to sign in anew."""
    return ("password",) if found.has_password else ("sign_in",)
