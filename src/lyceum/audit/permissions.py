"""Who may read the audit trail; only the program itself writes in it."""

from lyceum.platform import errors
from lyceum.platform.access import Actor, permission

READ_AUDIT = permission(
    "audit:read", role="admin", description="Read who did what, and what was refused to whom"
)
EXPORT_AUDIT = permission(
    "audit:export", role="admin", description="Write entries of the audit trail to a file"
)
MANAGE_AUDIT = permission(
    "audit:manage",
    role="super_admin",
    description="Say how long the audit trail is kept, and hold what must not be removed",
)


def require_program(actor: Actor) -> None:
    """Raise Forbidden for a person."""
    if not actor.system:
        raise errors.Forbidden("Only the program itself records and anchors.")
