"""Links to a file that work without signing in: made by HMAC, for one purpose, for a time.

For files that this program serves itself; a cloud signs its own. Not here: the route that they lead
to, revoking one (whoever must be able to keeps a row and checks it).
"""

import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Final, Literal, cast
from urllib.parse import quote, urlencode

import msgspec

from lyceum.platform.clock import utc_now

Method = Literal["GET", "PUT"]

_LONGEST: Final = timedelta(days=7)  # the most that S3 signs, so that no engine takes more


class LinkRefused(Exception):
    """A link that we did not make, that is for something else, or that is past its time."""


class SignedLink(msgspec.Struct, frozen=True):
    """What a verified link allows; `expires_at` in seconds of the epoch."""

    method: Method
    key: str
    purpose: str
    expires_at: int
    download_name: str | None


class LinkSigner:
    """Makes and verifies links `{base}/{purpose}/{key}?expires=…&signature=…[&name=…]`."""

    def __init__(self, signing_key: bytes, *, base: str = "/api/v1/file-links") -> None:
        if len(signing_key) < 32:
            raise ValueError("the key that signs links needs 32 bytes")
        self._signing_key = signing_key
        self._base = base.rstrip("/")

    def sign(
        self,
        key: str,
        purpose: str,
        expires_in: timedelta,
        download_name: str | None = None,
        *,
        method: Method = "GET",
    ) -> str:
        """Return a link that allows `method` on `key` for `purpose`, for 7 days at most."""
        check_duration(expires_in)
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", purpose):
            raise ValueError("a purpose is a lower-case word")
        expires_at = int((utc_now() + expires_in).timestamp())
        link = SignedLink(method, key, purpose, expires_at, download_name)
        query = {"expires": str(expires_at), "signature": self._signature(link)}
        if download_name is not None:
            query["name"] = download_name
        return f"{self._base}/{purpose}/{quote(key)}?{urlencode(query)}"

    def verify(self, method: str, purpose: str, key: str, query: Mapping[str, str]) -> SignedLink:
        """Return what a link allows; raises `LinkRefused`, whatever is wrong with it.

        `key` and `query` come percent-decoded. HEAD is allowed where GET is.
        """
        expires = query.get("expires", "")
        signature = query.get("signature", "").encode("utf-8", "replace")
        wanted = "GET" if method == "HEAD" else method
        if wanted not in ("GET", "PUT") or not re.fullmatch(r"[0-9]{1,12}", expires):
            raise LinkRefused("the link is not valid")
        link = SignedLink(cast(Method, wanted), key, purpose, int(expires), query.get("name"))
        if not hmac.compare_digest(self._signature(link).encode(), signature):
            raise LinkRefused("the link is not valid")
        if link.expires_at <= utc_now().timestamp():
            raise LinkRefused("the link has expired")
        return link

    def _signature(self, link: SignedLink) -> str:
        try:
            # JSON, so that no two links have the same bytes.
            signed = msgspec.json.encode(["lyceum file link 1", link])
        except UnicodeEncodeError as fault:  # a lone surrogate
            raise LinkRefused("the link is not valid") from fault
        return hmac.new(self._signing_key, signed, sha256).hexdigest()


def check_duration(expires_in: timedelta) -> None:
    """Raise `ValueError` unless a link may last so long."""
    if not timedelta(0) < expires_in <= _LONGEST:
        raise ValueError("a link lasts for more than nothing and at most 7 days")


def attachment(name: str) -> str:
    """Return a Content-Disposition (RFC 6266) that saves as `name`, whatever `name` holds."""
    clean = "".join(c for c in name if c.isprintable() and c not in '/\\"').strip(". ")[:150]
    clean = clean or "download"
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", clean)
    if plain == clean:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"
