"""The platform's own tables: outbox, inbox, jobs, schedules, idempotency keys."""

from alembic import op

revision = "0001_platform"
down_revision = None
branch_labels = None
depends_on = None

UPGRADE = """
CREATE SCHEMA platform;

-- Events that were emitted and not yet handled by every subscriber. A row leaves when it is
-- handled; one that failed for good stays with dead_at set until somebody replays or drops it.
-- position: the order of emitting, by one counter for every machine, whose clocks may differ.
-- held_until: not to be claimed before; a lease (with lease_token), a pause after a failure, or
-- infinity when it is parked.
CREATE TABLE platform.outbox (
    id uuid PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    version smallint NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    actor_id uuid,
    impersonator_id uuid,
    request_id text NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    lease_token uuid,
    held_until timestamptz,
    dead_at timestamptz,
    error text
) WITH (
    -- Every row is soon dead space: clean up early, whatever the size was at the last look.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000,
    -- A plan made while the table has no pages would read all of it when it has many.
    vacuum_truncate = false
);
-- The claim: the oldest rows first.
CREATE INDEX outbox_position ON platform.outbox (position) WHERE dead_at IS NULL;
-- The keys that must wait, because a row of theirs is leased or pausing.
CREATE INDEX outbox_held ON platform.outbox (held_until) WHERE held_until < 'infinity';
-- The list of dead letters.
CREATE INDEX outbox_dead ON platform.outbox (dead_at) WHERE dead_at IS NOT NULL;

-- Lease the oldest events that are due: the front of the queue without the keys that somebody
-- holds. Of each key in it the oldest row is the key's lock: who gets it has the rows behind it as
-- well, and nobody else can. Steps on one table each, without sequential scans: a join planned
-- while the table was empty would go through all of it for every row.
CREATE FUNCTION platform.claim_events(
    token uuid, most integer, lease_seconds double precision, most_of_a_key integer
) RETURNS SETOF platform.outbox LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    ids uuid[];
    keys text[];
    places bigint[];
    held_keys text[];
BEGIN
    SELECT array_agg(ranked.id), array_agg(ranked.key), array_agg(ranked.place)
    INTO ids, keys, places
    FROM (
        SELECT front.id, front.key,
            row_number() OVER (PARTITION BY front.key ORDER BY front.position) AS place
        FROM (
            SELECT o.id, o.key, o.position FROM platform.outbox o
            WHERE o.dead_at IS NULL AND o.key NOT IN (
                SELECT h.key FROM platform.outbox h
                WHERE h.held_until > now() AND h.held_until < 'infinity')
            ORDER BY o.position LIMIT most
        ) front
    ) ranked;
    held_keys := ARRAY(
        SELECT o.key FROM platform.outbox o
        WHERE o.id = ANY(ARRAY(SELECT f.id FROM unnest(ids, places) f(id, place) WHERE f.place = 1))
            AND (o.held_until IS NULL OR o.held_until <= now())
        FOR UPDATE SKIP LOCKED);
    ids := ARRAY(
        SELECT f.id FROM unnest(ids, keys, places) f(id, key, place)
        WHERE f.place <= most_of_a_key AND f.key = ANY(held_keys));
    RETURN QUERY
        UPDATE platform.outbox o
        SET lease_token = token, held_until = now() + make_interval(secs => lease_seconds)
        WHERE o.id = ANY(ids) AND (o.held_until IS NULL OR o.held_until <= now())
        RETURNING o.*;
END $$;

-- Which handler has had which event: written in the handler's own transaction.
CREATE TABLE platform.inbox (
    handler text NOT NULL,
    event_id uuid NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (handler, event_id)
);
-- The purge of rows older than any possible redelivery.
CREATE INDEX inbox_handled_at ON platform.inbox (handled_at);

-- Work for later. waiting: not in the queue yet; queued: in the queue; running: under a lease that
-- its worker renews. error is what its owner may read, fault what staff needs to know.
CREATE TABLE platform.jobs (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    queue text NOT NULL,
    arguments jsonb NOT NULL,
    unique_key text,
    actor_id uuid,
    impersonator_id uuid,
    request_id text NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT jobs_state CHECK (
            state IN ('waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled')),
    progress real NOT NULL DEFAULT 0 CONSTRAINT jobs_progress CHECK (progress BETWEEN 0 AND 1),
    note text NOT NULL DEFAULT '',
    result jsonb,
    error text,
    fault text,
    attempts smallint NOT NULL DEFAULT 0,
    available_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid,
    leased_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    queued_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz
);
-- One live job for a unique key.
CREATE UNIQUE INDEX jobs_unique_key ON platform.jobs (unique_key)
    WHERE state IN ('waiting', 'queued', 'running');
-- The hand-over to the queue: what is due.
CREATE INDEX jobs_waiting ON platform.jobs (available_at) WHERE state = 'waiting';
-- The watch over the queue: what has been in it for suspiciously long.
CREATE INDEX jobs_queued ON platform.jobs (queued_at) WHERE state = 'queued';
-- The watch over workers: whose lease has run out.
CREATE INDEX jobs_running ON platform.jobs (leased_until) WHERE state = 'running';
-- The purge of finished jobs, and the list of failed ones.
CREATE INDEX jobs_finished ON platform.jobs (state, finished_at)
    WHERE state IN ('succeeded', 'failed', 'cancelled');

-- When each scheduled job was last started, so that it is started once over all workers.
CREATE TABLE platform.schedules (
    name text PRIMARY KEY,
    due_at timestamptz NOT NULL
);

CREATE TABLE platform.idempotency_keys (
    owner text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, route, key)
);
-- The purge after 24 hours.
CREATE INDEX idempotency_keys_created_at ON platform.idempotency_keys (created_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA platform CASCADE")
