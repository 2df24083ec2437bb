"""Second factors: time-based codes, recovery codes, trusted devices, and the wait between."""

from alembic import op

revision = "0015_second_factor"
down_revision = "0014_notes_and_reviews"
branch_labels = None
depends_on = None

FACTORS = """
CREATE TABLE users.factors (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    kind text NOT NULL CONSTRAINT factors_kind CHECK (kind IN ('totp', 'passkey')),
    name text NOT NULL CONSTRAINT factors_name CHECK (length(name) BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Unset while somebody has not shown yet that they can use it.
    confirmed_at timestamptz,
    last_used_at timestamptz,
    -- Of a TOTP: the sealed secret, and the last step of which a code was taken.
    totp_secret bytea,
    totp_step bigint NOT NULL DEFAULT 0,
    CONSTRAINT factors_secret CHECK ((kind = 'totp') = (totp_secret IS NOT NULL)),
    CONSTRAINT factors_passkey_confirmed CHECK (kind = 'totp' OR confirmed_at IS NOT NULL)
);
-- The foreign key, and the factors of one person.
CREATE INDEX factors_user_id ON users.factors (user_id, created_at);
-- One authenticator app a person, and one that is being set up.
CREATE UNIQUE INDEX factors_one_totp ON users.factors (user_id)
    WHERE kind = 'totp' AND confirmed_at IS NOT NULL;
CREATE UNIQUE INDEX factors_one_pending ON users.factors (user_id)
    WHERE kind = 'totp' AND confirmed_at IS NULL;
"""

RECOVERY_CODES = """
CREATE TABLE users.recovery_codes (
    user_id uuid NOT NULL REFERENCES users.users (id),
    -- A keyed hash; the code itself was shown once.
    code_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz,
    CONSTRAINT recovery_codes_once PRIMARY KEY (user_id, code_hash)
);
"""

TRUSTED_DEVICES = """
CREATE TABLE users.trusted_devices (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    token_hash bytea NOT NULL CONSTRAINT trusted_devices_token UNIQUE,
    ip text NOT NULL CONSTRAINT trusted_devices_ip CHECK (length(ip) <= 45),
    user_agent text NOT NULL
        CONSTRAINT trusted_devices_user_agent CHECK (length(user_agent) <= 400),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
-- The foreign key, and the devices of one person.
CREATE INDEX trusted_devices_user_id ON users.trusted_devices (user_id, created_at);
-- The purge.
CREATE INDEX trusted_devices_expires_at ON users.trusted_devices (expires_at);
"""

CHALLENGES = """
-- Somebody has proved the first factor, and is asked for the second.
CREATE TABLE users.mfa_challenges (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.users (id),
    -- How the first factor was proved.
    methods text[] NOT NULL,
    failures smallint NOT NULL DEFAULT 0
        CONSTRAINT mfa_challenges_failures CHECK (failures BETWEEN 0 AND 5),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
-- The foreign key, and the end of them all with a password.
CREATE INDEX mfa_challenges_user_id ON users.mfa_challenges (user_id);
-- The purge.
CREATE INDEX mfa_challenges_expires_at ON users.mfa_challenges (expires_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(FACTORS)
    op.execute(RECOVERY_CODES)
    op.execute(TRUSTED_DEVICES)
    op.execute(CHALLENGES)


def downgrade() -> None:
    """Take back."""
    for table in ("mfa_challenges", "trusted_devices", "recovery_codes", "factors"):
        op.execute(f"DROP TABLE users.{table}")
