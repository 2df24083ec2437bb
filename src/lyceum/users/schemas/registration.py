"""What goes over the wire when somebody makes an account for themselves."""

from typing import Literal

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import Email, FirstName, LastName, NewSecret, Secretive, Token


class NewRegistration(Secretive, Input, frozen=True, kw_only=True):
    """Who wants an account."""

    email: Email
    password: NewSecret
    first_name: FirstName
    last_name: LastName = ""


class EmailProof(Secretive, Input, frozen=True, kw_only=True):
    """The token of a verification link."""

    token: Token


class RegistrationPending(Output, frozen=True, kw_only=True):
    """The answer to everybody where addresses are proved first."""

    status: Literal["pending"] = "pending"
    message: str = "Look into your mailbox: we have sent you what to do next."
