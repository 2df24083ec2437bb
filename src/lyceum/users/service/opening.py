"""Opening a session for somebody who has proved enough: with tokens, or with a browser's cookie.

Every way in ends here: the device is remembered, and an account that its owner laid to rest comes
back. Not here: whether a second factor is asked for (`admission`).
"""

import msgspec

from lyceum.platform import events
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.settings import Settings
from lyceum.users.events import SessionOpened
from lyceum.users.queries import devices as device_queries
from lyceum.users.records import Account, Device
from lyceum.users.service.browser_sessions import BrowserSignedIn, open_browser_session
from lyceum.users.service.deactivation import reactivate
from lyceum.users.service.devices import remember_device
from lyceum.users.service.sessions import open_session
from lyceum.users.service.tokens import SignedIn

Opened = SignedIn | BrowserSignedIn


async def open_way(
    tx: Writer,
    actor: Actor,
    settings: Settings,
    account: Account,
    device: Device,
    *,
    methods: tuple[str, ...],
) -> Opened:
    """Open a session of `account`, whose row is locked, of the kind that the device takes.

    `methods` is how the person has proved who they are.
    """
    if account.status != "active":
        account = await reactivate(tx, actor, account)
    device_id, token = await remember_device(tx, actor, account, device)
    open_it = open_browser_session if device.is_browser else open_session
    opened: Opened = await open_it(tx, actor, settings, account, device, methods=methods)
    await tx.execute(device_queries.LINK_SESSION, opened.session_id, device_id)
    happened = SessionOpened(
        user_id=account.id,
        session_id=opened.session_id,
        device_id=device_id,
        is_browser=device.is_browser,
        methods=methods,
        ip=device.ip,
    )
    await events.emit(tx, actor, happened)
    return msgspec.structs.replace(opened, device_token=token)
