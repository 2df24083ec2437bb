"""Who may bring content in."""

from uuid import UUID

from lyceum.platform.access import Actor, permission

IMPORT_PACKAGES = permission(
    "packages:import", role="instructor", description="Import content packages as own courses."
)
IMPORT_FOR_OTHERS = permission(
    "packages:import-for-others",
    role="manager",
    description="Import content packages as courses of another instructor.",
)
EXPORT_OF_OTHERS = permission(
    "packages:export-of-others",
    role="manager",
    description="Fetch the exports that other people asked for.",
)


def may_see(actor: Actor, owner_id: UUID, asked_by: UUID | None) -> bool:
    """Whether the actor may see an import: its owner, who asked for it, and staff."""
    return actor.user_id in (owner_id, asked_by) or actor.may(IMPORT_FOR_OTHERS)
