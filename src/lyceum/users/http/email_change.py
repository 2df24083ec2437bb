"""The HTTP door for another address: asked for at `/me/email`, proved at `/auth/email-change`."""

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Writer
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import IN_PERSON, PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import EmailInvalid, EmailTaken, LinkInvalid, StepUpRequired
from lyceum.users.http import answers
from lyceum.users.schemas.accounts import UserView
from lyceum.users.schemas.recovery import EmailWish, LinkToken, MailPending
from lyceum.users.service import email_change

routes = Routes("users")


@routes.post(
    "/me/email",
    access=IN_PERSON,
    summary="Ask for another address",
    status=202,
    keeps_response=False,
    facts=(EmailInvalid, StepUpRequired, errors.Conflict, errors.RateLimitExceeded),
)
async def request_email_change(
    tx: Writer, actor: Actor, request: RequestInfo, data: EmailWish
) -> MailPending:
    """Takes a step-up. Both addresses get a mail; the new one counts once its link was followed,
    and until then everything stays as it is."""
    device = answers.device_of(request)
    await email_change.request_email_change(tx, actor, email=data.email, device=device)
    return MailPending()


@routes.post(
    "/auth/email-change",
    access=PUBLIC,
    summary="Prove another address",
    keeps_response=False,
    facts=(LinkInvalid, EmailTaken),
)
async def confirm_email_change(tx: Writer, data: LinkToken) -> Answer[UserView]:
    """Takes the token of the link, once, within a day; a newer wish or password voids it."""
    changed = await email_change.confirm_email_change(tx, ANONYMOUS, data.token)
    return answers.account_answer(changed)
