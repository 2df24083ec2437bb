"""Setting up an authenticator app. Not here: its codes (`adapters.totp`), proving one
(`proofs`)."""

import msgspec

from lyceum.platform import clock, errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters import sealing, totp
from lyceum.users.errors import TotpInUse
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import factors as factor_queries
from lyceum.users.records import Factor
from lyceum.users.service.factors import finish_adding
from lyceum.users.service.proofs import TOTP_PURPOSE
from lyceum.users.service.step_up import require_fresh


class TotpSetup(msgspec.Struct, frozen=True):
    """What an app is set up with: the secret as text, as an address, as a picture."""

    secret: str
    otpauth_url: str
    qr_svg: str

    def __repr__(self) -> str:
        return "TotpSetup(…)"


async def start_totp(tx: Writer, actor: Actor, settings: Settings, *, name: str) -> TotpSetup:
    """Begin to set up an app; what was begun before is void. TotpInUse, StepUpRequired."""
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    if await tx.one_or_none(factor_queries.FIND_TOTP, user_id) is not None:
        raise TotpInUse
    secret = totp.new_secret()
    sealed = sealing.seal(settings.secret_key, TOTP_PURPOSE, secret)
    await tx.execute(factor_queries.DELETE_PENDING, user_id)
    await tx.execute(factor_queries.INSERT_TOTP, ids.new_id(), user_id, name, sealed)
    url = totp.otpauth_url(secret, issuer=settings.academy_name, account=account.email)
    return TotpSetup(totp.shown(secret), url, totp.qr_svg(url))


async def confirm_totp(
    tx: Writer, actor: Actor, settings: Settings, *, code: str
) -> tuple[Factor, list[str] | None]:
    """Take the app into use that shows `code`; return it, and recovery codes with the first factor.

    Raises NotFound when nothing was begun in the last 15 minutes, ValidationFailed.
    """
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    pending = await tx.one_or_none(factor_queries.FIND_PENDING, user_id)
    if pending is None:
        raise errors.NotFound("Nothing is being set up.")
    try:
        secret = sealing.unseal(settings.secret_key, TOTP_PURPOSE, pending.secret)
    except sealing.Unsealable as problem:
        raise errors.NotFound("Set the app up once more.") from problem
    step = totp.find_step(secret, code, clock.utc_now().timestamp())
    if step is None:
        raise errors.ValidationFailed(
            "", errors.FieldError("/code", "This is not what the app should show now")
        )
    factor = await tx.one(factor_queries.CONFIRM_TOTP, pending.id, step)
    return factor, await finish_adding(tx, actor, settings, account, factor)
