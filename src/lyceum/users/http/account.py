"""The HTTP door of one's own account: `/me`."""

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import IN_PERSON, SIGNED_IN, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import LastSuperAdmin, PasswordRefused, StepUpRequired
from lyceum.users.http import answers
from lyceum.users.schemas.accounts import ProfilePatch, UserView
from lyceum.users.schemas.sign_in import PasswordChange
from lyceum.users.service import account, deactivation

routes = Routes("users")


@routes.get("/me", access=SIGNED_IN, summary="My account", shows=Record("account", is_own=True))
async def get_me(tx: Reader, actor: Actor) -> Answer[UserView]:
    """The account of whoever asks."""
    return answers.account_answer(await account.get_own_account(tx, actor))


@routes.patch(
    "/me",
    access=SIGNED_IN,
    summary="Change my profile",
    facts=(errors.PreconditionFailed,),
)
async def update_me(
    tx: Writer, actor: Actor, data: ProfilePatch, if_match: int | None
) -> Answer[UserView]:
    """Changes what is sent and leaves the rest."""
    return answers.account_answer(await account.update_profile(tx, actor, data, if_match=if_match))


@routes.post(
    "/me/password",
    access=IN_PERSON,
    summary="Change my password",
    keeps_response=False,
    facts=(
        errors.InvalidCredentials,
        errors.AccountLocked,
        StepUpRequired,
        PasswordRefused,
        errors.Conflict,
        errors.ServiceUnavailable,
    ),
)
async def change_password(
    engines: Engines, actor: Actor, request: RequestInfo, data: PasswordChange
) -> None:
    """Takes the present password as proof, and ends every other session."""
    async with engines.database.transaction() as tx:
        denial = await account.change_password(
            tx,
            actor,
            current=data.current_password,
            new=data.new_password,
            device=answers.device_of(request),
        )
    answers.accepted(denial)


@routes.post(
    "/me/deactivate",
    access=IN_PERSON,
    summary="Lay my account to rest",
    status=204,
    keeps_response=False,
    facts=(StepUpRequired, LastSuperAdmin),
)
async def deactivate_me(tx: Writer, actor: Actor) -> None:
    """Takes a step-up. Hides the account and ends every session; signing in brings it back."""
    await deactivation.deactivate(tx, actor)
