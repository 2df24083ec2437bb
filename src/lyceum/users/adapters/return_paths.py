"""Where a sign-in may return to: paths of our own front end, of a list, and nothing else.

Not here: the list (`platform.settings`).
"""

import re

# A path and a query: no host (`//`), no backslash, no control character, nothing that decodes to
# one, no dot segments, no fragment.
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$'()*+,;=:@-]+/?)*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?")


def is_allowed(path: str, listed: str) -> bool:
    """Return whether `path` is one of the comma-separated `listed`, or below one of them; `/` is
    itself alone."""
    if len(path) > 500 or not _PATH.fullmatch(path):
        return False
    plain, _, query = path.partition("?")
    if any(part in (".", "..") for part in plain.split("/")):
        return False
    if re.search(r"%(?![2-7][0-9A-Fa-f])|%(?:5[cC]|7[fF])", query):
        return False
    bases = [base.strip().rstrip("/") for base in listed.split(",") if base.strip()]
    return any(
        plain.rstrip("/") == base or (base and plain.startswith(f"{base}/")) for base in bases
    )
