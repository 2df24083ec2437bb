"""What goes over the wire about mails that people ask for, and what their links do."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from lyceum.platform.wire import Input, Output
from lyceum.users.schemas.fields import Email, NewSecret, Secretive, Token


class AddressOnly(Input, frozen=True, kw_only=True):
    """The address that a mail is asked for."""

    email: Email


class MailPending(Output, frozen=True, kw_only=True):
    """The answer to everybody who asks for a mail."""

    status: Literal["pending"] = "pending"
    message: str = "Look into your mailbox: if there is something to do, we have sent it."


class PasswordReset(Secretive, Input, frozen=True, kw_only=True):
    """The token of a link, and the password to have from now on."""

    token: Token
    new_password: NewSecret
    email: (
        Annotated[str, Meta(max_length=320, description="If given, the account must have it")]
        | UnsetType
    ) = UNSET


class ResetView(Secretive, Output, frozen=True, kw_only=True):
    """What the device is known by from now on: strangers' wrong passwords do not lock it out."""

    device_token: str


class EmailWish(Input, frozen=True, kw_only=True):
    """The address that somebody wants to have."""

    email: Email


class LinkToken(Secretive, Input, frozen=True, kw_only=True):
    """The token of a link."""

    token: Token
