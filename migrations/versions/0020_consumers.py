"""Each consumer has an event for itself: what failed with one does not keep the others waiting."""

from alembic import op

revision = "0020_consumers"
down_revision = "0019_account_mails"
branch_labels = None
depends_on = None

COLUMNS = """
-- consumer: '' for an event that nobody has had yet; the domain whose handlers failed with it, or
-- for which it waits behind one that failed. event_id: whose event such a row is (its id is its
-- own). lost: how often whoever had leased it has ended without a word.
ALTER TABLE platform.outbox
    ADD COLUMN IF NOT EXISTS consumer text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS event_id uuid,
    ADD COLUMN IF NOT EXISTS lost smallint NOT NULL DEFAULT 0
"""

INDEXES = (
    # What is held for a consumer is held once, however often it was delivered.
    """
    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS outbox_held_once
        ON platform.outbox (consumer, event_id) WHERE consumer <> ''
    """,
    # The dead letter, and the inbox row to keep, of an event.
    """
    CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_event_id ON platform.outbox (event_id)
        WHERE event_id IS NOT NULL
    """,
    # Before a handler runs: does an earlier event of the key wait for this consumer?
    """
    CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_held_keys ON platform.outbox (consumer, key)
        WHERE consumer <> ''
    """,
    # The claim of what is held, past whatever waits for the broker.
    """
    CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_held_position ON platform.outbox (position)
        WHERE consumer <> '' AND dead_at IS NULL
    """,
)

# Like the one of four arguments, which a running older version still calls, but for each consumer
# by itself. consumers: whose rows; null for everybody's, {''} for those that nobody has had.
CLAIM = """
CREATE OR REPLACE FUNCTION platform.claim_events(
    token uuid, most integer, lease_seconds double precision, most_of_a_key integer,
    consumers text[]
) RETURNS SETOF platform.outbox LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    front uuid[];
    ids uuid[];
    lanes text[];
    places bigint[];
    held_lanes text[];
BEGIN
    IF consumers IS NULL OR consumers = ARRAY[''] THEN
        front := ARRAY(
            SELECT o.id FROM platform.outbox o
            WHERE o.dead_at IS NULL AND (consumers IS NULL OR o.consumer = '')
                AND o.consumer || '/' || o.key NOT IN (
                    SELECT h.consumer || '/' || h.key FROM platform.outbox h
                    WHERE h.held_until > now() AND h.held_until < 'infinity')
            ORDER BY o.position LIMIT most);
    ELSE
        front := ARRAY(
            SELECT o.id FROM platform.outbox o
            WHERE o.dead_at IS NULL AND o.consumer <> '' AND o.consumer = ANY(consumers)
                AND o.consumer || '/' || o.key NOT IN (
                    SELECT h.consumer || '/' || h.key FROM platform.outbox h
                    WHERE h.held_until > now() AND h.held_until < 'infinity')
            ORDER BY o.position LIMIT most);
    END IF;
    SELECT array_agg(ranked.id), array_agg(ranked.lane), array_agg(ranked.place)
    INTO ids, lanes, places
    FROM (
        SELECT o.id, o.consumer || '/' || o.key AS lane,
            row_number() OVER (PARTITION BY o.consumer, o.key ORDER BY o.position) AS place
        FROM platform.outbox o WHERE o.id = ANY(front)
    ) ranked;
    held_lanes := ARRAY(
        SELECT o.consumer || '/' || o.key FROM platform.outbox o
        WHERE o.id = ANY(ARRAY(SELECT f.id FROM unnest(ids, places) f(id, place) WHERE f.place = 1))
            AND (o.held_until IS NULL OR o.held_until <= now())
        FOR UPDATE SKIP LOCKED);
    ids := ARRAY(
        SELECT f.id FROM unnest(ids, lanes, places) f(id, lane, place)
        WHERE f.place <= most_of_a_key AND f.lane = ANY(held_lanes));
    RETURN QUERY
        UPDATE platform.outbox o
        SET lease_token = token, held_until = now() + make_interval(secs => lease_seconds),
            lost = o.lost + (o.lease_token IS NOT NULL)::int
        WHERE o.id = ANY(ids) AND (o.held_until IS NULL OR o.held_until <= now())
        RETURNING o.*;
END $$
"""


def upgrade() -> None:
    """Apply."""
    op.execute(COLUMNS)
    op.execute(CLAIM)
    with op.get_context().autocommit_block():
        for index in INDEXES:
            op.execute(index)


def downgrade() -> None:
    """Take back; what is held for one consumer goes to all of them again, who may have had it."""
    op.execute(
        "DROP FUNCTION platform.claim_events(uuid, integer, double precision, integer, text[])"
    )
    op.execute(
        "DROP INDEX platform.outbox_held_once, platform.outbox_held_keys,"
        " platform.outbox_held_position, platform.outbox_event_id"
    )
    op.execute(
        "ALTER TABLE platform.outbox DROP COLUMN consumer, DROP COLUMN event_id, DROP COLUMN lost"
    )
