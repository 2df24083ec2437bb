"""Signing in with the certified provider from npm, on this machine: nothing of it is ours."""

import fcntl
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import msgspec
import pytest

from lyceum.platform import ids
from lyceum.platform.engines import Engines
from lyceum.platform.settings import OidcProvider
from tests.app.program import free_port
from tests.users import oidc
from tests.users.oidc import OIDC

pytestmark = pytest.mark.services

HERE = Path(__file__).parent / "oidc_provider"
INSTALLED = Path(__file__).parents[2] / "var" / "oidc-provider"
CLIENT_ID, CLIENT_SECRET = "lyceum", "a-secret-of-tests+/="
CALLBACK = "http://academy.test/api/v1/auth/oidc/campus/callback"
_INSTALL = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")


def install() -> Path:
    """Return the folder with the provider, installed by npm unless it is there."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "package.json").read_text() + (HERE / "server.mjs").read_text()
    mark = INSTALLED / "node_modules" / ".for"
    with (INSTALLED / "lock").open("w") as lock:
        # Other processes of the same run install it too.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted:
            _install(wanted, mark)
    return INSTALLED


def _install(wanted: str, mark: Path) -> None:
    for name in ("package.json", "server.mjs"):
        shutil.copy(HERE / name, INSTALLED / name)
    done = subprocess.run(
        _INSTALL, cwd=INSTALLED, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"npm cannot install it: {done.stderr[-300:]}")
    mark.write_text(wanted)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running provider."""
    log = tmp_path_factory.mktemp("oidc") / "provider.log"
    facts = {
        "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET,
        "redirectUri": CALLBACK,
        "port": free_port(),
    }
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["node", "server.mjs", json.dumps(facts)],
            cwd=install(),
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line == f"http://127.0.0.1:{facts['port']}", log.read_text()
        yield line
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def ours(engines: Engines, issuer: str) -> Engines:
    known = OidcProvider.model_validate(
        {"name": "campus", "issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    )
    settings = engines.settings.model_copy(update={"oidc_providers": (known,)})
    return msgspec.structs.replace(engines, settings=settings)


@pytest.fixture
async def client(ours: Engines) -> AsyncIterator[httpx.AsyncClient]:
    async with oidc.browser(ours) as client:
        yield client


async def consent(url: str, person: str) -> dict[str, str]:
    """Sign in on the provider's own pages, and return what the browser brings back."""
    async with httpx.AsyncClient(follow_redirects=False) as browser:
        answer = await browser.get(url)
        for _ in range(20):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["location"])
                if url.startswith(CALLBACK):
                    query = parse_qs(urlsplit(url).query)
                    return {name: values[0] for name, values in query.items()}
                answer = await browser.get(url)
                continue
            assert answer.status_code == 200, answer.text
            action = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert action, answer.text
            assert prompt, answer.text
            form = {"prompt": prompt[1], "login": person, "password": "any"}
            answer = await browser.post(urljoin(str(answer.url), action[1]), data=form)
    raise AssertionError("no way back from the provider")


def person() -> str:
    return f"p{ids.new_id().hex}"


async def come_back(client: httpx.AsyncClient, given: dict[str, Any]) -> httpx.Response:
    return await client.get(f"{OIDC}/campus/callback", params=given)


async def test_from_discovery_to_a_session(client: httpx.AsyncClient, issuer: str) -> None:
    url = await oidc.start(client)
    assert url.startswith(f"{issuer}/auth?")
    name = person()
    given = await consent(url, name)
    assert given["iss"] == issuer
    body = {"code": oidc.code_of(await come_back(client, given))}
    opened = await client.post(f"{OIDC}/exchange", json=body)
    assert opened.status_code == 200, opened.text
    user = opened.json()["data"]["user"]
    assert (user["email"], user["firstName"], user["lastName"]) == (
        f"{name}@campus.test", "Grace", "Hopper",
    )  # fmt: skip
    assert (await client.post(f"{OIDC}/exchange", json=body)).status_code == 401
    again = await consent(await oidc.start(client), name)
    body = {"code": oidc.code_of(await come_back(client, again))}
    opened = await client.post(f"{OIDC}/exchange", json=body)
    assert opened.json()["data"]["user"]["id"] == user["id"]


async def test_pkce_is_what_the_provider_wants(client: httpx.AsyncClient) -> None:
    """The provider refuses to begin without a challenge, and to end with another verifier."""
    url = await oidc.start(client)
    async with httpx.AsyncClient() as browser:
        bare = re.sub(r"code_challenge[^&]*&?", "", url)
        refused = await browser.get(bare)
        assert "error=invalid_request" in refused.headers["location"]
    first, second = await oidc.start(client), await oidc.start(client)
    given = await consent(first, person())
    other = parse_qs(urlsplit(second).query)["state"][0]
    # The code of one sign-in under the state of another has another verifier.
    mixed = await come_back(client, {**given, "state": other})
    assert (mixed.status_code, mixed.json()["code"]) == (401, 6033)


async def test_the_nonce_is_of_this_sign_in(client: httpx.AsyncClient) -> None:
    url = await oidc.start(client)
    given = await consent(re.sub(r"nonce=[^&]+", "nonce=of-another", url), person())
    answer = await come_back(client, given)
    assert (answer.status_code, answer.json()["code"]) == (401, 6033)


@pytest.mark.parametrize("iss", ["https://evil.test", None])
async def test_another_issuer(client: httpx.AsyncClient, iss: str | None) -> None:
    given: dict[str, Any] = await consent(await oidc.start(client), person())
    given = {**given, "iss": iss} if iss else {k: v for k, v in given.items() if k != "iss"}
    answer = await come_back(client, given)
    assert (answer.status_code, answer.json()["code"]) == (401, 6033)


async def test_a_code_of_the_provider_is_good_once(client: httpx.AsyncClient) -> None:
    first = await oidc.start(client)
    given = await consent(first, person())
    assert (await come_back(client, given)).status_code == 302
    replayed = await come_back(client, given)
    assert (replayed.status_code, replayed.json()["code"]) == (401, 1004), "the state was used"
    second = parse_qs(urlsplit(await oidc.start(client)).query)["state"][0]
    answer = await come_back(client, {**given, "state": second})
    assert (answer.status_code, answer.json()["code"]) == (401, 6033), "the code was used"


async def test_whoever_turns_back_is_let_go(client: httpx.AsyncClient) -> None:
    url = await oidc.start(client)
    state = parse_qs(urlsplit(url).query)["state"][0]
    issuer = url.partition("/auth?")[0]
    denied = {"state": state, "error": "access_denied", "iss": issuer}
    answer = await come_back(client, denied)
    assert answer.headers["location"].endswith("/login?error=access_denied")
