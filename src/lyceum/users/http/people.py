"""The HTTP door of people: `/users`."""

from uuid import UUID

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.record_reads import Record
from lyceum.platform.routing import API, PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users import permissions
from lyceum.users.errors import (
    EmailInvalid,
    EmailTaken,
    LastSuperAdmin,
    NotOnOneself,
    PasswordRefused,
    RankTooLow,
    StepUpRequired,
)
from lyceum.users.http import answers
from lyceum.users.schemas.accounts import NewUser, PersonView, RolesChange, UserQuery, UserView
from lyceum.users.service import administration, follows

routes = Routes("users")


@routes.get(
    "/users",
    access=permissions.READ_USERS,
    summary="List people",
    shows=Record("account", people="id"),
)
async def list_users(tx: Reader, actor: Actor, query: UserQuery) -> Answer[list[UserView]]:
    """Accounts, the newest first."""
    rows, total = await administration.list_accounts(tx, actor, query)
    return Answer(data=[answers.user_view(row) for row in rows], page=query.info(total))


@routes.post(
    "/users",
    access=permissions.CREATE_USERS,
    summary="Make an account for somebody",
    status=201,
    keeps_response=False,
    facts=(EmailTaken, EmailInvalid, PasswordRefused, RankTooLow),
)
async def create_user(tx: Writer, actor: Actor, data: NewUser) -> Answer[UserView]:
    """The address counts as proved; roles may not be above one's own."""
    made = await administration.create_account(tx, actor, data)
    return answers.account_answer(made, location=f"{API}/users/{made.id}")


@routes.get(
    "/users/{user_id}",
    access=PUBLIC,
    summary="One person",
    facts=(errors.NotFound,),
    shows=Record("account", people="user_id", only_with="email"),
)
async def get_user(tx: Reader, actor: Actor, user_id: UUID) -> Answer[PersonView]:
    """What a person shows to whoever asks; their owner and administrators see the account."""
    found = await administration.get_account(tx, actor, user_id)
    counts = await follows.count_follows(tx, actor, user_id)
    tag = f"v{found.version}-{counts.followers}-{counts.following}-{int(counts.is_followed)}"
    return Answer(data=answers.person_view(found, counts, actor), etag=f'"{tag}"')


@routes.patch(
    "/users/{user_id}/roles",
    access=permissions.CHANGE_ROLES,
    summary="Give and take roles",
    facts=(
        errors.NotFound,
        StepUpRequired,
        RankTooLow,
        LastSuperAdmin,
        errors.PreconditionFailed,
    ),
)
async def change_roles(
    tx: Writer, actor: Actor, user_id: UUID, data: RolesChange, if_match: int | None
) -> Answer[UserView]:
    """Takes effect on tokens already issued, within two seconds everywhere."""
    changed = await administration.change_roles(tx, actor, user_id, data.roles, if_match=if_match)
    return answers.account_answer(changed)


@routes.post(
    "/users/{user_id}/suspend",
    access=permissions.SUSPEND_USERS,
    summary="Suspend an account",
    facts=(errors.NotFound, RankTooLow, LastSuperAdmin, NotOnOneself),
)
async def suspend_user(tx: Writer, actor: Actor, user_id: UUID) -> Answer[UserView]:
    """Ends every session of the person and lets no new one begin."""
    return answers.account_answer(await administration.suspend(tx, actor, user_id))


@routes.post(
    "/users/{user_id}/reinstate",
    access=permissions.SUSPEND_USERS,
    summary="Reinstate an account",
    facts=(errors.NotFound, RankTooLow, NotOnOneself),
)
async def reinstate_user(tx: Writer, actor: Actor, user_id: UUID) -> Answer[UserView]:
    """Lets a suspended person sign in again."""
    return answers.account_answer(await administration.reinstate(tx, actor, user_id))
