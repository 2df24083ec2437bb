"""What the doors of people answer alike."""

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.http import RequestInfo
from lyceum.platform.ratelimit import address_key
from lyceum.platform.routing import API
from lyceum.platform.settings import Settings
from lyceum.platform.wire import Answer
from lyceum.users import permissions
from lyceum.users.http import cookies
from lyceum.users.records import Account, Device, FollowCounts
from lyceum.users.schemas.accounts import PersonView, UserView
from lyceum.users.schemas.browser import BrowserSessionView
from lyceum.users.schemas.mfa import MfaRequiredView
from lyceum.users.schemas.sign_in import SignedInView
from lyceum.users.service import browser_sessions, tokens
from lyceum.users.service.admission import SecondFactorNeeded
from lyceum.users.service.opening import Opened

T = TypeVar("T")


def device_of(
    request: RequestInfo, *, token: str | UnsetType = UNSET, is_browser: bool = False
) -> Device:
    """Return where a request came from; `token` is what it sends to be known by, if it keeps no
    cookies. `is_browser` asks for a session by cookie."""
    return Device.of(
        request.ip,
        request.header(b"user-agent"),
        # Where requests are counted by address, so are failures and mails.
        network=address_key(request.ip) if request.limit_headers else "",
        token=token or cookies.read(request, cookies.DEVICE),
        is_browser=is_browser,
        cookie=cookies.read(request, cookies.SESSION),
    )


def accepted(outcome: T | errors.Fact) -> T:
    """Return what a use case gives, or raise the refusal that it returned to have it committed."""
    if isinstance(outcome, errors.Fact):
        raise outcome
    return outcome


def account_answer(found: Account, location: str | None = None) -> Answer[UserView]:
    """Answer with a whole account and its version."""
    return Answer(data=user_view(found), version=found.version, location=location)


def admitted(settings: Settings, outcome: Opened | SecondFactorNeeded | errors.Fact) -> Answer[Any]:
    """Answer with a session of either kind, or with what the second factor is shown with."""
    if isinstance(outcome, errors.Fact):
        raise outcome
    if isinstance(outcome, tokens.SignedIn):
        return Answer(
            data=signed_in(outcome), headers=(cookies.device(settings, outcome.device_token),)
        )
    if isinstance(outcome, browser_sessions.BrowserSignedIn):
        return Answer(
            data=browser_session(outcome),
            status=201,
            location=f"{API}/auth/session",
            headers=(
                cookies.session(settings, outcome.cookie),
                cookies.device(settings, outcome.device_token),
            ),
        )
    return Answer(
        status=200,
        data=MfaRequiredView(
            mfa_token=outcome.token,
            methods=list(outcome.methods),
            expires_in=outcome.expires_in,
        ),
    )


def browser_session(opened: browser_sessions.BrowserSignedIn) -> BrowserSessionView:
    """Show a browser's session, without what its cookie holds."""
    return BrowserSessionView(
        user=user_view(opened.account),
        session_id=opened.session_id,
        csrf_token=opened.csrf_token,
        expires_at=opened.expires_at,
    )


def with_csrf_token(view: BrowserSessionView, token: str) -> BrowserSessionView:
    """Show the token against forgery too."""
    return msgspec.structs.replace(view, csrf_token=token)


def signed_in(opened: tokens.SignedIn) -> SignedInView:
    """Show a session's tokens with whose they are."""
    return SignedInView(
        user=user_view(opened.account),
        access_token=opened.access_token,
        refresh_token=opened.refresh_token,
        expires_in=opened.expires_in,
        device_token=opened.device_token or UNSET,
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


def person_view(found: Account, follows: FollowCounts, actor: Actor) -> PersonView:
    """Show a person as far as `actor` may see."""
    public: dict[str, Any] = {
        "id": found.id,
        "display_name": found.display_name,
        "avatar_url": found.avatar_url,
        "bio": found.bio,
        "is_instructor": permissions.teaches(found.roles),
        "followers_count": follows.followers,
        "following_count": follows.following,
        "is_followed": follows.is_followed,
    }
    if permissions.may_see_account(actor, found):
        whole = user_view(found)
        public |= {name: getattr(whole, name) for name in whole.__struct_fields__}
    return PersonView(**public)
