"""What the worker does about people: mails that prove and warn, and clearing away.

Not here: notifications that people choose (`notifications`).
"""

from uuid import UUID

from lyceum.platform import jobs
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.mail import Message
from lyceum.platform.settings import Settings
from lyceum.users.events import (
    FactorAdded,
    FactorRemoved,
    FactorsReset,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    RegistrationRequested,
    SessionRevoked,
    UserRegistered,
)
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import purges
from lyceum.users.queries import service_keys as service_key_queries
from lyceum.users.service import registration

_ACTOR = system_actor("users")
_FACTORS = {"totp": "An authenticator app", "passkey": "A passkey"}


@handles(RegistrationRequested)
async def answer_by_mail(tx: Writer, event: RegistrationRequested) -> None:
    """Have the mail written that tells what came of a registration."""
    await jobs.enqueue(tx, _ACTOR, answer_registration, registration_id=event.registration_id)


@handles(UserRegistered)
async def ask_for_proof(tx: Writer, event: UserRegistered) -> None:
    """Have a new account's address proved."""
    if not event.is_verified:
        await jobs.enqueue(tx, _ACTOR, send_verification, user_id=event.user_id)


@handles(SessionRevoked)
async def warn_of_theft(tx: Writer, event: SessionRevoked) -> None:
    """Have a person told that somebody else had a copy of their refresh token."""
    if event.reason == "refresh_token_reused":
        await jobs.enqueue(tx, _ACTOR, send_theft_warning, user_id=event.user_id)


@handles(FactorAdded)
async def tell_of_factor(tx: Writer, event: FactorAdded) -> None:
    """Have a person told of a new second factor."""
    what = f"{_FACTORS[event.kind]} was added to your account"
    await jobs.enqueue(tx, _ACTOR, send_security_note, user_id=event.user_id, what=what)


@handles(FactorRemoved)
async def tell_of_removal(tx: Writer, event: FactorRemoved) -> None:
    """Have a person told of a second factor that was taken away."""
    what = f"{_FACTORS[event.kind]} was removed from your account"
    await jobs.enqueue(tx, _ACTOR, send_security_note, user_id=event.user_id, what=what)


@handles(FactorsReset)
async def tell_of_reset(tx: Writer, event: FactorsReset) -> None:
    """Have a person told that an operator has taken their second factors away."""
    what = "An administrator has removed every second factor from your account"
    await jobs.enqueue(tx, _ACTOR, send_security_note, user_id=event.user_id, what=what)


@handles(RecoveryCodesMade)
async def tell_of_codes(tx: Writer, event: RecoveryCodesMade) -> None:
    """Have a person told of fresh recovery codes."""
    what = "Fresh recovery codes were made for your account"
    await jobs.enqueue(tx, _ACTOR, send_security_note, user_id=event.user_id, what=what)


@handles(RecoveryCodeUsed)
async def tell_of_code(tx: Writer, event: RecoveryCodeUsed) -> None:
    """Have a person told that a recovery code was used."""
    what = f"A recovery code of yours was used; {event.left} are left"
    await jobs.enqueue(tx, _ACTOR, send_security_note, user_id=event.user_id, what=what)


@job(queue="email")
async def answer_registration(context: JobContext, *, registration_id: UUID) -> None:
    """Mail the link that makes the account, or that there is one already."""
    async with context.transaction() as tx:
        letter = await registration.prepare_answer(tx, context.actor, registration_id)
    await _send(context, letter)


@job(queue="email")
async def send_verification(context: JobContext, *, user_id: UUID) -> None:
    """Mail the link that proves the address of an account."""
    async with context.transaction() as tx:
        letter = await registration.prepare_verification(tx, context.actor, user_id)
    await _send(context, letter)


@job(queue="email")
async def send_theft_warning(context: JobContext, *, user_id: UUID) -> None:
    """Tell a person that a session was ended because its token was used twice."""
    account = await context.reader().one_or_none(account_queries.FIND_ACCOUNT, user_id)
    if account is None or account.status == "erased":
        return
    message = Message(
        to=account.email,
        subject="We have signed you out on one device",
        text=(
            "Somebody used a sign-in of yours that had been replaced already. This can mean that"
            " it was copied, so we have ended that session.\n\n"
            "Sign in again, and change your password if you do not know what happened.\n"
        ),
    )
    await context.engines.mailer.send(message, key=str(context.job_id))


@job(queue="email")
async def send_security_note(context: JobContext, *, user_id: UUID, what: str) -> None:
    """Tell a person what has become of the ways into their account."""
    account = await context.reader().one_or_none(account_queries.FIND_ACCOUNT, user_id)
    if account is None or account.status == "erased":
        return
    message = Message(
        to=account.email,
        subject=f"{context.engines.settings.academy_name}: {what[0].lower()}{what[1:]}",
        text=(
            f"{what}.\n\nIf it was you, you need not do anything. If not, change your password at"
            " once, look through your second factors and sessions, and write to us.\n"
        ),
    )
    await context.engines.mailer.send(message, key=str(context.job_id))


@job(cron="*/10 * * * *")
async def forget_nonces(context: JobContext) -> None:
    """Delete the nonces of signed requests whose timestamps are good no more."""
    async with context.transaction() as tx:
        await tx.execute(service_key_queries.PURGE_NONCES)


@job(cron="17 3 * * *", timeout_seconds=600)
async def clear_away(context: JobContext) -> None:
    """Delete registrations, links, failures and sessions that nobody needs any more."""
    for purge in purges.PURGES:
        async with context.transaction() as tx:
            await tx.execute(purge)


async def _send(context: JobContext, letter: registration.Letter | None) -> None:
    if letter is None:
        return
    settings = context.engines.settings
    message = _proof(settings, letter) if letter.kind == "prove" else _notice(settings, letter)
    await context.engines.mailer.send(message, key=str(context.job_id))


def _proof(settings: Settings, letter: registration.Letter) -> Message:
    return Message(
        to=letter.to,
        subject=f"{settings.academy_name}: confirm your email address",
        text=(
            "Open this link to confirm that the address is yours:\n\n"
            f"{settings.base_url}/verify-email?token={letter.token}\n\n"
            f"It works once, within {registration.LINK_HOURS} hours. If you did not ask for an"
            " account, you need not do anything.\n"
        ),
    )


def _notice(settings: Settings, letter: registration.Letter) -> Message:
    return Message(
        to=letter.to,
        subject=f"{settings.academy_name}: you already have an account",
        text=(
            "Somebody wanted to register with this address, which has an account. If it was you,"
            f" sign in at {settings.base_url}/login; otherwise you need not do anything.\n"
        ),
    )
