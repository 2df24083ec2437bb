"""Proving who one is: five failures, then waits that grow from one minute to fifteen.

Failures count for an address, known or not, whichever way in they were made: password, change of
password, second factor. One counter, which a right proof does not clear, so that an owner who signs
in gives nobody else more guesses. Whoever comes from a device of that person, or speaks in one of
their sessions, is held to a counter of their own instead, so that strangers lock nobody out of
where they have been. A network has a counter too, for those who try many addresses.
"""

import hashlib
from uuid import UUID

import msgspec

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.adapters import passwords
from lyceum.users.events import LoginFailed, RefusalReason
from lyceum.users.queries import attempts as attempt_queries
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.queries import devices as device_queries
from lyceum.users.records import Credentials, Device

ALLOWED_FAILURES = 5
WINDOW_SECONDS = 86_400
NETWORK_FAILURES = 50
NETWORK_WINDOW_SECONDS = 3600


class _Counter(msgspec.Struct, frozen=True):
    """What counts failures; those that `is_held` can lock an attempt."""

    key: bytes
    allowed: int
    seconds: int
    is_held: bool = True


_Columns = tuple[list[bytes], list[int], list[int]]


async def prove_password(
    tx: Writer,
    actor: Actor,
    *,
    address: str,
    credentials: Credentials | None,
    password: str,
    device: Device,
) -> errors.Fact | None:
    """Return None if the password is right, otherwise what to tell.

    Hashes before the first statement of `tx`, so that no transaction waits for it, and as long for
    an unknown address (`credentials` None). A hash of an older kind is replaced by the way. What it
    counts is to be committed: the refusal is returned, not raised. Guesses made at the same time
    are counted one after the other.
    """
    primary = tx.database.sole_writer()
    counters = await _find_counters(primary, actor, address, credentials, device)
    held = [counter for counter in counters if counter.is_held]
    seconds = await primary.one(attempt_queries.FIND_WAIT, *_columns(held))
    if seconds:
        return _locked(seconds)
    stored = credentials.password_hash if credentials else None
    is_right = await passwords.verify_password(password, stored)
    is_outdated = is_right and stored is not None and passwords.is_outdated(stored)
    newer = await passwords.hash_password(password) if is_outdated else None
    locked = await _claim(tx, counters)
    if locked is not None:
        return locked
    if not is_right:
        await _record(tx, actor, "wrong_password", counters, address, credentials, device)
        return errors.InvalidCredentials()
    if newer is not None and credentials is not None:
        await tx.execute(credential_queries.REPLACE_PASSWORD, credentials.user_id, newer, stored)
    return None


async def claim_attempt(
    tx: Writer, actor: Actor, *, address: str, credentials: Credentials | None, device: Device
) -> errors.AccountLocked | None:
    """Wait for one's turn to try, whatever is to be proved; return what to tell if there is none.

    Whoever has the turn calls `count_failure` in the same transaction if the proof is wrong.
    """
    return await _claim(tx, await _find_counters(tx, actor, address, credentials, device))


async def count_failure(
    tx: Writer,
    actor: Actor,
    reason: RefusalReason,
    *,
    address: str,
    credentials: Credentials | None,
    device: Device,
) -> None:
    """Count a wrong proof against the address, and tell of it; it is to be committed."""
    counters = await _find_counters(tx, actor, address, credentials, device)
    await _record(tx, actor, reason, counters, address, credentials, device)


async def report_failure(
    tx: Writer,
    actor: Actor,
    reason: RefusalReason,
    *,
    address: str,
    credentials: Credentials | None,
    device: Device,
    starts_lock: bool = False,
) -> None:
    """Tell whoever watches that somebody could not sign in."""
    failed = LoginFailed(
        account=_key_of("address", address).hex()[:32],
        user_id=credentials.user_id if credentials else None,
        reason=reason,
        ip=device.ip,
        starts_lock=starts_lock,
    )
    await events.emit(tx, actor, failed)


async def _find_counters(
    tx: Reader, actor: Actor, address: str, credentials: Credentials | None, device: Device
) -> list[_Counter]:
    """Return what counts an attempt, that of the address first; costs the same for every address.

    `tx` is of the primary: a replica may not know a device yet.
    """
    place: UUID | None = await tx.one_or_none(
        device_queries.FIND_KNOWN_DEVICE, ids.hash_secret(device.token), address
    )
    if place is None and credentials is not None and actor.user_id == credentials.user_id:
        place = actor.session_id
    counters = [
        _Counter(_key_of("address", address), ALLOWED_FAILURES, WINDOW_SECONDS, place is None)
    ]
    if place is not None:
        own = _key_of("place", str(place))
        counters.append(_Counter(own, ALLOWED_FAILURES, WINDOW_SECONDS))
    elif device.network:
        network = _key_of("network", device.network)
        counters.append(_Counter(network, NETWORK_FAILURES, NETWORK_WINDOW_SECONDS))
    return counters


async def _claim(tx: Writer, counters: list[_Counter]) -> errors.AccountLocked | None:
    held = [counter.key for counter in counters if counter.is_held]
    seconds = await tx.one(attempt_queries.CLAIM_ATTEMPT, *_columns(counters), held)
    return _locked(seconds) if seconds else None


async def _record(
    tx: Writer,
    actor: Actor,
    reason: RefusalReason,
    counters: list[_Counter],
    address: str,
    credentials: Credentials | None,
    device: Device,
) -> None:
    of_address = counters[0].key
    starts_lock = await tx.one(attempt_queries.RECORD_FAILURE, *_columns(counters), of_address)
    await report_failure(
        tx,
        actor,
        reason,
        address=address,
        credentials=credentials,
        device=device,
        starts_lock=starts_lock,
    )


def _key_of(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()


def _columns(counters: list[_Counter]) -> _Columns:
    return (
        [counter.key for counter in counters],
        [counter.allowed for counter in counters],
        [counter.seconds for counter in counters],
    )


def _locked(seconds: int) -> errors.AccountLocked:
    return errors.AccountLocked(
        f"Too many failed attempts: try again in {seconds} s.",
        headers=(("retry-after", str(seconds)),),
        retry_after=seconds,
    )
