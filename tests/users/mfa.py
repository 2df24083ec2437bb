"""People with second factors, as a client sees them."""

import base64
import time
from typing import Any
from uuid import UUID

import httpx
import msgspec

from lyceum.platform import ids
from lyceum.platform.database import Database, Writer
from lyceum.platform.settings import Settings
from lyceum.platform.statements import command
from lyceum.users.adapters import recovery_codes, sealing, totp
from lyceum.users.queries import factors as factor_queries
from lyceum.users.records import Account
from lyceum.users.service.proofs import TOTP_PURPOSE
from tests.users import factories
from tests.users.conftest import SignIn

MFA = "/api/v1/auth/mfa"
_REWIND = command("UPDATE users.factors SET totp_step = 0 WHERE user_id = $1")
_AGE = command(
    "UPDATE users.sessions SET authenticated_at = now() - interval '11 minutes' WHERE user_id = $1"
)


class Member(msgspec.Struct):
    """Somebody with an authenticator app: what they signed in with at first, and have."""

    account: Account
    headers: dict[str, str]
    secret: bytes
    recovery_codes: list[str]


def decode_secret(shown: str) -> bytes:
    return base64.b32decode(shown + "=" * (-len(shown) % 8))


def code_of(secret: bytes, *, ahead: int = 0) -> str:
    """What the app shows now, or will show some steps later."""
    return totp.code_at(secret, int(time.time()) // totp.STEP_SECONDS + ahead)


async def enrol(client: httpx.AsyncClient, headers_of: SignIn, account: Account) -> Member:
    """Set up an authenticator app over HTTP."""
    headers = await headers_of(account)
    begun = await client.post(f"{MFA}/totp", json={}, headers=headers)
    assert begun.status_code == 201, begun.text
    secret = decode_secret(begun.json()["data"]["secret"])
    body = {"code": code_of(secret)}
    confirmed = await client.post(f"{MFA}/totp/confirm", json=body, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    return Member(account, headers, secret, confirmed.json()["data"]["recoveryCodes"])


async def sign_in(client: httpx.AsyncClient, account: Account, **more: Any) -> httpx.Response:
    body = {"email": account.email, "password": factories.PASSWORD, **more}
    return await client.post("/api/v1/auth/login", json=body)


async def begin(client: httpx.AsyncClient, account: Account) -> str:
    """Prove the password and return the token for the second factor."""
    answer = await sign_in(client, account)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["data"]["mfaToken"]
    return token


async def verify(client: httpx.AsyncClient, token: str, **proof: Any) -> httpx.Response:
    return await client.post(f"{MFA}/verify", json={"mfaToken": token, **proof})


async def rewind(database: Database, account: Account) -> None:
    """Let the codes of this moment be taken again."""
    async with database.transaction() as tx:
        await tx.execute(_REWIND, account.id)


async def grow_stale(database: Database, account: Account) -> None:
    """Let every proof of the person be older than ten minutes."""
    async with database.transaction() as tx:
        await tx.execute(_AGE, account.id)


async def add_totp(tx: Writer, settings: Settings, account: Account) -> tuple[UUID, str]:
    """Store an authenticator app and one recovery code; return the app's id and the code."""
    factor_id, code = ids.new_id(), "0000-1111-2222-3333"
    sealed = sealing.seal(settings.secret_key, TOTP_PURPOSE, totp.new_secret())
    await tx.execute(factor_queries.INSERT_TOTP, factor_id, account.id, "Phone", sealed)
    await tx.one(factor_queries.CONFIRM_TOTP, factor_id, 1)
    code_hash = recovery_codes.hash_code(settings.secret_key, code)
    await tx.execute(factor_queries.INSERT_RECOVERY_CODE, account.id, code_hash)
    return factor_id, code
