"""Signing in with an OpenID provider: who is known by issuer and subject, and by nothing else.

An address that has an account here already lets nobody into it: its owner signs in as ever, and
links the identity then. Not here: the way through the provider (`oidc_flows`).
"""

from lyceum.platform import errors, events, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer, constraint_facts
from lyceum.platform.settings import Settings
from lyceum.users.adapters import email_addresses
from lyceum.users.adapters.oidc_exchange import Identity
from lyceum.users.errors import (
    CodeInvalid,
    EmailMissing,
    EmailNotVerified,
    IdentityInUse,
    LinkRequired,
)
from lyceum.users.events import IdentityLinked
from lyceum.users.queries import accounts as account_queries
from lyceum.users.queries import identities as identity_queries
from lyceum.users.records import Account, Credentials, Device, LinkedIdentity
from lyceum.users.schemas.identities import OidcExchange
from lyceum.users.service.admission import SecondFactorNeeded, admit
from lyceum.users.service.oidc_flows import claim_code
from lyceum.users.service.opening import Opened
from lyceum.users.service.registration import insert_account
from lyceum.users.service.sign_in import refuse_account

METHOD = "oidc"


async def sign_in_with_identity(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    given: OidcExchange,
    *,
    browser: str,
    device: Device,
) -> Opened | SecondFactorNeeded | errors.Fact:
    """Open a session for whoever a provider has vouched for, ask for their second factor, or
    return why not; an account is made for whoever is new. What it returns is to be committed."""
    claimed = await claim_code(
        tx,
        actor,
        settings,
        code=given.code,
        code_verifier=given.code_verifier,
        browser=browser,
    )
    # One that was begun to link an account is no sign-in.
    if claimed is None or claimed[0].user_id is not None:
        return CodeInvalid()
    identity = claimed[1]
    user_id = await tx.one_or_none(identity_queries.FIND_USER, identity.issuer, identity.subject)
    if user_id is None:
        account = await _find_or_make(tx, actor, settings, given.code, identity)
        if isinstance(account, errors.Fact):
            return account
    else:
        account = await tx.one(account_queries.LOCK_ACCOUNT, user_id)
    await tx.execute(identity_queries.DELETE_FLOW, ids.hash_secret(given.code))
    whose = Credentials(account.id, account.email, None)
    refusal = await refuse_account(tx, actor, settings, account, credentials=whose, device=device)
    if refusal is not None:
        return refusal
    await tx.execute(identity_queries.USE_IDENTITY, identity.issuer, identity.subject)
    return await admit(tx, actor, settings, account, device, methods=(METHOD,))


async def insert_identity(
    tx: Writer, actor: Actor, account: Account, identity: Identity
) -> LinkedIdentity:
    """Let an identity open `account`, whose row is locked, and tell of it; IdentityInUse."""
    with constraint_facts({"identities_once": IdentityInUse}):
        linked = await tx.one(
            identity_queries.INSERT_IDENTITY,
            ids.new_id(),
            account.id,
            identity.provider,
            identity.issuer,
            identity.subject,
            identity.email,
        )
    told = IdentityLinked(user_id=account.id, identity_id=linked.id, provider=identity.provider)
    await events.emit(tx, actor, told)
    return linked


async def _find_or_make(
    tx: Writer, actor: Actor, settings: Settings, code: str, identity: Identity
) -> Account | errors.Fact:
    """Return a new account for an identity nobody has, or why there is none."""
    email = email_addresses.find_normal_form(identity.email or "")
    if email is None:
        return EmailMissing()
    taken = await tx.one_or_none(account_queries.FIND_ACCOUNT_BY_EMAIL, email)
    if taken is not None:
        # The code is good for its owner from now on, and for nothing but linking.
        await tx.execute(identity_queries.HOLD_FLOW_FOR, ids.hash_secret(code), taken.id)
        return LinkRequired()
    if settings.registration_mode == "verified" and not identity.is_email_verified:
        return EmailNotVerified()
    account = await insert_account(
        tx,
        actor,
        email=email,
        password_hash=None,
        first_name=identity.first_name[:100] or email_addresses.local_part(email)[:100],
        last_name=identity.last_name[:100],
        roles=("student",),
        is_verified=identity.is_email_verified,
    )
    await insert_identity(tx, actor, account, identity)
    return account
