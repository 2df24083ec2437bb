"""Requests that carry what the door wants: a bearer token, or for other services a signature."""

from collections.abc import Generator

import httpx

from lyceum.platform import clock, ids
from lyceum.platform.access import system_actor
from lyceum.platform.engines import Engines
from lyceum.users.adapters.signatures import SignedParts, sign
from lyceum.users.service import service_keys
from lyceum.users.service.service_keys import MadeServiceKey


class Credentials(httpx.Auth):
    """Signs what goes to `/internal`, and brings `bearer` to everything else."""

    requires_request_body = True

    def __init__(self, bearer: str, key: MadeServiceKey) -> None:
        self._bearer = bearer
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        path, _, query = request.url.raw_path.partition(b"?")
        authorization = self._bearer
        if path.startswith(b"/internal/"):
            parts = SignedParts(request.method, path.decode(), query.decode(), request.content)
            now, nonce = int(clock.utc_now().timestamp()), ids.new_secret(128)
            made = sign(self._key.secret.encode(), parts, now, nonce)
            authorization = (
                f"HMAC-SHA256 key={self._key.key.id}, timestamp={now}, nonce={nonce},"
                f" signature={made}"
            )
        request.headers["authorization"] = authorization
        yield request


async def make_service_key(engines: Engines) -> MadeServiceKey:
    """Make the key of a new service."""
    async with engines.database.transaction() as tx:
        return await service_keys.create_service_key(
            tx, system_actor("tests"), engines.settings, f"service-{ids.new_id().hex[-12:]}"
        )
