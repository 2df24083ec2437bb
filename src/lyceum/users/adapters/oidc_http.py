"""Asking OpenID providers over HTTP: limited in time and size, by https, and never led elsewhere.

Plain http is for a provider on this machine alone. Not here: what is asked (`oidc_directory`,
`oidc_exchange`). Never called inside a transaction.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from lyceum.platform import outbound
from lyceum.platform.loading import later

if TYPE_CHECKING:
    import httpx
else:
    httpx = later("httpx")

MAX_BYTES: Final = 1024 * 1024
SECONDS: Final = 10.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ProviderFailed(Exception):
    """A provider that does not answer, or not as it should; the text is for logs."""


class GrantRefused(ProviderFailed):
    """A code that the provider does not take: used, too old, or of another sign-in."""


def require_safe(url: str) -> str:
    """Return `url` if it may be asked; ProviderFailed."""
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" and bool(parts.hostname)
        is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    except ValueError as problem:
        raise ProviderFailed("an address that is none") from problem
    if not is_safe and not is_local:
        raise ProviderFailed(f"{parts.scheme or 'no'} address of {parts.hostname}: https is needed")
    return url


async def ask(
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    basic: tuple[str, str] | None = None,
    bearer: str | None = None,
) -> dict[str, Any]:
    """Return the JSON object that a provider answers with; with `form`, POST it."""
    require_safe(url)
    try:
        async with asyncio.timeout(SECONDS):
            status, body = await _fetch(url, form, basic, bearer)
        found = msgspec.json.decode(body)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, msgspec.MsgspecError) as problem:
        raise ProviderFailed(f"{type(problem).__name__} from {urlsplit(url).netloc}") from problem
    if not isinstance(found, dict):
        raise ProviderFailed(f"no object from {urlsplit(url).netloc}")
    if status == httpx.codes.BAD_REQUEST and found.get("error") == "invalid_grant":
        raise GrantRefused(f"invalid_grant from {urlsplit(url).netloc}")
    if status != httpx.codes.OK:
        raise ProviderFailed(
            f"{status} {str(found.get('error'))[:60]!r} from {urlsplit(url).netloc}"
        )
    return found


async def _fetch(
    url: str, form: Mapping[str, str] | None, basic: tuple[str, str] | None, bearer: str | None
) -> tuple[int, bytes]:
    method = "GET" if form is None else "POST"
    # What is unpacked could be any size.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    async with (
        httpx.AsyncClient(
            verify=outbound.trust(), timeout=SECONDS, follow_redirects=False, trust_env=False
        ) as client,
        client.stream(
            method,
            url,
            data=form,
            auth=httpx.BasicAuth(*basic) if basic else None,
            headers=headers,
        ) as response,
    ):
        body = b""
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_BYTES:
                raise ProviderFailed(f"too much from {urlsplit(url).netloc}")
        return response.status_code, body
