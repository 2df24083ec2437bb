"""What people see and change about themselves. Not here: sessions, other people's accounts."""

import zoneinfo
from functools import lru_cache

import msgspec

from lyceum.platform import errors, events
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.users.adapters import names, passwords
from lyceum.users.events import PasswordChanged
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import credentials as credential_queries
from lyceum.users.records import Account, Device
from lyceum.users.schemas.accounts import ProfilePatch
from lyceum.users.service.api_keys import revoke_keys_with_password
from lyceum.users.service.attempts import prove_password
from lyceum.users.service.recovery import void_links
from lyceum.users.service.sessions import revoke_all_sessions
from lyceum.users.service.step_up import require_fresh


async def get_own_account(tx: Reader, actor: Actor) -> Account:
    """Return the actor's account."""
    account = await tx.one_or_none(account_queries.FIND_ACCOUNT, actor.require_user())
    if account is None:
        raise errors.NotFound
    return account


async def update_profile(
    tx: Writer, actor: Actor, patch: ProfilePatch, *, if_match: int | None
) -> Account:
    """Change what the actor tells about themselves; PreconditionFailed for an older version."""
    account = await tx.one_or_none(account_queries.LOCK_ACCOUNT, actor.require_user())
    if account is None:
        raise errors.NotFound
    if if_match is not None and if_match != account.version:
        raise errors.PreconditionFailed
    changed = msgspec.structs.replace(account, **_cleaned(patch))
    if changed == account:
        return account
    tx.invalidate(f"users:{account.id}", "users:list")
    return await tx.one(
        account_queries.UPDATE_PROFILE,
        account.id,
        changed.first_name,
        changed.last_name,
        changed.avatar_url,
        changed.bio,
        changed.locale,
        changed.time_zone,
        changed.visibility,
    )


async def change_password(
    tx: Writer, actor: Actor, *, current: str, new: str, device: Device
) -> errors.Fact | None:
    """Replace the password of whoever proves the present one, and end their other sessions.

    Returns why not, as `prove_password` does; hashes before the first statement of `tx`.
    """
    user_id = actor.require_user()
    primary = tx.database.sole_writer()
    await require_fresh(primary, actor)
    credentials = await primary.one_or_none(credential_queries.FIND_CREDENTIALS, user_id)
    if credentials is None:
        raise errors.NotFound
    passwords.require_acceptable(new, credentials.email, pointer="/newPassword")
    new_hash = await passwords.hash_password(new)
    denial = await prove_password(
        tx,
        actor,
        address=credentials.email,
        credentials=credentials,
        password=current,
        device=device,
    )
    if denial is not None:
        return denial
    replaced = await tx.one_or_none(
        credential_queries.REPLACE_PASSWORD, user_id, new_hash, credentials.password_hash
    )
    if replaced is None:
        raise errors.Conflict("The password was changed elsewhere in the meantime.")
    await void_links(tx, actor, user_id)
    await revoke_all_sessions(tx, actor, user_id, but=actor.session_id, reason="password_changed")
    await revoke_keys_with_password(tx, actor, user_id)
    await events.emit(tx, actor, PasswordChanged(user_id=user_id))
    return None


def _cleaned(patch: ProfilePatch) -> dict[str, object]:
    changes = patch.changes()
    if "first_name" in changes:
        changes["first_name"] = names.clean_first_name(changes["first_name"])
    if "last_name" in changes:
        changes["last_name"] = names.clean_last_name(changes["last_name"])
    zone = changes.get("time_zone")
    if zone is not None and zone not in _time_zones():
        raise errors.ValidationFailed(
            "", errors.FieldError("/timeZone", "The IANA database has no such time zone")
        )
    return changes


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
