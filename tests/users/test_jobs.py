"""Mails that prove and warn, and clearing away, with a real mailbox."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.platform import ids
from lyceum.platform.access import ANONYMOUS, system_actor
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.events import subscriptions_of
from lyceum.platform.jobs import JobContext
from lyceum.platform.mailbox import MailboxMailer, ReadMail
from lyceum.platform.statements import Json, command, sql
from lyceum.users import jobs
from lyceum.users.events import (
    DeviceAdded,
    EmailChanged,
    EmailChangeRequested,
    LoginFailed,
    MailRequested,
    PasswordChanged,
    RegistrationRequested,
    SessionRevoked,
    VerificationRequested,
)
from lyceum.users.records import Device
from lyceum.users.schemas.registration import NewRegistration
from lyceum.users.service import registration
from tests.users import factories

_JOBS = sql("SELECT name FROM platform.jobs WHERE arguments @> $1 ORDER BY id", str)
_REQUESTED = sql("SELECT id FROM users.registrations WHERE email = $1", UUID)
_AGE = command(
    "UPDATE users.registrations SET created_at = now() - interval '2 days' WHERE email = $1"
)


@pytest.fixture
def mailbox(tmp_path: Path) -> MailboxMailer:
    return MailboxMailer(tmp_path, "Academy <academy@people.test>")


@pytest.fixture
def context_of(engines: Engines, mailbox: MailboxMailer) -> Callable[[], JobContext]:
    ours = msgspec.structs.replace(engines, mailer=mailbox)
    return lambda: JobContext(ours, ids.new_id(), 1, system_actor("test"))


async def read(mailbox: MailboxMailer) -> list[ReadMail]:
    return [await mailbox.read_mail(mail.id) for mail in await mailbox.list_mails(50)]


def newcomer(email: str) -> NewRegistration:
    return NewRegistration(email=email, password=factories.PASSWORD, first_name="Win a prize!")


async def requested(database: Database, email: str) -> UUID:
    async with database.transaction() as tx:
        await registration.request_registration(tx, ANONYMOUS, newcomer(email), Device())
        return await tx.one(_REQUESTED, email)


async def test_the_link_in_the_mail_makes_the_account(
    database: Database, mailbox: MailboxMailer, context_of: Callable[[], JobContext]
) -> None:
    email = factories.unique_email()
    registration_id = await requested(database, email)
    await jobs.answer_registration(context_of(), registration_id=registration_id)
    [mail] = await read(mailbox)
    assert mail.to == email
    text = mail.text
    assert "prize" not in text, "a stranger must not be able to write to people in our name"
    found = re.search(r"http://academy\.test/verify-email\?token=(\S+)", text)
    assert found, text
    async with database.transaction() as tx:
        account = await registration.verify_email(tx, ANONYMOUS, found[1])
    assert account.email == email
    await jobs.answer_registration(context_of(), registration_id=registration_id)
    assert len(await read(mailbox)) == 1, "there is nothing left to answer"


async def test_a_known_address_is_told_by_mail_alone(
    database: Database, mailbox: MailboxMailer, context_of: Callable[[], JobContext]
) -> None:
    account = await factories.store_user(database)
    await jobs.answer_registration(
        context_of(), registration_id=await requested(database, account.email)
    )
    [mail] = await read(mailbox)
    assert "already have an account" in mail.subject
    assert "token" not in mail.text


async def test_an_open_account_is_asked_for_proof(
    database: Database, mailbox: MailboxMailer, context_of: Callable[[], JobContext]
) -> None:
    account = await factories.store_user(database, is_verified=False)
    await jobs.send_verification(context_of(), user_id=account.id)
    [mail] = await read(mailbox)
    assert mail.to == account.email
    await jobs.send_verification(context_of(), user_id=ids.new_id())
    assert len(await read(mailbox)) == 1


async def test_a_person_is_told_of_a_stolen_token(
    database: Database, mailbox: MailboxMailer, context_of: Callable[[], JobContext]
) -> None:
    account = await factories.store_user(database)
    await jobs.send_theft_warning(context_of(), user_id=account.id)
    [mail] = await read(mailbox)
    assert mail.to == account.email


async def test_events_ask_for_the_jobs_and_hold_no_secret(database: Database) -> None:
    person, other, third, fourth, fifth, sixth = (ids.new_id() for _ in range(6))
    failed = LoginFailed(account="x", user_id=sixth, reason="wrong_password", ip="192.0.2.9")
    events: list[tuple[Any, dict[str, UUID], list[str]]] = [
        (RegistrationRequested(registration_id=person), {"registration_id": person},
         ["users.answer_registration"]),
        (VerificationRequested(user_id=other), {"user_id": other}, ["users.send_verification"]),
        (MailRequested(request_id=other, purpose="verify-email"), {"request_id": other},
         ["users.send_verification_again"]),
        (MailRequested(request_id=person, purpose="reset-password"), {"request_id": person},
         ["users.send_reset"]),
        (DeviceAdded(user_id=person, device_id=other), {"device_id": other},
         ["users.send_device_note"]),
        (EmailChanged(user_id=fourth, former_address_id=person), {"former_address_id": person},
         ["users.send_farewell"]),
        (EmailChanged(user_id=fourth, former_address_id=other), {"user_id": fourth},
         ["users.send_security_note"] * 2),
        (EmailChangeRequested(user_id=third), {"user_id": third},
         ["users.send_email_proof", "users.send_security_note"]),
        (PasswordChanged(user_id=fifth), {"user_id": fifth}, ["users.send_security_note"]),
        (failed, {"user_id": sixth}, []),
        (msgspec.structs.replace(failed, starts_lock=True), {"user_id": sixth},
         ["users.send_security_note"]),
        (SessionRevoked(user_id=person, session_id=other, reason="signed_out"),
         {"user_id": person}, []),
        (SessionRevoked(user_id=person, session_id=other, reason="refresh_token_reused"),
         {"user_id": person}, ["users.send_theft_warning"]),
    ]  # fmt: skip
    for event, arguments, wanted in events:
        async with database.transaction() as tx:
            for subscription in subscriptions_of(event.name):
                if subscription.name.startswith("users."):
                    await subscription.handle(tx, event)
        encoded = Json(msgspec.json.encode(arguments))
        assert await database.reader().all(_JOBS, encoded) == wanted


async def test_what_is_old_is_cleared_away(
    database: Database, context_of: Callable[[], JobContext]
) -> None:
    email, recent = factories.unique_email(), factories.unique_email()
    await requested(database, email)
    await requested(database, recent)
    async with database.transaction() as tx:
        await tx.execute(_AGE, email)
    await jobs.clear_away(context_of())
    reader = database.reader()
    assert await reader.all(_REQUESTED, email) == []
    assert len(await reader.all(_REQUESTED, recent)) == 1
