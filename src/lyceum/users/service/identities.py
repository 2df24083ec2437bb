"""A person's identities elsewhere: what there is, linking one, unlinking one.

Each change takes a step-up, and the last way into an account stays. Not here: signing in with one
(`oidc_sign_in`).
"""

from uuid import UUID

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.settings import Settings
from lyceum.users.errors import LastWayIn
from lyceum.users.events import IdentityUnlinked
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import identities as identity_queries
from lyceum.users.records import LinkedIdentity
from lyceum.users.schemas.identities import LinkConfirmation, LinkStart
from lyceum.users.service.oidc_flows import begin_flow, claim_code
from lyceum.users.service.oidc_sign_in import insert_identity
from lyceum.users.service.step_up import require_fresh


async def list_identities(tx: Reader, actor: Actor) -> list[LinkedIdentity]:
    """Return what opens the actor's account from elsewhere, the oldest first."""
    return await tx.all(identity_queries.LIST_IDENTITIES, actor.require_user())


async def begin_link(
    tx: Writer, actor: Actor, settings: Settings, given: LinkStart, *, browser: str
) -> str:
    """Return where to send the browser to link the actor's account. StepUpRequired, and what
    `begin_flow` raises."""
    user_id = actor.require_user()
    await require_fresh(tx.database.sole_writer(), actor)
    return await begin_flow(
        tx,
        actor,
        settings,
        provider=given.provider,
        next_path=given.next,
        code_challenge=given.code_challenge,
        browser=browser,
        link_with=user_id,
    )


async def link_identity(
    tx: Writer, actor: Actor, settings: Settings, given: LinkConfirmation, *, browser: str
) -> LinkedIdentity:
    """Let an identity open the actor's account, by the code of a link that the actor began, or of
    a sign-in that met their address. Raises StepUpRequired, NotFound, IdentityInUse."""
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    claimed = await claim_code(
        tx,
        actor,
        settings,
        code=given.code,
        code_verifier=given.code_verifier,
        browser=browser,
    )
    if claimed is None or claimed[0].user_id != user_id:
        raise errors.NotFound("There is nothing to link with this code.")
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    await tx.execute(identity_queries.DELETE_FLOW, ids.hash_secret(given.code))
    return await insert_identity(tx, actor, account, claimed[1])


async def unlink_identity(tx: Writer, actor: Actor, identity_id: UUID) -> None:
    """Let an identity open the actor's account no more; NotFound, StepUpRequired, LastWayIn."""
    user_id = actor.require_user()
    await _get_identity(tx, actor, identity_id)
    await require_fresh(tx, actor)
    await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    # Read again under the lock: somebody else may have unlinked it, or another.
    identity = await _get_identity(tx, actor, identity_id)
    ways = await tx.one(identity_queries.FIND_WAYS_IN, user_id)
    if not ways.has_password and ways.identities + ways.passkeys <= 1:
        raise LastWayIn
    await tx.execute(identity_queries.DELETE_IDENTITY, identity_id)
    told = IdentityUnlinked(user_id=user_id, identity_id=identity_id, provider=identity.provider)
    await events.emit(tx, actor, told)


async def _get_identity(tx: Reader, actor: Actor, identity_id: UUID) -> LinkedIdentity:
    found = await tx.one_or_none(identity_queries.FIND_IDENTITY, identity_id, actor.require_user())
    if found is None:
        raise errors.NotFound
    return found
