"""Outgoing webhooks: endpoints, what goes to them, and each try."""

from alembic import op

revision = "0030_webhooks"
down_revision = "0029_release"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE SCHEMA webhooks;

-- generation: which secret signs; the one before signs too for a day after rotated_at.
-- failing_since: of the first failure after the last success.
CREATE TABLE webhooks.endpoints (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    url text NOT NULL CONSTRAINT endpoints_url CHECK (length(url) <= 2000),
    event_types text[] NOT NULL CONSTRAINT endpoints_event_types CHECK (
        cardinality(event_types) BETWEEN 1 AND 100),
    description text NOT NULL DEFAULT '',
    is_enabled boolean NOT NULL DEFAULT true,
    disabled_reason text CONSTRAINT endpoints_reason CHECK (
        disabled_reason IN ('by_owner', 'gone', 'failing', 'not_allowed')),
    generation integer NOT NULL DEFAULT 1,
    rotated_at timestamptz,
    failing_since timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT endpoints_disabled_why CHECK (is_enabled = (disabled_reason IS NULL))
);
-- Somebody's endpoints.
CREATE INDEX endpoints_owner_id ON webhooks.endpoints (owner_id, id);
-- Who wants an event that has just happened.
CREATE INDEX endpoints_event_types_wanted ON webhooks.endpoints USING gin (event_types)
    WHERE is_enabled;

-- message_id: what the receiver knows it by, the event's id; the same however often it is sent.
CREATE TABLE webhooks.deliveries (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhooks.endpoints (id) ON DELETE CASCADE,
    message_id uuid NOT NULL,
    event_type text NOT NULL,
    body text NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CONSTRAINT deliveries_state CHECK (state IN ('waiting', 'succeeded', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT deliveries_once UNIQUE (endpoint_id, message_id)
);
-- The log of an endpoint, and the foreign key.
CREATE INDEX deliveries_endpoint_id ON webhooks.deliveries (endpoint_id, id DESC);
-- What is due.
CREATE INDEX deliveries_due ON webhooks.deliveries (next_try_at) WHERE state = 'waiting';
-- The purge of old ones.
CREATE INDEX deliveries_finished_at ON webhooks.deliveries (finished_at)
    WHERE finished_at IS NOT NULL;

CREATE TABLE webhooks.tries (
    id uuid PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES webhooks.deliveries (id) ON DELETE CASCADE,
    tried_at timestamptz NOT NULL,
    status integer,
    milliseconds integer NOT NULL,
    excerpt text NOT NULL,
    error text
);
-- The tries of a delivery, and the foreign key.
CREATE INDEX tries_delivery_id ON webhooks.tries (delivery_id, id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA webhooks CASCADE")
