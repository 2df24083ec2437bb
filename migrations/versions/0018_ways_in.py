"""Devices that people have signed in from, sessions of browsers, and growing waits."""

from alembic import op

revision = "0018_ways_in"
down_revision = "0017_authoring"
branch_labels = None
depends_on = None

UPGRADE = """
-- Where people have signed in before: the device keeps a random token, here is its hash. Strangers
-- who guess passwords do not lock such a device out.
CREATE TABLE users.known_devices (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    token_hash bytea NOT NULL CONSTRAINT known_devices_token_unique UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ip text NOT NULL CONSTRAINT known_devices_ip CHECK (length(ip) <= 45),
    user_agent text NOT NULL
        CONSTRAINT known_devices_user_agent CHECK (length(user_agent) <= 400)
);
-- The foreign key, and the devices of one person, the one used last first.
CREATE INDEX known_devices_user_id ON users.known_devices (user_id, last_used_at);
-- The purge.
CREATE INDEX known_devices_expires_at ON users.known_devices (expires_at);

-- The secret in a browser's cookie, by its hash; such a session has no refresh tokens.
CREATE TABLE users.session_cookies (
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT session_cookies_one_a_session UNIQUE
        REFERENCES users.sessions (id) ON DELETE CASCADE
);

-- On which device a session was opened.
CREATE TABLE users.device_sessions (
    session_id uuid PRIMARY KEY REFERENCES users.sessions (id) ON DELETE CASCADE,
    device_id uuid NOT NULL REFERENCES users.known_devices (id) ON DELETE CASCADE
);
-- The foreign key, and the sessions of one device.
CREATE INDEX device_sessions_device_id ON users.device_sessions (device_id);

-- How long whoever failed so often has to wait, by the times of the failures (newest first):
-- nothing for the first `allowed` within the window, then 1, 2, 4, 8 and at most 15 minutes from
-- the last.
CREATE FUNCTION users.seconds_to_wait(
    failed_at timestamptz[], allowed integer, window_seconds integer
) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) < allowed THEN 0 ELSE ceil(greatest(0, extract(epoch FROM
        failed_at[1] - now() + make_interval(
            secs => 60 * least(15, power(2, least(count(*) - allowed, 4))))
    )))::integer END
    FROM unnest(failed_at) AS moment
    WHERE moment > now() - make_interval(secs => window_seconds)
$$;
"""

DOWNGRADE = """
DROP FUNCTION users.seconds_to_wait(timestamptz[], integer, integer);
DROP TABLE users.device_sessions;
DROP TABLE users.session_cookies;
DROP TABLE users.known_devices;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
