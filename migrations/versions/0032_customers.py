"""Customer records, their history, groups, duplicates, and counters that triggers keep."""

# ruff: noqa: S608 - constants of this module

from alembic import op

revision = "0032_customers"
down_revision = "0031_learning_time"
branch_labels = None
depends_on = None

RECORDS = """
CREATE SCHEMA customers;

CREATE TABLE customers.customers (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT customers_kind CHECK (kind IN ('person', 'company')),
    name text NOT NULL CONSTRAINT customers_name CHECK (length(name) BETWEEN 1 AND 200),
    email text CONSTRAINT customers_email CHECK (length(email) <= 254),
    phone text CONSTRAINT customers_phone CHECK (length(phone) <= 40),
    tax_id text CONSTRAINT customers_tax_id CHECK (length(tax_id) <= 40),
    -- What another system calls the record; the import finds it again by this.
    reference text CONSTRAINT customers_reference CHECK (length(reference) BETWEEN 1 AND 100),
    lifecycle text NOT NULL DEFAULT 'lead'
        CONSTRAINT customers_lifecycle CHECK (lifecycle IN ('lead', 'active', 'past', 'blocked')),
    -- Who of the staff looks after the customer.
    owner_id uuid,
    tags text[] NOT NULL DEFAULT '{}' CONSTRAINT customers_tags CHECK (cardinality(tags) <= 50),
    custom_fields jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT customers_custom_fields CHECK (jsonb_typeof(custom_fields) = 'object'),
    contacts jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT customers_contacts CHECK (jsonb_typeof(contacts) = 'array'),
    addresses jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT customers_addresses CHECK (jsonb_typeof(addresses) = 'array'),
    -- The purposes that are consented to at present; the history is in customers.consents.
    consents text[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    merged_into_id uuid REFERENCES customers.customers (id),
    country text GENERATED ALWAYS AS (addresses -> 0 ->> 'country') STORED,
    -- What duplicates have in common: letters, digits and nothing else.
    name_key text NOT NULL GENERATED ALWAYS AS (
        lower(regexp_replace(name, '[^[:alnum:]]+', '', 'g'))) STORED,
    phone_key text GENERATED ALWAYS AS (
        nullif(right(regexp_replace(phone, '\\D', '', 'g'), 9), '')) STORED,
    tax_key text GENERATED ALWAYS AS (
        nullif(upper(regexp_replace(tax_id, '[^[:alnum:]]+', '', 'g')), '')) STORED,
    words tsvector NOT NULL GENERATED ALWAYS AS (
        to_tsvector('simple', translate(
            name || ' ' || coalesce(email, '') || ' ' || coalesce(reference, '')
                || ' ' || coalesce(phone, '') || ' ' || coalesce(tax_id, ''),
            '@.,_-+/'':;', '          '))) STORED,
    CONSTRAINT customers_merged CHECK (merged_into_id IS NULL OR deleted_at IS NOT NULL),
    CONSTRAINT customers_not_into_itself CHECK (merged_into_id <> id)
);
-- One record for a reference; a deleted one does not hold it.
CREATE UNIQUE INDEX customers_reference_unique ON customers.customers (reference)
    WHERE deleted_at IS NULL;
-- The lists, by each order that there is.
CREATE INDEX customers_created_at ON customers.customers (created_at, id);
CREATE INDEX customers_updated_at ON customers.customers (updated_at, id);
CREATE INDEX customers_by_name ON customers.customers (lower(name), id);
-- The filters that are used most.
CREATE INDEX customers_by_lifecycle ON customers.customers (lifecycle, created_at, id);
CREATE INDEX customers_owner_id ON customers.customers (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX customers_by_tags ON customers.customers USING gin (tags);
CREATE INDEX customers_custom ON customers.customers USING gin (custom_fields jsonb_path_ops);
-- The search.
CREATE INDEX customers_words ON customers.customers USING gin (words);
-- Duplicates, and the import that finds a record by its address.
CREATE INDEX customers_by_email ON customers.customers (email)
    WHERE deleted_at IS NULL AND email IS NOT NULL;
CREATE INDEX customers_by_phone ON customers.customers (phone_key)
    WHERE deleted_at IS NULL AND phone_key IS NOT NULL;
CREATE INDEX customers_by_tax_id ON customers.customers (tax_key)
    WHERE deleted_at IS NULL AND tax_key IS NOT NULL;
CREATE INDEX customers_by_name_key ON customers.customers (name_key) WHERE deleted_at IS NULL;
-- The foreign key.
CREATE INDEX customers_merged_into_id ON customers.customers (merged_into_id)
    WHERE merged_into_id IS NOT NULL;

-- Accounts of people that belong to a customer; an account belongs to one at most.
CREATE TABLE customers.accounts (
    user_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers.customers (id),
    linked_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key, and the accounts of a customer.
CREATE INDEX accounts_customer_id ON customers.accounts (customer_id);

CREATE TABLE customers.notes (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers.customers (id),
    body text NOT NULL CONSTRAINT notes_body CHECK (length(body) BETWEEN 1 AND 10000),
    author_id uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key, and the notes of a customer, the newest first.
CREATE INDEX notes_customer_id ON customers.notes (customer_id, created_at, id);

-- What happened with a customer: fed by events.
CREATE TABLE customers.timeline (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers.customers (id),
    kind text NOT NULL,
    facts jsonb NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key, and the timeline of a customer, the newest first.
CREATE INDEX timeline_customer_id ON customers.timeline (customer_id, happened_at, id);

-- Every consent that was given or taken back, with where it was said.
CREATE TABLE customers.consents (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers.customers (id),
    purpose text NOT NULL,
    is_given boolean NOT NULL,
    source text NOT NULL,
    recorded_by uuid,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
-- The foreign key, and the history of a customer's consents.
CREATE INDEX consents_customer_id ON customers.consents (customer_id, recorded_at, id);
"""

GROUPS = """
-- static: the members are listed; rule: they are whoever fits the saved filter at the moment.
CREATE TABLE customers.groups (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT groups_name CHECK (length(name) BETWEEN 1 AND 100),
    description text NOT NULL DEFAULT '',
    kind text NOT NULL CONSTRAINT groups_kind CHECK (kind IN ('static', 'rule')),
    rule text,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT groups_rule CHECK ((kind = 'rule') = (rule IS NOT NULL))
);
-- One group of a name, however it is written.
CREATE UNIQUE INDEX groups_name_unique ON customers.groups (lower(name));

CREATE TABLE customers.group_members (
    group_id uuid NOT NULL REFERENCES customers.groups (id) ON DELETE CASCADE,
    customer_id uuid NOT NULL REFERENCES customers.customers (id),
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (group_id, customer_id)
);
-- The foreign key, and the groups of a customer.
CREATE INDEX group_members_customer_id ON customers.group_members (customer_id);

-- Files on their way in and out: imports with their report, exports with the file they made.
CREATE TABLE customers.transfers (
    id uuid PRIMARY KEY,
    direction text NOT NULL CONSTRAINT transfers_direction CHECK (direction IN ('in', 'out')),
    asked_by uuid,
    job_id uuid,
    options jsonb NOT NULL,
    file_key text,
    -- How far an import row by row has come, so that a second try goes on there.
    rows_done integer NOT NULL DEFAULT 0,
    report jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT transfers_end CHECK (finished_at IS NULL OR report IS NOT NULL)
);
-- The purge of files that nobody needs any more.
CREATE INDEX transfers_created_at ON customers.transfers (created_at) WHERE file_key IS NOT NULL;
"""

# What a row counts towards, for each row of the transition table {rows}.
FACETS = """
    SELECT f.dimension, f.value, {sign} AS amount
    FROM {rows} c CROSS JOIN LATERAL (
        SELECT 'total', '' WHERE c.deleted_at IS NULL
        UNION ALL SELECT 'deleted', ''
            WHERE c.deleted_at IS NOT NULL AND c.merged_into_id IS NULL
        UNION ALL SELECT 'merged', '' WHERE c.merged_into_id IS NOT NULL
        UNION ALL SELECT 'lifecycle', c.lifecycle WHERE c.deleted_at IS NULL
        UNION ALL SELECT 'kind', c.kind WHERE c.deleted_at IS NULL
        UNION ALL SELECT 'country', c.country
            WHERE c.deleted_at IS NULL AND c.country IS NOT NULL
        UNION ALL SELECT 'month', to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM')
            WHERE c.deleted_at IS NULL
        UNION ALL SELECT 'owner', coalesce(c.owner_id::text, '') WHERE c.deleted_at IS NULL
        UNION ALL SELECT 'tag', t FROM unnest(c.tags) t WHERE c.deleted_at IS NULL
        UNION ALL SELECT 'consent', p FROM unnest(c.consents) p WHERE c.deleted_at IS NULL
    ) f (dimension, value)
"""


def _function(name: str, *parts: tuple[str, int]) -> str:
    facets = " UNION ALL ".join(FACETS.format(rows=rows, sign=sign) for rows, sign in parts)
    return f"""
CREATE FUNCTION customers.{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO customers.tallies (dimension, value, amount)
    SELECT t.dimension, t.value, sum(t.amount) FROM ({facets}) t
    GROUP BY t.dimension, t.value HAVING sum(t.amount) <> 0;
    RETURN NULL;
END $$;
"""


TALLIES = (
    """
-- The statistics, as changes that add up: writers add rows and never wait for each other, a job
-- sums them up every minute, a reader sums what is there.
CREATE TABLE customers.tallies (
    dimension text NOT NULL,
    value text NOT NULL,
    amount bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- One dimension, and the sums by value.
CREATE INDEX tallies_value ON customers.tallies (dimension, value);
"""
    + _function("tally_insert", ("came", 1))
    + _function("tally_update", ("came", 1), ("gone", -1))
    + _function("tally_delete", ("gone", -1))
    + """
CREATE TRIGGER customers_tally_insert AFTER INSERT ON customers.customers
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION customers.tally_insert();
CREATE TRIGGER customers_tally_update AFTER UPDATE ON customers.customers
    REFERENCING NEW TABLE AS came OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION customers.tally_update();
CREATE TRIGGER customers_tally_delete AFTER DELETE ON customers.customers
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION customers.tally_delete();
"""
)


def upgrade() -> None:
    """Apply."""
    op.execute(RECORDS)
    op.execute(GROUPS)
    op.execute(TALLIES)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP SCHEMA customers CASCADE")
