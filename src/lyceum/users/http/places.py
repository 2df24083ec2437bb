"""The HTTP door to where somebody is signed in: `/me/sessions`, `/me/devices`."""

from uuid import UUID

import msgspec

from lyceum.platform import errors
from lyceum.platform.access import Actor
from lyceum.platform.database import Reader, Writer
from lyceum.platform.routing import IN_PERSON, Routes
from lyceum.users.schemas.browser import DeviceView
from lyceum.users.schemas.sign_in import SessionView
from lyceum.users.service import devices, sessions

routes = Routes("users")


@routes.get("/me/sessions", access=IN_PERSON, summary="Where I am signed in")
async def list_my_sessions(tx: Reader, actor: Actor) -> list[SessionView]:
    """Live sessions, the one used last first."""
    return [
        SessionView(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            ip=session.ip,
            user_agent=session.user_agent,
            kind="browser" if session.is_browser else "tokens",
            is_current=session.id == actor.session_id,
        )
        for session in await sessions.list_sessions(tx, actor)
    ]


@routes.delete("/me/sessions", access=IN_PERSON, summary="Sign out everywhere else")
async def revoke_my_other_sessions(tx: Writer, actor: Actor) -> None:
    """Ends every session of one's own but this one."""
    await sessions.revoke_other_sessions(tx, actor)


@routes.delete(
    "/me/sessions/{session_id}",
    access=IN_PERSON,
    summary="Sign out somewhere else",
    facts=(errors.NotFound,),
)
async def revoke_my_session(tx: Writer, actor: Actor, session_id: UUID) -> None:
    """Ends one of one's own sessions, with every token of it."""
    await sessions.revoke_session(tx, actor, session_id)


@routes.get("/me/devices", access=IN_PERSON, summary="Where I have signed in")
async def list_my_devices(tx: Reader, actor: Actor) -> list[DeviceView]:
    """Devices that are known, the one used last first."""
    return [
        DeviceView(**msgspec.structs.asdict(device))
        for device in await devices.list_devices(tx, actor)
    ]


@routes.delete(
    "/me/devices/{device_id}",
    access=IN_PERSON,
    summary="Forget a device",
    facts=(errors.NotFound,),
)
async def forget_my_device(tx: Writer, actor: Actor, device_id: UUID) -> None:
    """Ends the sessions on it; the device is a stranger's from then on."""
    await devices.forget_device(tx, actor, device_id)
