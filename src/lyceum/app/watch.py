"""What becomes of a finished request: a metric, a log line, a mark that somebody is active, and of
one that was refused or showed somebody's record an entry in the audit trail.

Metrics and log lines are made of many requests at a time: that costs a third of making them while
each is answered.
"""

import asyncio
from collections.abc import Collection
from uuid import UUID

from lyceum.audit.api import RecordRead, Refusal, RequestLog
from lyceum.platform import clock, ids, logs, metrics
from lyceum.platform.http import RequestInfo
from lyceum.platform.record_reads import Shown
from lyceum.platform.settings import Settings
from lyceum.platform.watch import Served

ACTIVE_SECONDS = 300
MOST_ACTIVE = 100_000
REFUSED = frozenset({401, 403})
LATER_SECONDS = 0.05
MOST_WAITING = 100
"""How long, and of how many requests, metrics and log lines wait to be made."""


class RequestWatch:
    """Told of every request of this process."""

    def __init__(
        self,
        settings: Settings,
        requests: RequestLog | None = None,
        permissioned: Collection[tuple[str, str]] = (),
    ) -> None:
        """`permissioned` are methods and paths that take a permission: there 404 is a refusal."""
        self._has_access_log = settings.access_log == "on"
        self._requests = requests
        self._permissioned = frozenset(permissioned)
        self._active: dict[UUID, float] = {}
        self._waiting: list[tuple[int, Served]] = []
        self._is_due = False
        metrics.REGISTRY.before_reading(self._count_active)

    def __call__(self, served: Served) -> None:
        """Note a request."""
        if served.status in REFUSED or served.status == 404:
            self._note_refusal(served)
        self._waiting.append((clock.millisecond(), served))
        if len(self._waiting) >= MOST_WAITING:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(LATER_SECONDS, self._flush_when_due)

    def flush(self) -> None:
        """Make the metrics and log lines of all that is noted."""
        waiting, self._waiting = self._waiting, []
        for at, served in waiting:
            method, route, path, status, seconds, size, request_id, actor_id, ip, _, trace = served
            metrics.request_served(method, route, status, seconds)
            actor = ""
            if actor_id is not None:
                actor = str(actor_id)
                if len(self._active) < MOST_ACTIVE:
                    self._active[actor_id] = at / 1000
            if self._has_access_log:
                logs.access_log(
                    method, route, path, status, seconds * 1000, request_id, actor, ip, size,
                    trace, at,
                )  # fmt: skip

    def _flush_when_due(self) -> None:
        self._is_due = False
        self.flush()

    def _note_refusal(self, served: Served) -> None:
        if self._requests is None:
            return
        if served.status not in REFUSED and (served.method, served.route) not in self._permissioned:
            return
        self._requests.add(
            Refusal(
                id=ids.new_id(),
                occurred_at=clock.utc_now(),
                actor_id=served.actor_id,
                impersonator_id=served.impersonator_id,
                request_id=served.request_id,
                method=served.method,
                route=served.route,
                status=served.status,
                ip=served.ip,
            )
        )

    def note_shown(self, request: RequestInfo, shown: Shown) -> None:
        """Note that an answer shows a record of somebody else, before it goes out."""
        if self._requests is None or request.route is None:
            return
        object_type, object_id = "route", request.route.path
        if shown.names == "user" and shown.total == 1:
            object_type, object_id = "user", str(shown.ids[0])
        elif shown.place is not None:
            object_type, object_id = shown.place[0].removesuffix("_id"), shown.place[1]
        self._requests.add(
            RecordRead(
                id=ids.new_id(),
                occurred_at=clock.utc_now(),
                actor_id=request.actor.user_id,
                impersonator_id=request.actor.impersonator_id,
                request_id=request.request_id,
                route=request.route.path,
                ip=request.ip,
                record=shown.kind,
                names=shown.names,
                ids=shown.ids,
                count=shown.total,
                object_type=object_type,
                object_id=object_id,
            )
        )

    def _count_active(self) -> None:
        self.flush()
        since = clock.millisecond() / 1000 - ACTIVE_SECONDS
        self._active = {user: at for user, at in self._active.items() if at > since}
        metrics.ACTIVE_USERS.set(len(self._active))
