"""The HTTP door for OpenID providers: `/auth/oidc`. Browsers come and go here by redirect."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from lyceum.platform import errors
from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Writer
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.routing import API, PUBLIC, Routes
from lyceum.platform.wire import Answer, Content
from lyceum.users.adapters.oidc_providers import providers_of
from lyceum.users.errors import (
    AccountSuspended,
    CodeInvalid,
    EmailMissing,
    EmailNotVerified,
    IdentityRefused,
    LinkRequired,
    ProviderUnavailable,
)
from lyceum.users.http import answers, cookies
from lyceum.users.schemas.identities import OidcExchange, OidcStart, ProviderView
from lyceum.users.schemas.sign_in import EitherSignInAnswer
from lyceum.users.service import oidc_flows, oidc_sign_in

routes = Routes("users")

FORM = "application/x-www-form-urlencoded"
MAX_FORM = 64 * 1024
_ANSWERS = (errors.NotFound, errors.TokenInvalid, IdentityRefused, ProviderUnavailable)


@routes.get("/auth/oidc/providers", access=PUBLIC, summary="Where else one can sign in")
async def list_oidc_providers(engines: Engines) -> list[ProviderView]:
    """Send the browser to `startUrl`."""
    return [
        ProviderView(
            name=provider.name,
            title=provider.title,
            start_url=f"{API}/auth/oidc/{provider.name}/start",
        )
        for provider in providers_of(engines.settings).values()
    ]


@routes.get(
    "/auth/oidc/{provider}/start",
    access=PUBLIC,
    summary="Sign in with a provider",
    status=302,
    facts=(errors.NotFound, errors.ValidationFailed, ProviderUnavailable),
    bucket="login",
    media_type="text/plain",
)
async def start_oidc(
    tx: Writer, engines: Engines, request: RequestInfo, provider: str, query: OidcStart
) -> Content:
    """The browser goes to the provider, and comes back to `next` with `?code=…` for
    `/auth/oidc/exchange`, or with `?error=access_denied` or `sign_in_failed`."""
    browser = cookies.oidc_browser(request)
    url = await oidc_flows.begin_flow(
        tx,
        ANONYMOUS,
        engines.settings,
        provider=provider,
        next_path=query.next,
        code_challenge=query.code_challenge,
        browser=browser,
        link_with=None,
    )
    return _redirect(url, cookies.oidc(engines.settings, browser))


@routes.get(
    "/auth/oidc/{provider}/callback",
    access=PUBLIC,
    summary="Come back from a provider",
    status=302,
    facts=_ANSWERS,
    media_type="text/plain",
)
async def finish_oidc(engines: Engines, request: RequestInfo, provider: str) -> Content:
    """Takes what the provider has put into the address (`code`, `state`, `iss` or `error`)."""
    return await _finish(engines, request, provider, request.query_string)


@routes.post(
    "/auth/oidc/{provider}/callback",
    access=PUBLIC,
    summary="Come back from a provider by form",
    status=302,
    facts=_ANSWERS,
    media_type="text/plain",
    upload_media_types=(FORM,),
    keeps_response=False,
)
async def finish_oidc_by_form(engines: Engines, request: RequestInfo, provider: str) -> Content:
    """As by address, for providers that answer with a form (`response_mode=form_post`)."""
    if provider not in providers_of(engines.settings):
        raise errors.NotFound
    declared = (request.header(b"content-type") or "").split(";")[0].strip().lower()
    if declared != FORM:
        raise errors.UnsupportedMediaType(f"Send {FORM}.")
    body = await request.body(MAX_FORM)
    return await _finish(engines, request, provider, body.decode("latin-1"))


@routes.post(
    "/auth/oidc/exchange",
    access=PUBLIC,
    summary="Sign in with a provider: get the session",
    found_status=201,
    bucket="login",
    own_pages_only=True,
    keeps_response=False,
    facts=(
        CodeInvalid,
        LinkRequired,
        EmailMissing,
        EmailNotVerified,
        AccountSuspended,
    ),
    returns=EitherSignInAnswer,
)
async def exchange_oidc_code(
    engines: Engines, request: RequestInfo, data: OidcExchange
) -> Answer[Any]:
    """Takes the code of the address, once within five minutes, from the browser that began (its
    cookie), or whoever has the verifier of its challenge. Somebody new gets an account; an address
    that has one is not let in by it (409 6030): sign in, then link with the same code. 201 for a
    session by cookie."""
    device = answers.device_of(request, token=data.device_token, is_browser=data.as_browser)
    async with engines.database.transaction() as tx:
        outcome = await oidc_sign_in.sign_in_with_identity(
            tx,
            ANONYMOUS,
            engines.settings,
            data,
            browser=cookies.read(request, cookies.OIDC),
            device=device,
        )
    return answers.admitted(engines.settings, outcome)


async def _finish(engines: Engines, request: RequestInfo, provider: str, text: str) -> Content:
    given = _answered(text)
    browser = cookies.read(request, cookies.OIDC)
    async with engines.database.transaction() as tx:
        returned = await oidc_flows.finish_flow(
            tx, ANONYMOUS, engines.settings, provider, given, browser
        )
    told = {"code": returned.code} if returned.code else {"error": returned.error or ""}
    joint = "&" if "?" in returned.path else "?"
    return _redirect(f"{engines.settings.base_url}{returned.path}{joint}{urlencode(told)}")


def _answered(text: str) -> oidc_flows.Answered:
    """Return what a provider says; what it says twice, it does not say."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as problem:
        raise errors.InvalidFormat("This cannot be read.") from problem
    values = dict(pairs)
    if len(values) != len(pairs):
        raise errors.ValidationFailed("", errors.FieldError("/", "A parameter appears twice"))
    return oidc_flows.Answered(
        state=values.get("state", ""),
        code=values.get("code") or None,
        iss=values.get("iss"),
        error=values.get("error"),
    )


def _redirect(url: str, *headers: tuple[str, str]) -> Content:
    return Content(b"", "text/plain", status=302, headers=(("location", url), *headers))
