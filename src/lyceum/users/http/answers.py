"""What the doors of people answer alike."""

from typing import Any, TypeVar

from msgspec import UNSET

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.http import RequestInfo
from lyceum.platform.wire import Answer
from lyceum.users import permissions
from lyceum.users.records import Account, Device
from lyceum.users.schemas.accounts import PersonView, UserView
from lyceum.users.schemas.mfa import MfaRequiredView
from lyceum.users.schemas.sign_in import SignedInView
from lyceum.users.service import tokens
from lyceum.users.service.admission import SecondFactorNeeded

T = TypeVar("T")


def device_of(request: RequestInfo) -> Device:
    """Return where a request came from."""
    return Device.of(request.ip, request.header(b"user-agent"))


def accepted(outcome: T | errors.Fact) -> T:
    """Return what a use case gives, or raise the refusal that it returned to have it committed."""
    if isinstance(outcome, errors.Fact):
        raise outcome
    return outcome


def account_answer(found: Account, location: str | None = None) -> Answer[UserView]:
    """Answer with a whole account and its version."""
    return Answer(data=user_view(found), version=found.version, location=location)


def admitted(outcome: tokens.SignedIn | SecondFactorNeeded | errors.Fact) -> Answer[Any]:
    """Answer with a session's tokens, or with what the second factor is shown with."""
    if isinstance(outcome, errors.Fact):
        raise outcome
    if isinstance(outcome, tokens.SignedIn):
        return Answer(data=signed_in(outcome))
    return Answer(
        data=MfaRequiredView(
            mfa_token=outcome.token,
            methods=list(outcome.methods),
            expires_in=outcome.expires_in,
        )
    )


def signed_in(opened: tokens.SignedIn, *, device_token: str | None = None) -> SignedInView:
    """Show a session's tokens with whose they are."""
    return SignedInView(
        user=user_view(opened.account),
        access_token=opened.access_token,
        refresh_token=opened.refresh_token,
        expires_in=opened.expires_in,
        device_token=device_token or UNSET,
    )


def user_view(found: Account) -> UserView:
    """Show an account as its owner and administrators see it."""
    return UserView(
        id=found.id,
        email=found.email,
        first_name=found.first_name,
        last_name=found.last_name,
        display_name=found.display_name,
        avatar_url=found.avatar_url,
        bio=found.bio,
        locale=found.locale,
        time_zone=found.time_zone,
        visibility=found.visibility,
        roles=found.roles,
        status=found.status,
        email_verified=found.email_verified_at is not None,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def person_view(found: Account, actor: Actor) -> PersonView:
    """Show a person as far as `actor` may see."""
    if permissions.may_see_account(actor, found):
        whole = user_view(found)
        names = whole.__struct_fields__
        return PersonView(**{name: getattr(whole, name) for name in names})
    return PersonView(
        id=found.id, display_name=found.display_name, avatar_url=found.avatar_url, bio=found.bio
    )
