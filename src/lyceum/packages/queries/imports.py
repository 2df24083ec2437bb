"""Rows of imports."""

from lyceum.packages.records import StoredImport
from lyceum.platform import privacy
from lyceum.platform.statements import Json, command, sql

# Parameters: id, owner, who asked, file name, file key, job id.
ADD_IMPORT = command(
    """
    INSERT INTO packages.imports (id, owner_id, asked_by, file_name, file_key, job_id)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
FINISH_IMPORT = command(
    """
    UPDATE packages.imports
    SET course_id = $2, report = $3, problem = NULL, finished_at = now() WHERE id = $1
    """
)
FAIL_IMPORT = command(
    """
    UPDATE packages.imports SET problem = $2, finished_at = now()
    WHERE id = $1 AND finished_at IS NULL
    """
)
FIND_IMPORT = sql(
    """
    SELECT id, owner_id, asked_by, file_name, file_key, job_id, course_id, report, problem,
           created_at, finished_at
    FROM packages.imports WHERE id = $1
    """,
    StoredImport,
)

privacy.holds(
    "packages.imports",
    "owner_id",
    "asked_by",
    export=sql(
        "SELECT to_jsonb(i) FROM packages.imports i WHERE i.owner_id = $1 OR i.asked_by = $1", Json
    ),
    # Which course came of a package stays; how somebody called their file goes.
    erase=command(
        "UPDATE packages.imports SET file_name = 'package' WHERE owner_id = $1 OR asked_by = $1"
    ),
)
