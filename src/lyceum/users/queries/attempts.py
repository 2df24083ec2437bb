"""How failures to prove oneself are counted. They are locked before a user's row.

Every statement takes the counters as columns: their keys, how many failures each allows and within
how many seconds. They are locked in the order of their keys.
"""

from lyceum.platform.statements import command, sql

FIND_WAIT = sql(
    """
    SELECT coalesce(max(users.seconds_to_wait(f.failed_at, c.allowed, c.seconds)), 0)
    FROM unnest($1::bytea[], $2::integer[], $3::integer[]) AS c (key, allowed, seconds)
    JOIN users.login_failures f ON f.account_key = c.key
    """,
    int,
)
# Attempts on one counter pass here one after the other, so that guesses made at the same time get
# no more answers than guesses made in turn.
CLAIM_ATTEMPT = command(
    """
    WITH counters AS (
        SELECT key, allowed, seconds
        FROM unnest($1::bytea[], $2::integer[], $3::integer[]) AS c (key, allowed, seconds)
    ), claimed AS (
        INSERT INTO users.login_failures AS f (account_key, failed_at, last_failed_at)
        SELECT key, '{}', now() FROM counters ORDER BY key
        ON CONFLICT (account_key) DO UPDATE SET last_failed_at = f.last_failed_at
        RETURNING account_key, failed_at
    )
    SELECT coalesce(max(users.seconds_to_wait(f.failed_at, c.allowed, c.seconds))
                    FILTER (WHERE c.key = ANY ($4::bytea[])), 0)
    FROM claimed f JOIN counters c ON c.key = f.account_key
    """,
    int,
)
# Four more than are allowed are kept: that many steps the waits have. Whether the one counter that
# $4 names has just reached what it allows.
RECORD_FAILURE = command(
    """
    WITH counters AS (
        SELECT key, allowed, seconds
        FROM unnest($1::bytea[], $2::integer[], $3::integer[]) AS c (key, allowed, seconds)
    ), recorded AS (
        UPDATE users.login_failures f SET
            failed_at = (array_prepend(now(), f.failed_at))[1:c.allowed + 4], last_failed_at = now()
        FROM counters c WHERE f.account_key = c.key
        RETURNING f.account_key, f.failed_at, c.allowed, c.seconds
    )
    SELECT coalesce(bool_or((
        SELECT count(*) = r.allowed FROM unnest(r.failed_at) AS moment
        WHERE moment > now() - make_interval(secs => r.seconds)
    )), false)
    FROM recorded r WHERE r.account_key = $4
    """,
    bool,
)
