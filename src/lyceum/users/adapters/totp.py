"""Time-based one-time passwords (RFC 6238): the codes of authenticator apps, and how they are set
up. Not here: whose secret it is, and that a step is used once (`service.totp`).
"""

import base64
import hmac
import os
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote, urlencode

from lyceum.platform.loading import later

if TYPE_CHECKING:
    import segno
else:
    segno = later("segno")

STEP_SECONDS: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
# How many steps a clock may be off: one, as RFC 6238 5.2 recommends.
DRIFT: Final = 1

Digest = Literal["sha1", "sha256", "sha512"]


def new_secret() -> bytes:
    """Return a random secret as long as the hash (RFC 4226 4)."""
    return os.urandom(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Return a secret as people type it into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def code_at(secret: bytes, step: int, *, digits: int = DIGITS, digest: Digest = "sha1") -> str:
    """Return the code of a step (RFC 4226 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8), digest)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def find_step(secret: bytes, code: str, now: float) -> int | None:
    """Return the step near `now` (seconds since 1970) that `code` is of, the latest first."""
    present = int(now) // STEP_SECONDS
    found = None
    for step in range(max(0, present - DRIFT), present + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            found = step
    return found


def otpauth_url(secret: bytes, *, issuer: str, account: str) -> str:
    """Return the address that sets an app up (the key URI format of Google Authenticator)."""
    label = f"{quote(issuer.replace(':', ' '))}:{quote(account)}"
    facts = {
        "secret": shown(secret),
        "issuer": issuer.replace(":", " "),
        "algorithm": "SHA1",
        "digits": str(DIGITS),
        "period": str(STEP_SECONDS),
    }
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"


def qr_svg(url: str) -> str:
    """Return the picture of `url` that an app scans, as an SVG element."""
    return str(segno.make_qr(url, error="m").svg_inline(scale=4, dark="#000", light="#fff"))
