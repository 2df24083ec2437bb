"""The HTTP door of people: `/auth`, `/me`, `/users`, `/permissions`, and the public keys."""

from typing import Any, TypeVar
from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, ROLES, Actor, all_permissions
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo, content_etag
from lyceum.platform.routing import API, PUBLIC, SIGNED_IN, Routes
from lyceum.platform.wire import Answer, Content
from lyceum.users import permissions, schemas
from lyceum.users.errors import (
    AccountSuspended,
    EmailInvalid,
    EmailNotVerified,
    EmailTaken,
    LastSuperAdmin,
    LinkInvalid,
    NotOnOneself,
    PasswordRefused,
    RankTooLow,
)
from lyceum.users.records import Account, Device
from lyceum.users.service import (
    account,
    administration,
    registration,
    sessions,
    sign_in,
    tokens,
)

T = TypeVar("T")

routes = Routes("users")
well_known = Routes("users", prefix="")


@routes.post(
    "/auth/register",
    access=PUBLIC,
    summary="Make an account for oneself",
    status=201,
    bucket="registration",
    keeps_response=False,
    facts=(EmailTaken, EmailInvalid, PasswordRefused),
    returns=schemas.UserView,
)
async def register(tx: Writer, engines: Engines, data: schemas.NewRegistration) -> Answer[Any]:
    """Where addresses are proved first (a setting), the answer is 202 for everybody, and a mail
    tells the rest."""
    if engines.settings.registration_mode == "verified":
        await registration.request_registration(tx, ANONYMOUS, data)
        return Answer(data=schemas.RegistrationPending(), status=202)
    made = await registration.register(tx, ANONYMOUS, data)
    return _account_answer(made, location=f"{API}/users/{made.id}")


@routes.post(
    "/auth/verify-email",
    access=PUBLIC,
    summary="Prove an email address",
    keeps_response=False,
    facts=(LinkInvalid,),
)
async def verify_email(tx: Writer, data: schemas.EmailProof) -> Answer[schemas.UserView]:
    """Takes the token of the link that was mailed, once."""
    return _account_answer(await registration.verify_email(tx, ANONYMOUS, data.token))


@routes.post(
    "/auth/login",
    access=PUBLIC,
    summary="Sign in",
    bucket="login",
    keeps_response=False,
    facts=(
        errors.InvalidCredentials,
        errors.AccountLocked,
        AccountSuspended,
        EmailNotVerified,
        errors.ServiceUnavailable,
    ),
)
async def login(
    engines: Engines, request: RequestInfo, data: schemas.SignIn
) -> schemas.SignedInView:
    """Five wrong passwords in 15 minutes lock an address for a while; known and unknown addresses
    get the same answers."""
    async with engines.database.transaction() as tx:
        outcome = await sign_in.sign_in(
            tx,
            ANONYMOUS,
            engines.settings,
            email=data.email,
            password=data.password,
            device=_device(request),
        )
    return _signed_in(_accepted(outcome))


@routes.post(
    "/auth/refresh-token",
    access=PUBLIC,
    summary="Exchange a refresh token",
    keeps_response=False,
    facts=(errors.TokenInvalid, errors.TokenExpired),
)
async def refresh_token(engines: Engines, data: schemas.Refresh) -> schemas.SignedInView:
    """Every token is good for one exchange; sent again within 10 seconds, while its successor is
    unused, it gives the same successor. Any later use ends the session."""
    async with engines.database.transaction() as tx:
        outcome = await sessions.refresh_session(
            tx, ANONYMOUS, engines.settings, token=data.refresh_token
        )
    return _signed_in(_accepted(outcome))


@routes.post("/auth/logout", access=SIGNED_IN, summary="Sign out", status=204, keeps_response=False)
async def logout(tx: Writer, actor: Actor) -> None:
    """Ends the session of the access token, and with it every token of the session."""
    await sessions.sign_out(tx, actor)


@routes.get("/me", access=SIGNED_IN, summary="My account")
async def get_me(tx: Reader, actor: Actor) -> Answer[schemas.UserView]:
    """The account of whoever asks."""
    return _account_answer(await account.get_own_account(tx, actor))


@routes.patch(
    "/me",
    access=SIGNED_IN,
    summary="Change my profile",
    facts=(errors.PreconditionFailed,),
)
async def update_me(
    tx: Writer, actor: Actor, data: schemas.ProfilePatch, if_match: int | None
) -> Answer[schemas.UserView]:
    """Changes what is sent and leaves the rest."""
    return _account_answer(await account.update_profile(tx, actor, data, if_match=if_match))


@routes.post(
    "/me/password",
    access=SIGNED_IN,
    summary="Change my password",
    keeps_response=False,
    facts=(
        errors.InvalidCredentials,
        errors.AccountLocked,
        PasswordRefused,
        errors.Conflict,
        errors.ServiceUnavailable,
    ),
)
async def change_password(
    engines: Engines, actor: Actor, request: RequestInfo, data: schemas.PasswordChange
) -> None:
    """Takes the present password as proof, and ends every other session."""
    async with engines.database.transaction() as tx:
        denial = await account.change_password(
            tx,
            actor,
            current=data.current_password,
            new=data.new_password,
            device=_device(request),
        )
    _accepted(denial)


@routes.get("/me/permissions", access=SIGNED_IN, summary="What I may do")
async def list_my_permissions(tx: Reader, actor: Actor) -> schemas.OwnPermissions:
    """Permissions by role; what an object allows is asked of the object."""
    names = await account.list_own_permissions(tx, actor)
    return schemas.OwnPermissions(roles=list(actor.roles), permissions=names)


@routes.get("/me/sessions", access=SIGNED_IN, summary="Where I am signed in")
async def list_my_sessions(tx: Reader, actor: Actor) -> list[schemas.SessionView]:
    """Live sessions, the one used last first."""
    return [
        schemas.SessionView(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            ip=session.ip,
            user_agent=session.user_agent,
            is_current=session.id == actor.session_id,
        )
        for session in await sessions.list_sessions(tx, actor)
    ]


@routes.delete(
    "/me/sessions/{session_id}",
    access=SIGNED_IN,
    summary="Sign out somewhere else",
    facts=(errors.NotFound,),
)
async def revoke_my_session(tx: Writer, actor: Actor, session_id: UUID) -> None:
    """Ends one of one's own sessions, with every token of it."""
    await sessions.revoke_session(tx, actor, session_id)


@routes.get("/users", access=permissions.READ_USERS, summary="List people")
async def list_users(
    tx: Reader, actor: Actor, query: schemas.UserQuery
) -> Answer[list[schemas.UserView]]:
    """Accounts, the newest first."""
    rows, total = await administration.list_accounts(tx, actor, query)
    return Answer(data=[_user_view(row) for row in rows], page=query.info(total))


@routes.post(
    "/users",
    access=permissions.CREATE_USERS,
    summary="Make an account for somebody",
    status=201,
    keeps_response=False,
    facts=(EmailTaken, EmailInvalid, PasswordRefused, RankTooLow),
)
async def create_user(tx: Writer, actor: Actor, data: schemas.NewUser) -> Answer[schemas.UserView]:
    """The address counts as proved; roles may not be above one's own."""
    made = await administration.create_account(tx, actor, data)
    return _account_answer(made, location=f"{API}/users/{made.id}")


@routes.get("/users/{user_id}", access=PUBLIC, summary="One person", facts=(errors.NotFound,))
async def get_user(tx: Reader, actor: Actor, user_id: UUID) -> Answer[schemas.PersonView]:
    """What a person shows to whoever asks; their owner and administrators see the account."""
    found = await administration.get_account(tx, actor, user_id)
    return Answer(data=_person_view(found, actor), version=found.version)


@routes.patch(
    "/users/{user_id}/roles",
    access=permissions.CHANGE_ROLES,
    summary="Give and take roles",
    facts=(errors.NotFound, RankTooLow, LastSuperAdmin, errors.PreconditionFailed),
)
async def change_roles(
    tx: Writer, actor: Actor, user_id: UUID, data: schemas.RolesChange, if_match: int | None
) -> Answer[schemas.UserView]:
    """Takes effect on tokens already issued, within two seconds everywhere."""
    changed = await administration.change_roles(tx, actor, user_id, data.roles, if_match=if_match)
    return _account_answer(changed)


@routes.post(
    "/users/{user_id}/suspend",
    access=permissions.SUSPEND_USERS,
    summary="Suspend an account",
    facts=(errors.NotFound, RankTooLow, LastSuperAdmin, NotOnOneself),
)
async def suspend_user(tx: Writer, actor: Actor, user_id: UUID) -> Answer[schemas.UserView]:
    """Ends every session of the person and lets no new one begin."""
    return _account_answer(await administration.suspend(tx, actor, user_id))


@routes.post(
    "/users/{user_id}/reinstate",
    access=permissions.SUSPEND_USERS,
    summary="Reinstate an account",
    facts=(errors.NotFound, RankTooLow, NotOnOneself),
)
async def reinstate_user(tx: Writer, actor: Actor, user_id: UUID) -> Answer[schemas.UserView]:
    """Lets a suspended person sign in again."""
    return _account_answer(await administration.reinstate(tx, actor, user_id))


@routes.get("/permissions", access=SIGNED_IN, summary="Every permission there is")
async def list_permissions() -> list[schemas.PermissionView]:
    """Permissions by name, with the roles that have them by default."""
    return [
        schemas.PermissionView(
            name=declared.name,
            description=declared.description,
            roles=list(ROLES[ROLES.index(declared.role) :]),
        )
        for declared in all_permissions()
    ]


@routes.post(
    "/permissions/check", access=SIGNED_IN, summary="Ask what I may do", keeps_response=False
)
async def check_permissions(
    tx: Reader, actor: Actor, data: schemas.PermissionQuestions
) -> list[schemas.PermissionAnswer]:
    """Answers in the order of the questions, each with the reason."""
    return await account.check_permissions(tx, actor, data)


@well_known.get(
    "/.well-known/jwks.json",
    access=PUBLIC,
    summary="The keys that verify access tokens",
    media_type="application/jwk-set+json",
    returns=schemas.JwkSet,
)
async def get_jwks(tx: Writer, engines: Engines) -> Content:
    """A JSON Web Key Set (RFC 7517)."""
    await tokens.get_signing_key(tx, ANONYMOUS, engines.settings)
    keys = await tokens.list_public_keys(tx, ANONYMOUS)
    body = msgspec.json.encode({"keys": keys})
    return Content(body, "application/jwk-set+json", is_public=True, etag=content_etag(body))


def _device(request: RequestInfo) -> Device:
    return Device.of(request.ip, request.header(b"user-agent"))


def _accepted(outcome: T | errors.Fact) -> T:
    """Return what a use case gives, or raise the refusal that it returned to have it committed."""
    if isinstance(outcome, errors.Fact):
        raise outcome
    return outcome


def _account_answer(found: Account, location: str | None = None) -> Answer[schemas.UserView]:
    return Answer(data=_user_view(found), version=found.version, location=location)


def _signed_in(opened: tokens.SignedIn) -> schemas.SignedInView:
    return schemas.SignedInView(
        user=_user_view(opened.account),
        access_token=opened.access_token,
        refresh_token=opened.refresh_token,
        expires_in=opened.expires_in,
    )


def _user_view(found: Account) -> schemas.UserView:
    return schemas.UserView(
        id=found.id,
        email=found.email,
        first_name=found.first_name,
        last_name=found.last_name,
        display_name=found.display_name,
        avatar_url=found.avatar_url,
        bio=found.bio,
        locale=found.locale,
        time_zone=found.time_zone,
        visibility=found.visibility,
        roles=found.roles,
        status=found.status,
        email_verified=found.email_verified_at is not None,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _person_view(found: Account, actor: Actor) -> schemas.PersonView:
    if permissions.may_see_account(actor, found):
        whole = _user_view(found)
        names = whole.__struct_fields__
        return schemas.PersonView(**{name: getattr(whole, name) for name in names})
    return schemas.PersonView(
        id=found.id, display_name=found.display_name, avatar_url=found.avatar_url, bio=found.bio
    )
