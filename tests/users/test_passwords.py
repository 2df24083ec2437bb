"""Which passwords are refused, and how the others are kept."""

import asyncio
import threading
import unicodedata

import bcrypt
import pytest
from argon2.exceptions import VerifyMismatchError

from lyceum.platform.errors import ServiceUnavailable
from lyceum.users.adapters import passwords
from lyceum.users.errors import PasswordRefused


@pytest.mark.parametrize(
    "password",
    [
        "", "short12", "x1" * 65, "password", "PassWord", "password123", "12345678", "qwertyuiop",
        "aaaaaaaaaa", "abababababab", "Welcome2026", "ada.lovelace", "my-ADA.Lovelace-99",
        "Student123!", "iloveyou",
    ],
)  # fmt: skip
def test_a_guessable_password_is_refused(password: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        passwords.require_acceptable(password, "ada.lovelace@example.org", pointer="/newPassword")
    assert refused.value.status == 422
    assert refused.value.data["errors"][0]["pointer"] == "/newPassword"


@pytest.mark.parametrize(
    "password",
    [
        "tide-over-9-lanterns",
        "x" * 3 + "yz" + "w" * 123,
        "пароль-из-слов",
        "🦊🐢🦉🐝🦋🐙🦔🦦",
        "        ab c",
    ],
)
def test_no_rules_of_composition(password: str) -> None:
    passwords.require_acceptable(password, "ada@example.org")


def test_a_short_local_part_is_in_many_words() -> None:
    passwords.require_acceptable("balloon-at-dawn", "al@example.org")


def test_the_list_is_ours_and_of_use() -> None:
    listed = passwords.common_passwords()
    assert 1000 <= len(listed) <= 2000
    assert all(word == word.casefold() and 8 <= len(word) <= 128 for word in listed)


async def test_every_character_counts() -> None:
    """No trimming, no composing, no cutting: the 73rd byte matters, and so does the last."""
    password = "é" + "x" * 126 + " "
    stored = await passwords.hash_password(password)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify_password(password, stored)
    others = [
        password.strip(),
        unicodedata.normalize("NFD", password),
        password[:72],
        password[:-2] + "y ",
        password[:80] + "z" + password[81:],
        password.upper(),
    ]
    for other in others:
        assert not await passwords.verify_password(other, stored)


async def test_nobody_and_nonsense_verify_nothing() -> None:
    assert not await passwords.verify_password("", None)
    assert not await passwords.verify_password("tide-over-9-lanterns", None)
    assert not await passwords.verify_password("tide-over-9-lanterns", "no hash at all")


def test_the_hash_of_nobody_takes_as_long_as_any() -> None:
    nobody, own = passwords._NOBODY, passwords._hasher  # noqa: SLF001 - who measures would see it
    assert not own.check_needs_rehash(nobody)
    with pytest.raises(VerifyMismatchError):
        own.verify(nobody, b"a guess")


async def test_whoever_waits_too_long_is_told_to_come_back() -> None:
    pool = passwords.HashingPool(1, queue_seconds=0.05)
    gate = threading.Event()
    running = asyncio.create_task(pool.run(gate.wait))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(pool.run(str, "late")) for _ in range(3)]
    await asyncio.sleep(0.2)
    gate.set()
    assert await running
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, ServiceUnavailable)
        assert ("retry-after", "5") in outcome.headers
    assert await pool.run(str, "in time") == "in time"


async def test_hashes_of_other_systems_are_verified_as_they_did() -> None:
    """bcrypt takes 72 bytes; what a person types beyond them was never looked at."""
    long = "é" * 40
    stored = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    assert passwords.is_importable(stored)
    assert passwords.is_importable(stored.replace("$2b$", "$2y$"))
    assert passwords.is_outdated(stored)
    assert await passwords.verify_password(long, stored)
    assert await passwords.verify_password(long, stored.replace("$2b$", "$2y$"))
    assert not await passwords.verify_password("é" * 35, stored)
    ours = await passwords.hash_password(long)
    assert passwords.is_importable(ours)
    assert not passwords.is_outdated(ours)


@pytest.mark.parametrize(
    "stored",
    [
        "", "x", "5f4dcc3b5aa765d61d8327deb882cf99", "$2b$31$" + "a" * 53, "$2b$03$" + "a" * 53,
        "$2b$10$short", "$1$salt$hash", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    ],
)  # fmt: skip
async def test_a_hash_that_is_weak_or_none_is_not_imported(stored: str) -> None:
    assert not passwords.is_importable(stored)
    assert not await passwords.verify_password("tide-over-9-lanterns", stored)
