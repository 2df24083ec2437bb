"""Recovery codes: what they look like, and the keyed hash under which they are stored.

80 random bits in 16 letters and digits of which none looks like another (Crockford's base 32).
"""

import hmac
import secrets
from typing import Final

from lyceum.users.adapters.sealing import derive_key

HOW_MANY: Final = 10
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH: Final = 16
_LOOK_ALIKES: Final = str.maketrans("ilo", "110", " -")


def new_codes() -> list[str]:
    """Return fresh codes, in groups of four."""
    return [_new_code() for _ in range(HOW_MANY)]


def hash_code(secret: str, code: str) -> bytes:
    """Return the hash of a code however it is typed: capitals, groups and look-alikes."""
    plain = code.lower().translate(_LOOK_ALIKES)
    return hmac.digest(derive_key(secret, "recovery codes"), plain.encode(), "sha256")


def _new_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, _LENGTH, 4))
