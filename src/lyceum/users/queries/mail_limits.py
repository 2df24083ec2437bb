"""How mails that people ask for without proof are counted; counters are locked by their keys."""

from lyceum.platform.statements import command

# Requests with one address, or of one network, pass here one after the other. Whether all of the
# counters ($1, each with what it allows an hour) have room for one more.
CLAIM_MAIL = command(
    """
    WITH counters AS (
        SELECT key, allowed FROM unnest($1::bytea[], $2::integer[]) AS c (key, allowed)
    ), claimed AS (
        INSERT INTO users.mail_counts AS m (key, sent_at, last_sent_at)
        SELECT key, '{}', now() FROM counters ORDER BY key
        ON CONFLICT (key) DO UPDATE SET last_sent_at = m.last_sent_at
        RETURNING key, sent_at
    )
    SELECT bool_and(coalesce(m.sent_at[c.allowed] <= now() - interval '1 hour', true))
    FROM claimed m JOIN counters c ON c.key = m.key
    """,
    bool,
)
COUNT_MAIL = command(
    """
    UPDATE users.mail_counts m SET
        sent_at = (array_prepend(now(), m.sent_at))[1:c.allowed], last_sent_at = now()
    FROM unnest($1::bytea[], $2::integer[]) AS c (key, allowed) WHERE m.key = c.key
    """
)
