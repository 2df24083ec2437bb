"""Passwords: which are refused, and argon2id in a thread pool. Not here: whose they are.

A password is its UTF-8 bytes exactly as received: nothing is trimmed, cut or composed, so that
any other sequence of characters is another password. bcrypt hashes that an import brought along
are verified as their makers did (72 bytes count), until an owner signs in: `is_outdated`.
"""

import asyncio
import os
import re
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib import resources
from typing import Final, TypeVar

import argon2
import bcrypt
from argon2.exceptions import InvalidHashError, VerificationError

from lyceum.platform import clock
from lyceum.platform.errors import ServiceUnavailable
from lyceum.users import errors
from lyceum.users.adapters import email_addresses

R = TypeVar("R")

MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 128
QUEUE_SECONDS: Final = 8.0
_SHORTEST_TELLING_PART = 3
# Cost 4 to 14: more would let one sign-in keep a core busy for seconds.
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
# Hashing gives way to everything else in the machine: answers, and the database.
_NICENESS = 5

_hasher = argon2.PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=argon2.Type.ID
)


def _draw(size: int) -> str:
    """Return random bytes as an encoded hash has them."""
    return b64encode(os.urandom(size)).decode().rstrip("=")


# A hash of nothing, which takes as long: what the password of an unknown address is held to.
_NOBODY: Final = (
    f"$argon2id$v={argon2.low_level.ARGON2_VERSION}$m={_hasher.memory_cost},"
    f"t={_hasher.time_cost},p={_hasher.parallelism}${_draw(16)}${_draw(_hasher.hash_len)}"
)


class HashingPool:
    """As many threads as cores; a task that waited longer than `queue_seconds` is refused."""

    def __init__(self, threads: int, queue_seconds: float) -> None:
        self._executor = ThreadPoolExecutor(
            threads, thread_name_prefix="argon2", initializer=_give_way
        )
        self._queue_seconds = queue_seconds

    async def run(self, function: Callable[..., R], *arguments: object) -> R:
        """Return what `function` returns; ServiceUnavailable if its turn came too late."""
        asked = clock.monotonic()

        def work() -> R:
            if clock.monotonic() - asked > self._queue_seconds:
                raise ServiceUnavailable("Too many people sign in at once.", retry_after=5)
            return function(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _give_way() -> None:
    """Lower the priority of the calling thread; on Linux a thread has one of its own."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


_pool = HashingPool(os.cpu_count() or 1, QUEUE_SECONDS)


@lru_cache(maxsize=1)
def common_passwords() -> frozenset[str]:
    """Return the case-folded passwords that everybody tries first."""
    text = resources.files("lyceum.users").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("# "))


def require_acceptable(password: str, email: str, *, pointer: str = "/password") -> None:
    """Raise PasswordRefused, naming `pointer`, for a password that is among the first guesses."""
    folded = password.casefold()
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise errors.PasswordRefused(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters", pointer=pointer
        )
    if folded in common_passwords() or len(set(folded)) < _SHORTEST_TELLING_PART:
        raise errors.PasswordRefused(
            "This password is among the first that anybody guesses", pointer=pointer
        )
    part = email_addresses.local_part(email)
    if len(part) >= _SHORTEST_TELLING_PART and part in folded:
        raise errors.PasswordRefused(
            "A password may not contain your email address", pointer=pointer
        )


async def hash_password(password: str) -> str:
    """Return the argon2id hash in the PHC format; ServiceUnavailable when too many wait."""
    return await _pool.run(_hasher.hash, password)


async def verify_password(password: str, stored: str | None) -> bool:
    """Return whether `password` made `stored`; for None, False after the same time."""
    return await _pool.run(_verify, password, stored)


def is_importable(stored: str) -> bool:
    """Return whether a hash from elsewhere can be kept: bcrypt, or argon2id of our own strength."""
    if stored.startswith("$argon2id$"):
        return not is_outdated(stored)
    return _BCRYPT.fullmatch(stored) is not None


def is_outdated(stored: str) -> bool:
    """Return whether a hash is to be replaced when its password is known again."""
    try:
        return _hasher.check_needs_rehash(stored)
    except InvalidHashError:
        return True


def _verify(password: str, stored: str | None) -> bool:
    if stored is not None and _BCRYPT.fullmatch(stored):
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], stored.encode())
    try:
        _hasher.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None
