"""A person's second factors: what there is, renaming, removing, and recovery codes.

Each change takes a step-up. Not here: adding one (`totp`, `passkeys`), proving one (`proofs`).
"""

from uuid import UUID

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.settings import Settings
from lyceum.users.adapters import recovery_codes
from lyceum.users.errors import LastWayIn, NoSecondFactor
from lyceum.users.events import FactorAdded, FactorRemoved, FactorsReset, RecoveryCodesMade
from lyceum.users.permissions import RESET_FACTORS, require_rank
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import factors as factor_queries
from lyceum.users.queries import identities as identity_queries
from lyceum.users.queries import trusted_devices as device_queries
from lyceum.users.records import Account, Factor
from lyceum.users.service.administration import get_account
from lyceum.users.service.step_up import require_fresh


async def list_factors(tx: Reader, actor: Actor) -> list[Factor]:
    """Return the second factors of the actor, the oldest first."""
    return await tx.all(factor_queries.LIST_FACTORS, actor.require_user())


async def count_recovery_codes(tx: Reader, actor: Actor) -> int:
    """Return how many recovery codes the actor has not used yet."""
    return await tx.one(factor_queries.COUNT_RECOVERY_CODES, actor.require_user())


async def rename_factor(tx: Writer, actor: Actor, factor_id: UUID, name: str) -> Factor:
    """Call a factor of the actor something else; NotFound."""
    await _get_factor(tx, actor, factor_id)
    await require_fresh(tx, actor)
    return await tx.one(factor_queries.RENAME_FACTOR, factor_id, name)


async def remove_factor(tx: Writer, actor: Actor, factor_id: UUID) -> None:
    """Take a factor of the actor away; with the last one go recovery codes and trusted devices."""
    user_id = actor.require_user()
    await _get_factor(tx, actor, factor_id)
    await require_fresh(tx, actor)
    await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    # Read again under the lock: somebody else may have removed it.
    factor = await _get_factor(tx, actor, factor_id)
    ways = await tx.one(identity_queries.FIND_WAYS_IN, user_id)
    is_last = not ways.has_password and not ways.identities and ways.passkeys <= 1
    if factor.kind == "passkey" and is_last:
        raise LastWayIn
    await tx.execute(factor_queries.DELETE_FACTOR, factor_id)
    if not await tx.all(factor_queries.LIST_KINDS, user_id):
        await _drop_the_rest(tx, user_id)
    removed = FactorRemoved(user_id=user_id, factor_id=factor_id, kind=factor.kind)
    await events.emit(tx, actor, removed)


async def make_recovery_codes(tx: Writer, actor: Actor, settings: Settings) -> list[str]:
    """Return fresh recovery codes of the actor; those before are void. NoSecondFactor."""
    user_id = actor.require_user()
    await require_fresh(tx, actor)
    await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    if not await tx.all(factor_queries.LIST_KINDS, user_id):
        raise NoSecondFactor
    return await _replace_codes(tx, actor, settings, user_id)


async def finish_adding(
    tx: Writer, actor: Actor, settings: Settings, account: Account, factor: Factor
) -> list[str] | None:
    """Tell that a factor was added to `account`, whose row is locked; return recovery codes if it
    has none that are good."""
    added = FactorAdded(user_id=account.id, factor_id=factor.id, kind=factor.kind)
    await events.emit(tx, actor, added)
    if await tx.one(factor_queries.COUNT_RECOVERY_CODES, account.id):
        return None
    return await _replace_codes(tx, actor, settings, account.id)


async def reset_factors(tx: Writer, actor: Actor, user_id: UUID) -> None:
    """Take every second factor of a person away, who has lost them; done twice, there are none.

    For operators who have made sure who asks. Raises RankTooLow, StepUpRequired.
    """
    await get_account(tx, actor, user_id)
    actor.require(RESET_FACTORS)
    await require_fresh(tx, actor)
    account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    require_rank(actor, account.roles)
    if await tx.all(factor_queries.DELETE_FACTORS, user_id):
        await _drop_the_rest(tx, user_id)
        await events.emit(tx, actor, FactorsReset(user_id=user_id))


async def _get_factor(tx: Reader, actor: Actor, factor_id: UUID) -> Factor:
    factor = await tx.one_or_none(factor_queries.FIND_FACTOR, factor_id, actor.require_user())
    if factor is None:
        raise errors.NotFound
    return factor


async def _drop_the_rest(tx: Writer, user_id: UUID) -> None:
    await tx.execute(factor_queries.DELETE_RECOVERY_CODES, user_id)
    await tx.execute(device_queries.DELETE_DEVICES, user_id)


async def _replace_codes(tx: Writer, actor: Actor, settings: Settings, user_id: UUID) -> list[str]:
    codes = recovery_codes.new_codes()
    await tx.execute(factor_queries.DELETE_RECOVERY_CODES, user_id)
    rows = [(user_id, recovery_codes.hash_code(settings.secret_key, code)) for code in codes]
    await tx.execute_many(factor_queries.INSERT_RECOVERY_CODE, rows)
    await events.emit(tx, actor, RecoveryCodesMade(user_id=user_id))
    return codes
