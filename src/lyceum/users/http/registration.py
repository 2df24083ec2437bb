"""The HTTP door for those who make an account and prove their address."""

from typing import Any

from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import API, PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import (
    EmailInvalid,
    EmailTaken,
    LinkInvalid,
    PasswordRefused,
)
from lyceum.users.http import answers
from lyceum.users.schemas.accounts import UserView
from lyceum.users.schemas.recovery import AddressOnly, MailPending
from lyceum.users.schemas.registration import EmailProof, NewRegistration, RegistrationPending
from lyceum.users.service import registration, verification

routes = Routes("users")


@routes.post(
    "/auth/register",
    access=PUBLIC,
    summary="Make an account for oneself",
    status=201,
    bucket="registration",
    own_pages_only=True,
    keeps_response=False,
    facts=(EmailTaken, EmailInvalid, PasswordRefused),
    returns=UserView,
)
async def register(
    tx: Writer, engines: Engines, request: RequestInfo, data: NewRegistration
) -> Answer[Any]:
    """Where addresses are proved first (a setting), the answer is 202 for everybody, and a mail
    tells the rest."""
    device = answers.device_of(request)
    if engines.settings.registration_mode == "verified":
        await registration.request_registration(tx, ANONYMOUS, data, device)
        return Answer(data=RegistrationPending(), status=202)
    made = await registration.register(tx, ANONYMOUS, data, device)
    return answers.account_answer(made, location=f"{API}/users/{made.id}")


@routes.post(
    "/auth/verify-email",
    access=PUBLIC,
    summary="Prove an email address",
    keeps_response=False,
    facts=(LinkInvalid,),
)
async def verify_email(tx: Writer, data: EmailProof) -> Answer[UserView]:
    """Takes the token of the link that was mailed, once."""
    return answers.account_answer(await registration.verify_email(tx, ANONYMOUS, data.token))


@routes.post(
    "/auth/verify-email/resend",
    access=PUBLIC,
    summary="Ask for the proving mail again",
    status=202,
    keeps_response=False,
    facts=(EmailInvalid,),
)
async def resend_verification(tx: Writer, request: RequestInfo, data: AddressOnly) -> MailPending:
    """The same answer for every address; one that is not proved yet gets a fresh link. An address
    gets three mails an hour."""
    device = answers.device_of(request)
    await verification.request_verification(tx, ANONYMOUS, email=data.email, device=device)
    return MailPending()
