"""What happened with the audit trail itself that is to be in it."""

from typing import Any
from uuid import UUID

from lyceum.platform.events import Event, event


@event("audit.exported")
class AuditExported(Event, frozen=True, kw_only=True):
    """Entries were written to a file; `filters` say which. Without an id it was on the command
    line."""

    export_id: UUID | None
    format: str
    filters: dict[str, Any]
    entries: int

    def key(self) -> str:
        """Exports do not depend on each other."""
        return str(self.export_id)
