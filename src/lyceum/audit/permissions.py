"""Who may read the audit trail; only the program itself writes in it."""

from lyceum.platform import errors
from lyceum.platform.access import Actor, permission

READ_AUDIT = permission(
    "audit:read", role="admin", description="Read who did what, and what was refused to whom"
)


def require_program(actor: Actor) -> None:
    """Raise Forbidden for a person."""
    if not actor.system:
        raise errors.Forbidden("Only the program itself records and anchors.")
