"""The HTTP door of API keys: `/api-keys`. A key itself does not open it."""

from typing import Any
from uuid import UUID

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.routing import API, IN_PERSON, Routes
from lyceum.platform.wire import Answer
from lyceum.users.errors import RankTooLow, StepUpRequired, TooManyApiKeys
from lyceum.users.records import ApiKey
from lyceum.users.schemas.api_keys import ApiKeyView, KeyRotation, NewApiKey, NewApiKeyView
from lyceum.users.service import api_keys

routes = Routes("users")


@routes.get("/api-keys", access=IN_PERSON, summary="My API keys")
async def list_api_keys(tx: Reader, actor: Actor) -> list[ApiKeyView]:
    """The newest first; those that were revoked are not shown."""
    return [ApiKeyView(**_facts(key)) for key in await api_keys.list_keys(tx, actor)]


@routes.post(
    "/api-keys",
    access=IN_PERSON,
    summary="Make an API key",
    status=201,
    keeps_response=False,
    facts=(RankTooLow, StepUpRequired, TooManyApiKeys),
)
async def create_api_key(tx: Writer, actor: Actor, data: NewApiKey) -> Answer[NewApiKeyView]:
    """The secret is shown this once. It goes into `Authorization: Bearer …` or `X-API-Key`."""
    made = await api_keys.create_key(tx, actor, data)
    return Answer(data=_shown(made), location=f"{API}/api-keys/{made.key.id}")


@routes.get("/api-keys/{key_id}", access=IN_PERSON, summary="An API key", facts=(errors.NotFound,))
async def get_api_key(tx: Reader, actor: Actor, key_id: UUID) -> ApiKeyView:
    """One of one's own."""
    return ApiKeyView(**_facts(await api_keys.get_key(tx, actor, key_id)))


@routes.post(
    "/api-keys/{key_id}/rotate",
    access=IN_PERSON,
    summary="Give an API key another secret",
    keeps_response=False,
    facts=(errors.NotFound, errors.Conflict, StepUpRequired),
)
async def rotate_api_key(
    tx: Writer, actor: Actor, key_id: UUID, data: KeyRotation
) -> NewApiKeyView:
    """The present secret opens for `overlapSeconds` more."""
    return _shown(
        await api_keys.rotate_key(tx, actor, key_id, overlap_seconds=data.overlap_seconds)
    )


@routes.delete(
    "/api-keys/{key_id}", access=IN_PERSON, summary="Revoke an API key", facts=(errors.NotFound,)
)
async def revoke_api_key(tx: Writer, actor: Actor, key_id: UUID) -> None:
    """Takes effect at once, in every process within two seconds."""
    await api_keys.revoke_key(tx, actor, key_id)


def _facts(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in key.__struct_fields__}


def _shown(made: api_keys.MadeKey) -> NewApiKeyView:
    return NewApiKeyView(**_facts(made.key), secret=made.secret)
