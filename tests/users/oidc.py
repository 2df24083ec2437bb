"""Browsers that sign in elsewhere, as the front end sees it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec

from lyceum.platform.engines import Engines
from lyceum.platform.settings import OidcProvider
from tests.users.conftest import make_client
from tests.users.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, Person

OIDC = "/api/v1/auth/oidc"
IDENTITIES = "/api/v1/me/identities"


def engines_with(engines: Engines, provider: FakeProvider, **settings: Any) -> Engines:
    """Return the engines of an academy where people sign in at `provider`."""
    known = OidcProvider.model_validate(
        {
            "name": "campus",
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "title": "Campus",
        }
    )
    update = {"oidc_providers": (known,), **settings}
    return msgspec.structs.replace(engines, settings=engines.settings.model_copy(update=update))


def browser(engines: Engines) -> httpx.AsyncClient:
    """A browser of its own: it has no cookies yet."""
    return make_client(engines)


async def start(client: httpx.AsyncClient, **query: str) -> str:
    """Begin, and return where the browser is sent."""
    answer = await client.get(f"{OIDC}/campus/start", params=query)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def code_of(answer: httpx.Response) -> str:
    """Return the code that the front end finds in its address."""
    assert answer.status_code == 302, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


async def come_back(
    client: httpx.AsyncClient, provider: FakeProvider, person: Person, **query: str
) -> str:
    """Sign in at the provider, and return the code that the front end gets."""
    given = provider.authorize(await start(client, **query), person)
    return code_of(await client.get(f"{OIDC}/campus/callback", params=given))


async def sign_in(
    client: httpx.AsyncClient, provider: FakeProvider, person: Person, **more: Any
) -> httpx.Response:
    code = await come_back(client, provider, person)
    return await client.post(f"{OIDC}/exchange", json={"code": code, **more})
