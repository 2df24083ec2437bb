"""The HTTP door for passkeys: `/auth/passkeys`, and asking for one as second factor or step-up."""

from typing import Any

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import IN_PERSON, PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import (
    AccountSuspended,
    CodeInvalid,
    EmailNotVerified,
    NoSecondFactor,
    PasskeyInUse,
    StepUpRequired,
    TooManyFactors,
)
from lyceum.users.http import answers, mfa
from lyceum.users.schemas.mfa import FactorAddedView
from lyceum.users.schemas.passkeys import (
    NewPasskey,
    PasskeyChallengeRequest,
    PasskeyOptionsView,
    PasskeySignIn,
)
from lyceum.users.schemas.sign_in import EitherSignInAnswer
from lyceum.users.service import challenges, passkeys

routes = Routes("users")


@routes.post(
    "/auth/passkeys/options",
    access=IN_PERSON,
    summary="Begin to add a passkey",
    keeps_response=False,
    facts=(StepUpRequired,),
)
async def begin_passkey(tx: Writer, actor: Actor, engines: Engines) -> PasskeyOptionsView:
    """Takes a step-up. `publicKey` goes to `navigator.credentials.create`, as JSON of WebAuthn."""
    return _options(await passkeys.begin_passkey(tx, actor, engines.settings))


@routes.post(
    "/auth/passkeys",
    access=IN_PERSON,
    summary="Add a passkey",
    status=201,
    keeps_response=False,
    facts=(CodeInvalid, PasskeyInUse, TooManyFactors, StepUpRequired),
)
async def add_passkey(engines: Engines, actor: Actor, data: NewPasskey) -> FactorAddedView:
    """Takes a step-up. With the first factor come ten recovery codes, once."""
    async with engines.database.transaction() as tx:
        outcome = await passkeys.add_passkey(tx, actor, engines.settings, data)
    factor, codes = answers.accepted(outcome)
    return mfa.factor_added(factor, codes)


@routes.post(
    "/auth/passkeys/sign-in/options",
    access=PUBLIC,
    summary="Begin to sign in with a passkey",
    bucket="login",
    keeps_response=False,
)
async def begin_passkey_sign_in(tx: Writer, engines: Engines) -> PasskeyOptionsView:
    """`publicKey` goes to `navigator.credentials.get`, which offers the passkeys it knows."""
    return _options(await passkeys.ask_for_any(tx, ANONYMOUS, engines.settings))


@routes.post(
    "/auth/passkeys/sign-in",
    access=PUBLIC,
    summary="Sign in with a passkey",
    found_status=201,
    own_pages_only=True,
    keeps_response=False,
    facts=(CodeInvalid, errors.AccountLocked, AccountSuspended, EmailNotVerified),
    returns=EitherSignInAnswer,
)
async def sign_in_with_passkey(
    engines: Engines, request: RequestInfo, data: PasskeySignIn
) -> Answer[Any]:
    """The passkey has to make sure of its user (UV), and is then both factors. 201 for a session
    by cookie."""
    device = answers.device_of(request, token=data.device_token, is_browser=data.as_browser)
    async with engines.database.transaction() as tx:
        outcome = await passkeys.sign_in_with_passkey(tx, ANONYMOUS, engines.settings, data, device)
    return answers.admitted(engines.settings, outcome)


@routes.post(
    "/auth/mfa/passkey-options",
    access=PUBLIC,
    summary="Ask for a passkey as second factor",
    keeps_response=False,
    facts=(errors.TokenInvalid, NoSecondFactor),
)
async def ask_for_second_factor(
    tx: Writer, engines: Engines, data: PasskeyChallengeRequest
) -> PasskeyOptionsView:
    """What the browser gives goes to `/auth/mfa/verify` as `passkey`."""
    return _options(await passkeys.ask_for_second(tx, ANONYMOUS, engines.settings, data.mfa_token))


@routes.post(
    "/auth/step-up/passkey-options",
    access=IN_PERSON,
    summary="Ask for a passkey as a fresh proof",
    keeps_response=False,
    facts=(NoSecondFactor,),
)
async def ask_for_step_up(tx: Writer, actor: Actor, engines: Engines) -> PasskeyOptionsView:
    """What the browser gives goes to `/auth/step-up` as `passkey`."""
    return _options(await passkeys.ask_for_step_up(tx, actor, engines.settings))


def _options(made: challenges.PasskeyOptions) -> PasskeyOptionsView:
    return PasskeyOptionsView(
        challenge_token=made.challenge_token,
        public_key=made.public_key,
        expires_in=challenges.SECONDS,
    )
