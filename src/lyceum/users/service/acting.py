"""Seeing the academy as somebody else does: for administrators who help, and only to look.

The session belongs to the person, who finds it in their list and can end it; it is short, has no
refresh token, and every door refuses to change anything in it. Not here: that refusal
(`platform.admission`).
"""

from uuid import UUID

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters.access_tokens import ActingParty
from lyceum.users.errors import NotOnOneself
from lyceum.users.events import ActingStarted, SessionRevoked
from lyceum.users.permissions import ACT_AS
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import sessions as session_queries
from lyceum.users.records import Device
from lyceum.users.service.administration import get_account
from lyceum.users.service.roles import require_reach
from lyceum.users.service.sessions import insert_session
from lyceum.users.service.step_up import require_fresh
from lyceum.users.service.tokens import SignedIn, issue_tokens

_DEVICE = Device("", "An administrator of the academy")


async def act_as(
    tx: Writer, actor: Actor, settings: Settings, user_id: UUID, *, reason: str
) -> SignedIn:
    """Open a session in which the actor looks at what a person sees, as long as one access token
    is good. Raises NotFound, StepUpRequired, RankTooLow, NotOnOneself, Conflict."""
    await get_account(tx, actor, user_id)
    actor.require(ACT_AS)
    if user_id == actor.user_id:
        raise NotOnOneself
    await require_fresh(tx, actor)
    own = await tx.one(account_queries.FIND_ACCOUNT, actor.require_user())
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    await require_reach(tx, actor, account.roles)
    if account.status != "active":
        raise errors.Conflict("Only an active account can be seen through.")
    lasting = float(settings.access_token_seconds)
    session_id = await insert_session(
        tx, actor, account, _DEVICE, methods=("acting",), seconds=(lasting, lasting)
    )
    await tx.execute(session_queries.INSERT_ACTING_SESSION, session_id, own.id, reason)
    started = ActingStarted(
        user_id=user_id, impersonator_id=own.id, session_id=session_id, reason=reason
    )
    await events.emit(tx, actor, started)
    return await issue_tokens(
        tx,
        actor,
        settings,
        account,
        session_id=session_id,
        refresh_token="",
        acting=ActingParty(sub=own.id, email=own.email),
    )


async def stop_acting(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """End every session in which the actor looks through a person; done twice, there is none."""
    await get_account(tx, actor, user_id)
    actor.require(ACT_AS)
    ended = await tx.all(session_queries.REVOKE_ACTING_SESSIONS, user_id, actor.require_user())
    for session_id in ended:
        revoked = SessionRevoked(user_id=user_id, session_id=session_id, reason="acting_ended")
        await events.emit(tx, actor, revoked)
    tx.invalidate(f"users:{user_id}")
