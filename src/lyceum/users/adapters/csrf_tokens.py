"""Tokens that show that a request was made by our pages: one for each browser's session.

Computed from the cookie's secret, which pages cannot read, so there is nothing to store. Not here:
when one is asked for (`platform.identification`).
"""

import base64
import hmac

from lyceum.users.adapters import sealing

_PURPOSE = "tokens against request forgery"


def csrf_token(secret_key: str, cookie: str) -> str:
    """Return the token of the session that `cookie` opens."""
    key = sealing.derive_key(secret_key, _PURPOSE)
    digest = hmac.digest(key, cookie.encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_csrf_token(secret_key: str, cookie: str, given: str) -> bool:
    """Return whether `given` is the token of the session that `cookie` opens."""
    wanted = csrf_token(secret_key, cookie)
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))
