"""What the worker does about people: mails that prove and warn, and clearing away.

Not here: notifications that people choose (`notifications`).
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec

from lyceum.platform import jobs, privacy
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.mail import Message
from lyceum.platform.storage import FileMissing
from lyceum.users.adapters import people_csv
from lyceum.users.adapters.archives import ArchiveWriter
from lyceum.users.events import (
    DataExportReady,
    DeviceAdded,
    EmailChanged,
    EmailChangeRequested,
    FactorAdded,
    FactorRemoved,
    FactorsReset,
    IdentityLinked,
    IdentityUnlinked,
    LoginFailed,
    MailRequested,
    PasskeyFlagged,
    PasswordChanged,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    RegistrationRequested,
    SessionRevoked,
    UserInvited,
    VerificationRequested,
)
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import purges
from lyceum.users.queries import service_keys as service_key_queries
from lyceum.users.schemas.invitations import ImportOutcome, PeopleImportReport
from lyceum.users.service import (
    data_exports,
    devices,
    email_change,
    invitations,
    people_imports,
    recovery,
    registration,
    verification,
)

_ACTOR = system_actor("users")
_ROWS_AT_ONCE = 50
_EXPORTS = "data-exports/"
Prepare = Callable[[Writer, Actor, UUID], Awaitable[registration.Letter | None]]
_FACTORS = {"totp": "An authenticator app", "passkey": "A passkey"}


@handles(RegistrationRequested)
async def answer_by_mail(tx: Writer, event: RegistrationRequested) -> None:
    """Have the mail written that tells what came of a registration."""
    await jobs.enqueue(tx, _ACTOR, answer_registration, registration_id=event.registration_id)


@handles(VerificationRequested)
async def ask_for_proof(tx: Writer, event: VerificationRequested) -> None:
    """Have a new account's address proved."""
    await jobs.enqueue(tx, _ACTOR, send_verification, user_id=event.user_id)


@handles(MailRequested)
async def answer_request(tx: Writer, event: MailRequested) -> None:
    """Have the mail written that somebody asked for, if the address is to get one."""
    wanted = send_reset if event.purpose == "reset-password" else send_verification_again
    await jobs.enqueue(tx, _ACTOR, wanted, request_id=event.request_id)


@handles(EmailChangeRequested)
async def ask_both_addresses(tx: Writer, event: EmailChangeRequested) -> None:
    """Have the wanted address proved, and the present one told."""
    await jobs.enqueue(tx, _ACTOR, send_email_proof, user_id=event.user_id)
    what = "Somebody asked to change the email address of your account"
    await _have_told(tx, event.user_id, what)


@handles(EmailChanged)
async def tell_both_addresses(tx: Writer, event: EmailChanged) -> None:
    """Have the address before and the new one told of the change."""
    former = event.former_address_id
    await jobs.enqueue(tx, _ACTOR, send_farewell, former_address_id=former)
    what = "This is the email address of your account now"
    await _have_told(tx, event.user_id, what)


@handles(PasswordChanged)
async def tell_of_password(tx: Writer, event: PasswordChanged) -> None:
    """Have a person told of the new password."""
    how = " with the link of a mail" if event.is_reset else ""
    what = f"Your password was changed{how}, and you were signed out elsewhere"
    await _have_told(tx, event.user_id, what)


@handles(LoginFailed)
async def tell_of_lock(tx: Writer, event: LoginFailed) -> None:
    """Have a person told that strangers try to get in, once for each time that it begins."""
    if event.starts_lock and event.user_id is not None:
        what = "Somebody has tried several wrong passwords or codes on your account"
        await _have_told(tx, event.user_id, what)


@handles(DeviceAdded)
async def tell_of_device(tx: Writer, event: DeviceAdded) -> None:
    """Have a person told of a sign-in from where they never were."""
    await jobs.enqueue(tx, _ACTOR, send_device_note, device_id=event.device_id)


@handles(SessionRevoked)
async def warn_of_theft(tx: Writer, event: SessionRevoked) -> None:
    """Have a person told that somebody else had a copy of their refresh token."""
    if event.reason == "refresh_token_reused":
        await jobs.enqueue(tx, _ACTOR, send_theft_warning, user_id=event.user_id)


@handles(FactorAdded)
async def tell_of_factor(tx: Writer, event: FactorAdded) -> None:
    """Have a person told of a new second factor."""
    what = f"{_FACTORS[event.kind]} was added to your account"
    await _have_told(tx, event.user_id, what)


@handles(FactorRemoved)
async def tell_of_removal(tx: Writer, event: FactorRemoved) -> None:
    """Have a person told of a second factor that was taken away."""
    what = f"{_FACTORS[event.kind]} was removed from your account"
    await _have_told(tx, event.user_id, what)


@handles(IdentityLinked)
async def tell_of_link(tx: Writer, event: IdentityLinked) -> None:
    """Have a person told of an identity that opens their account."""
    what = f"An identity at {event.provider} was linked with your account"
    await _have_told(tx, event.user_id, what)


@handles(IdentityUnlinked)
async def tell_of_unlink(tx: Writer, event: IdentityUnlinked) -> None:
    """Have a person told of an identity that opens their account no more."""
    what = f"An identity at {event.provider} was unlinked from your account"
    await _have_told(tx, event.user_id, what)


@handles(PasskeyFlagged)
async def tell_of_copy(tx: Writer, event: PasskeyFlagged) -> None:
    """Have a person told that a passkey of theirs may have been copied."""
    what = "A passkey of yours may have been copied, so it opens your account no more"
    await _have_told(tx, event.user_id, what)


@handles(FactorsReset)
async def tell_of_reset(tx: Writer, event: FactorsReset) -> None:
    """Have a person told that an operator has taken their second factors away."""
    what = "An administrator has removed every second factor from your account"
    await _have_told(tx, event.user_id, what)


@handles(RecoveryCodesMade)
async def tell_of_codes(tx: Writer, event: RecoveryCodesMade) -> None:
    """Have a person told of fresh recovery codes."""
    what = "Fresh recovery codes were made for your account"
    await _have_told(tx, event.user_id, what)


@handles(RecoveryCodeUsed)
async def tell_of_code(tx: Writer, event: RecoveryCodeUsed) -> None:
    """Have a person told that a recovery code was used."""
    what = f"A recovery code of yours was used; {event.left} are left"
    await _have_told(tx, event.user_id, what)


@job(queue="email")
async def answer_registration(context: JobContext, *, registration_id: UUID) -> None:
    """Mail the link that makes the account, or that there is one already."""
    await _send(context, registration.prepare_answer, registration_id)


@job(queue="email")
async def send_verification(context: JobContext, *, user_id: UUID) -> None:
    """Mail the link that proves the address of an account."""
    await _send(context, registration.prepare_verification, user_id)


@job(queue="email")
async def send_verification_again(context: JobContext, *, request_id: UUID) -> None:
    """Mail the link once more, to whoever has something to prove."""
    await _send(context, verification.prepare_requested_verification, request_id)


@job(queue="email")
async def send_reset(context: JobContext, *, request_id: UUID) -> None:
    """Mail the link that sets a new password, if the address has an account."""
    await _send(context, recovery.prepare_reset, request_id)


@job(queue="email")
async def send_email_proof(context: JobContext, *, user_id: UUID) -> None:
    """Mail the link that proves a wanted address, or that it has an account already."""
    await _send(context, email_change.prepare_email_proof, user_id)


@job(queue="email")
async def send_farewell(context: JobContext, *, former_address_id: UUID) -> None:
    """Tell an address that the account has another one now."""
    former = await email_change.find_former_address(
        context.reader(), context.actor, former_address_id
    )
    if former is not None:
        what = "This is not the email address of your account any more"
        await _send_note(context, former.email, what)


@job(queue="email")
async def send_device_note(context: JobContext, *, device_id: UUID) -> None:
    """Tell a person where somebody signed in to their account for the first time."""
    found = await devices.find_device(context.reader(), context.actor, device_id)
    if found is not None:
        seen = f"{found.user_agent[:120] or 'a program'} at {found.ip or 'an unknown address'}"
        what = f"There was a sign-in from a new device: {seen}"
        await _send_note(context, found.email, what)


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
    if account is not None and account.status != "erased":
        await _send_note(context, account.email, what)


@job(cron="*/10 * * * *")
async def forget_nonces(context: JobContext) -> None:
    """Delete the nonces of signed requests whose timestamps are good no more."""
    async with context.transaction() as tx:
        await tx.execute(service_key_queries.PURGE_NONCES)


@handles(DataExportReady)
async def tell_of_export(tx: Writer, event: DataExportReady) -> None:
    """Have a person told that the archive they asked for is there."""
    what = "The data you asked for can be downloaded"
    await _have_told(tx, event.user_id, what)


@handles(UserInvited)
async def send_to_invited(tx: Writer, event: UserInvited) -> None:
    """Have the link mailed to somebody who was invited."""
    await jobs.enqueue(tx, _ACTOR, send_invitation, user_id=event.user_id)


@job(queue="email")
async def send_invitation(context: JobContext, *, user_id: UUID) -> None:
    """Mail the link by which an invited person sets a password."""
    await _send(context, invitations.prepare_invitation, user_id)


@job(timeout_seconds=900)
async def import_people(context: JobContext, *, import_id: UUID) -> PeopleImportReport:
    """Work through a file of people; run again, it finds the accounts that it had made."""
    actor = context.actor
    stored = await people_imports.get_import(context.reader(), actor, import_id)
    if stored.report is not None:
        return msgspec.json.decode(stored.report, type=PeopleImportReport)
    people = people_csv.read_people(stored.content or "")
    outcomes: list[ImportOutcome] = []
    # A dry run looks at all in one transaction, so that it sees who is there twice.
    step = max(len(people), 1) if stored.is_dry_run else _ROWS_AT_ONCE
    for start in range(0, len(people), step):
        async with context.transaction() as tx:
            outcomes += await people_imports.import_people(
                tx,
                actor,
                people[start : start + step],
                is_dry_run=stored.is_dry_run,
                sends_invitations=stored.sends_invitations,
            )
        await context.report(len(outcomes) / len(people), f"{len(outcomes)} of {len(people)}")
    report = people_imports.make_report(None, actor, outcomes, is_dry_run=stored.is_dry_run)
    async with context.transaction() as tx:
        await people_imports.finish_import(tx, actor, import_id, report)
    return msgspec.structs.replace(report, rows=report.rows[:100])


@job(timeout_seconds=900)
async def export_person(context: JobContext, *, export_id: UUID) -> None:
    """Make the archive of everything that is held on a person; safe to run again."""
    reader, storage = context.reader(), context.engines.storage
    subject = await data_exports.find_subject(reader, context.actor, export_id)
    if subject is None:
        return
    file_key = f"{_EXPORTS}{export_id}.zip"
    with ArchiveWriter() as archive:
        await context.report(0.1, "reading what is held")
        async for table, rows in privacy.export_rows(reader, subject):
            await archive.add_json(f"data/{table}.json", rows)
        for key in await privacy.list_files(reader, subject):
            if key.startswith(_EXPORTS):
                continue
            with suppress(FileMissing):
                await archive.add_file(f"files/{key}", await storage.stream(key))
        await context.report(0.8, "storing the archive")
        size = await archive.finish()
        await storage.put(file_key, archive.chunks(), content_type="application/zip")
    async with context.transaction() as tx:
        is_wanted = await data_exports.finish_export(
            tx, context.actor, export_id, file_key=file_key, size_bytes=size
        )
    if not is_wanted:
        await storage.delete(file_key)


async def delete_files_later(tx: Writer, keys: list[str]) -> None:
    """Have stored files deleted once the transaction has committed."""
    if keys:
        await jobs.enqueue(tx, _ACTOR, delete_files, keys=keys)


@job(attempts=10)
async def delete_files(context: JobContext, *, keys: list[str]) -> None:
    """Delete stored files that no row names any more."""
    for key in keys:
        await context.engines.storage.delete(key)


@job(cron="27 * * * *", timeout_seconds=300)
async def forget_exports(context: JobContext) -> None:
    """Delete archives of personal data whose week is over."""
    async with context.transaction() as tx:
        keys = await data_exports.forget_old_exports(tx, context.actor)
        await delete_files_later(tx, keys)


@job(cron="17 3 * * *", timeout_seconds=600)
async def clear_away(context: JobContext) -> None:
    """Delete registrations, links, failures and sessions that nobody needs any more."""
    for purge in purges.PURGES:
        async with context.transaction() as tx:
            await tx.execute(purge)


async def _send_note(context: JobContext, to: str, what: str) -> None:
    academy = context.engines.settings.academy_name
    message = Message(
        to=to,
        subject=f"{academy}: {what[0].lower()}{what[1:]}"[:200],
        text=(
            f"{what}.\n\nIf it was you, you need not do anything. If not, change your password at"
            " once, look through your second factors and sessions, and write to us.\n"
        ),
    )
    await context.engines.mailer.send(message, key=str(context.job_id))


async def _have_told(tx: Writer, user_id: UUID, what: str) -> None:
    await jobs.enqueue(tx, _ACTOR, send_security_note, user_id=user_id, what=what)


async def _send(context: JobContext, prepare: Prepare, subject_id: UUID) -> None:
    async with context.transaction() as tx:
        letter = await prepare(tx, context.actor, subject_id)
    if letter is None:
        return
    settings = context.engines.settings
    said = _LETTERS[letter.kind]
    place = f"{settings.base_url}/{said.path}"
    link = f"{place}?token={letter.token}" if said.carries_token else place
    message = Message(
        to=letter.to,
        subject=f"{settings.academy_name}: {said.subject}",
        text=said.text.format(academy=settings.academy_name, link=link),
    )
    await context.engines.mailer.send(message, key=str(context.job_id))


class _Letter(msgspec.Struct, frozen=True):
    subject: str
    path: str
    text: str
    carries_token: bool = True


_LETTERS: Final = {
    "prove": _Letter(
        "confirm your email address",
        "verify-email",
        "Open this link to confirm that the address is yours:\n\n{link}\n\n"
        f"It works once, within {registration.LINK_HOURS} hours. If you did not ask for an"
        " account, you need not do anything.\n",
    ),
    "exists": _Letter(
        "you already have an account",
        "login",
        "Somebody wanted to register with this address, which has an account. If it was you,"
        " sign in at {link}; otherwise you need not do anything.\n",
        carries_token=False,
    ),
    "reset": _Letter(
        "set a new password",
        "reset-password",
        "Open this link to set a new password:\n\n{link}\n\n"
        f"It works once, within {recovery.RESET_MINUTES} minutes, and only as long as it is the"
        " newest. If you did not ask for it, you need not do anything: nobody can set your"
        " password without this mail.\n",
    ),
    "change": _Letter(
        "confirm your new email address",
        "change-email",
        "Open this link to make this the address of your account:\n\n{link}\n\n"
        f"It works once, within {email_change.LINK_HOURS} hours. If you did not ask for it, you"
        " need not do anything.\n",
    ),
    "invite": _Letter(
        "you are invited",
        "accept-invitation",
        "There is an account for you at {academy}. Open this link to choose a"
        " password:\n\n{link}\n\n"
        f"It works once, within {invitations.VALID_DAYS} days.\n",
    ),
}
