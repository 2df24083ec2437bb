"""The HTTP door for those who have forgotten their password: `/auth/password`."""

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import PUBLIC, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import EmailInvalid, LinkInvalid, PasswordRefused
from lyceum.users.http import answers, cookies
from lyceum.users.schemas.recovery import AddressOnly, MailPending, PasswordReset, ResetView
from lyceum.users.service import recovery

routes = Routes("users")


@routes.post(
    "/auth/password/forgot",
    access=PUBLIC,
    summary="Ask for a new password",
    status=202,
    keeps_response=False,
    facts=(EmailInvalid,),
)
async def forgot_password(tx: Writer, request: RequestInfo, data: AddressOnly) -> MailPending:
    """The same answer for every address. One that has an account gets a link, good once, for half
    an hour; an address gets three mails an hour."""
    device = answers.device_of(request)
    await recovery.request_reset(tx, ANONYMOUS, email=data.email, device=device)
    return MailPending()


@routes.post(
    "/auth/password/reset",
    access=PUBLIC,
    summary="Set a new password",
    own_pages_only=True,
    keeps_response=False,
    facts=(LinkInvalid, PasswordRefused, errors.ServiceUnavailable),
)
async def reset_password(
    engines: Engines, request: RequestInfo, data: PasswordReset
) -> Answer[ResetView]:
    """Takes the token of the link. Ends every session and opens none: sign in with the new
    password, and the second factor if there is one."""
    async with engines.database.transaction() as tx:
        token = await recovery.reset_password(
            tx,
            ANONYMOUS,
            token=data.token,
            new=data.new_password,
            email=data.email or None,
            device=answers.device_of(request),
        )
    return Answer(
        data=ResetView(device_token=token), headers=(cookies.device(engines.settings, token),)
    )
