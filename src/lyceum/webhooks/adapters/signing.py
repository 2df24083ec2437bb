"""Secrets and signatures as Standard Webhooks has them: `v1,` and HMAC-SHA256 of `id.time.body`.

A secret is derived from the installation's, the endpoint and a generation: none is stored.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from lyceum.webhooks.records import Endpoint

OLD_SECRET: Final = timedelta(days=1)


def derive_secret(installation: str, endpoint_id: UUID, generation: int) -> str:
    """Return the secret that an endpoint's receiver verifies with."""
    words = f"lyceum webhook {endpoint_id} {generation}"
    key = hmac.digest(installation.encode(), words.encode(), hashlib.sha256)
    return f"whsec_{base64.b64encode(key).decode()}"


def secrets_at(installation: str, endpoint: Endpoint, now: datetime) -> list[str]:
    """Return the secrets that sign at `now`, the present one first."""
    generations = [endpoint.generation]
    if endpoint.rotated_at is not None and now < endpoint.rotated_at + OLD_SECRET:
        generations.append(endpoint.generation - 1)
    return [derive_secret(installation, endpoint.id, one) for one in generations]


def sign(secrets: Sequence[str], message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a message, with a signature for each secret."""
    seconds = str(int(sent_at.timestamp()))
    signed = f"{message_id}.{seconds}.".encode() + body
    signatures = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.digest(key, signed, hashlib.sha256)
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(signatures),
    }
