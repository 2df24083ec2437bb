"""Who may do what with customers. Every customer is visible to whoever may read customers."""

from typing import Final

from lyceum.platform.access import permission

CREATE: Final = permission("customers:create", role="manager", description="Add customers")
READ: Final = permission("customers:read", role="manager", description="See customers")
UPDATE: Final = permission("customers:update", role="manager", description="Change customers")
DELETE: Final = permission(
    "customers:delete", role="manager", description="Delete and restore customers"
)
MERGE: Final = permission("customers:merge", role="manager", description="Merge duplicates")
STATISTICS: Final = permission(
    "customers:statistics", role="manager", description="See the statistics of customers"
)
BATCH_UPDATE: Final = permission(
    "customers:batch-update", role="manager", description="Change many customers at once"
)
IMPORT: Final = permission(
    "customers:import", role="manager", description="Import customers from a file"
)
EXPORT: Final = permission(
    "customers:export", role="admin", description="Export customers to a file"
)
CREATE_GROUPS: Final = permission(
    "customer-groups:create", role="manager", description="Make groups of customers"
)
UPDATE_GROUPS: Final = permission(
    "customer-groups:update", role="manager", description="Change groups of customers"
)
DELETE_GROUPS: Final = permission(
    "customer-groups:delete", role="manager", description="Delete groups of customers"
)
READ_GROUPS: Final = permission(
    "customer-groups:read", role="manager", description="See groups of customers"
)
MANAGE_MEMBERS: Final = permission(
    "customer-groups:manage-members",
    role="manager",
    description="Add customers to groups and take them out",
)
