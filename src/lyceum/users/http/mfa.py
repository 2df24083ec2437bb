"""The HTTP door for second factors: `/auth/mfa`, and taking them from people who lost them."""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import IN_PERSON, PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users import permissions
from lyceum.users.errors import (
    AccountSuspended,
    CodeInvalid,
    LastWayIn,
    NoSecondFactor,
    RankTooLow,
    StepUpRequired,
    TotpInUse,
)
from lyceum.users.http import answers
from lyceum.users.records import Factor
from lyceum.users.schemas.mfa import (
    FactorAddedView,
    FactorRename,
    FactorView,
    MfaVerification,
    RecoveryCodesLeft,
    RecoveryCodesView,
    TotpConfirmation,
    TotpSetupView,
    TotpStart,
    TrustedDeviceView,
)
from lyceum.users.schemas.sign_in import SignedInView
from lyceum.users.service import factors, second_factor, totp, trusted_devices

routes = Routes("users")


@routes.post(
    "/auth/mfa/verify",
    access=PUBLIC,
    summary="Sign in: the second factor",
    own_pages_only=True,
    keeps_response=False,
    facts=(errors.TokenInvalid, CodeInvalid, errors.AccountLocked, AccountSuspended),
    returns=SignedInView,
)
async def verify_mfa(engines: Engines, request: RequestInfo, data: MfaVerification) -> Answer[Any]:
    """Takes the `mfaToken` of a sign-in with a code of the app, a recovery code or a passkey. Five
    wrong ones end the sign-in, and count with every other way in against the account."""
    async with engines.database.transaction() as tx:
        outcome = await second_factor.verify_second_factor(
            tx, ANONYMOUS, engines.settings, data, answers.device_of(request)
        )
    return answers.admitted(engines.settings, outcome)


@routes.get("/auth/mfa/factors", access=IN_PERSON, summary="My second factors")
async def list_factors(tx: Reader, actor: Actor) -> list[FactorView]:
    """Authenticator app and passkeys, the oldest first."""
    return [factor_view(factor) for factor in await factors.list_factors(tx, actor)]


@routes.patch(
    "/auth/mfa/factors/{factor_id}",
    access=IN_PERSON,
    summary="Rename a second factor",
    facts=(errors.NotFound, StepUpRequired),
)
async def rename_factor(
    tx: Writer, actor: Actor, factor_id: UUID, data: FactorRename
) -> FactorView:
    """Takes a step-up."""
    return factor_view(await factors.rename_factor(tx, actor, factor_id, data.name))


@routes.delete(
    "/auth/mfa/factors/{factor_id}",
    access=IN_PERSON,
    summary="Remove a second factor",
    facts=(errors.NotFound, LastWayIn, StepUpRequired),
)
async def remove_factor(tx: Writer, actor: Actor, factor_id: UUID) -> None:
    """Takes a step-up. With the last factor go recovery codes and trusted devices."""
    await factors.remove_factor(tx, actor, factor_id)


@routes.post(
    "/auth/mfa/totp",
    access=IN_PERSON,
    summary="Set up an authenticator app",
    status=201,
    keeps_response=False,
    facts=(TotpInUse, StepUpRequired),
)
async def start_totp(tx: Writer, actor: Actor, engines: Engines, data: TotpStart) -> TotpSetupView:
    """Takes a step-up. Nothing is asked of a sign-in before the app is confirmed."""
    begun = await totp.start_totp(tx, actor, engines.settings, name=data.name)
    return TotpSetupView(secret=begun.secret, otpauth_url=begun.otpauth_url, qr_svg=begun.qr_svg)


@routes.post(
    "/auth/mfa/totp/confirm",
    access=IN_PERSON,
    summary="Take the authenticator app into use",
    keeps_response=False,
    facts=(errors.NotFound, StepUpRequired),
)
async def confirm_totp(
    tx: Writer, actor: Actor, engines: Engines, data: TotpConfirmation
) -> FactorAddedView:
    """Takes the code that the app shows. With the first factor come ten recovery codes, once."""
    factor, codes = await totp.confirm_totp(tx, actor, engines.settings, code=data.code)
    return factor_added(factor, codes)


@routes.get("/auth/mfa/recovery-codes", access=IN_PERSON, summary="How many recovery codes I have")
async def count_recovery_codes(tx: Reader, actor: Actor) -> RecoveryCodesLeft:
    """The codes themselves are shown when they are made, and never again."""
    return RecoveryCodesLeft(left=await factors.count_recovery_codes(tx, actor))


@routes.post(
    "/auth/mfa/recovery-codes",
    access=IN_PERSON,
    summary="Make fresh recovery codes",
    status=201,
    keeps_response=False,
    facts=(NoSecondFactor, StepUpRequired),
)
async def make_recovery_codes(tx: Writer, actor: Actor, engines: Engines) -> RecoveryCodesView:
    """Takes a step-up. Ten codes, each good once in place of a factor; those before are void."""
    codes = await factors.make_recovery_codes(tx, actor, engines.settings)
    return RecoveryCodesView(recovery_codes=codes)


@routes.get("/auth/mfa/trusted-devices", access=IN_PERSON, summary="Devices that I trust")
async def list_trusted_devices(tx: Reader, actor: Actor) -> list[TrustedDeviceView]:
    """Devices that are asked for no second factor, the one used last first."""
    return [
        TrustedDeviceView(**msgspec.structs.asdict(device))
        for device in await trusted_devices.list_trusted_devices(tx, actor)
    ]


@routes.delete(
    "/auth/mfa/trusted-devices/{trusted_device_id}",
    access=IN_PERSON,
    summary="Trust a device no longer",
    facts=(errors.NotFound,),
)
async def withdraw_trust(tx: Writer, actor: Actor, trusted_device_id: UUID) -> None:
    """The device is asked for the second factor at its next sign-in."""
    await trusted_devices.withdraw_trust(tx, actor, trusted_device_id)


@routes.delete(
    "/users/{user_id}/mfa",
    access=permissions.RESET_FACTORS,
    summary="Take somebody's second factors away",
    facts=(errors.NotFound, RankTooLow, StepUpRequired),
)
async def reset_factors(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """For people who have lost them, once it is sure who asks. Takes a step-up."""
    await factors.reset_factors(tx, actor, user_id)


def factor_view(factor: Factor) -> FactorView:
    """Show a factor to its owner."""
    return FactorView(**msgspec.structs.asdict(factor))


def factor_added(factor: Factor, codes: list[str] | None) -> FactorAddedView:
    """Show a new factor, with recovery codes if it is the first."""
    return FactorAddedView(
        factor=factor_view(factor), recovery_codes=msgspec.UNSET if codes is None else codes
    )
