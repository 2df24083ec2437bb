"""The public keys at their well-known address."""

import msgspec

from lyceum.platform.access import ANONYMOUS
from lyceum.platform.database import Writer
from lyceum.platform.digests import content_etag
from lyceum.platform.engines import Engines
from lyceum.platform.routing import PUBLIC, Routes
from lyceum.platform.wire import Content
from lyceum.users.schemas.signing_keys import JwkSet
from lyceum.users.service import tokens

well_known = Routes("users", prefix="")


@well_known.get(
    "/.well-known/jwks.json",
    access=PUBLIC,
    summary="The keys that verify access tokens",
    media_type="application/jwk-set+json",
    returns=JwkSet,
)
async def get_jwks(tx: Writer, engines: Engines) -> Content:
    """A JSON Web Key Set (RFC 7517)."""
    await tokens.get_signing_key(tx, ANONYMOUS, engines.settings)
    keys = await tokens.list_public_keys(tx, ANONYMOUS)
    body = msgspec.json.encode({"keys": keys})
    return Content(body, "application/jwk-set+json", is_public=True, etag=content_etag(body))
