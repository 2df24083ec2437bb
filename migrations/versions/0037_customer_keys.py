"""By what customers are found, in a table of its own, so that tags and owners change quickly."""

from alembic import op

revision = "0037_customer_keys"
down_revision = "0036_append_many"
branch_labels = None
depends_on = None

# PostgreSQL writes to every index of a table whenever an indexed column of a row changes. Names,
# addresses and words seldom do; what they are found by is kept here by a trigger that runs when
# they do. A running older version reads its columns of customers.customers as before.
KEYS = """
CREATE TABLE IF NOT EXISTS customers.keys (
    customer_id uuid PRIMARY KEY REFERENCES customers.customers (id) ON DELETE CASCADE,
    is_present boolean NOT NULL,
    name_order text NOT NULL,
    name_key text NOT NULL,
    email text,
    phone_key text,
    tax_key text,
    reference text,
    words tsvector NOT NULL
);

CREATE OR REPLACE FUNCTION customers.keep_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO customers.keys AS k (
        customer_id, is_present, name_order, name_key, email, phone_key, tax_key, reference, words)
    VALUES (NEW.id, NEW.deleted_at IS NULL, lower(NEW.name), NEW.name_key, NEW.email,
        NEW.phone_key, NEW.tax_key, NEW.reference, NEW.words)
    ON CONFLICT (customer_id) DO UPDATE SET
        is_present = excluded.is_present, name_order = excluded.name_order,
        name_key = excluded.name_key, email = excluded.email, phone_key = excluded.phone_key,
        tax_key = excluded.tax_key, reference = excluded.reference, words = excluded.words;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER customers_keys_insert AFTER INSERT ON customers.customers
    FOR EACH ROW EXECUTE FUNCTION customers.keep_keys();
CREATE OR REPLACE TRIGGER customers_keys_update
    AFTER UPDATE OF name, email, phone, tax_id, reference, deleted_at ON customers.customers
    FOR EACH ROW
    WHEN ((OLD.name, OLD.email, OLD.phone, OLD.tax_id, OLD.reference, OLD.deleted_at)
        IS DISTINCT FROM
        (NEW.name, NEW.email, NEW.phone, NEW.tax_id, NEW.reference, NEW.deleted_at))
    EXECUTE FUNCTION customers.keep_keys();
"""

# Whoever changes a customer meanwhile has its row by the trigger already, or waits for this one.
FILL = """
INSERT INTO customers.keys (
    customer_id, is_present, name_order, name_key, email, phone_key, tax_key, reference, words)
SELECT id, deleted_at IS NULL, lower(name), name_key, email, phone_key, tax_key, reference, words
FROM customers.customers
ON CONFLICT (customer_id) DO NOTHING
"""

INDEXES = {
    # One record for a reference; a deleted one does not hold it. It gets the name of the one that
    # it stands in for, which the program knows.
    "keys_reference_unique": "UNIQUE ON customers.keys (reference) WHERE is_present",
    # The list by name.
    "keys_by_name": "ON customers.keys (name_order, customer_id)",
    # The search.
    "keys_words": "ON customers.keys USING gin (words)",
    # Duplicates, the import that finds a record by its address, what is held about an address.
    "keys_by_email": "ON customers.keys (email) WHERE email IS NOT NULL",
    "keys_by_phone": "ON customers.keys (phone_key) WHERE is_present AND phone_key IS NOT NULL",
    "keys_by_tax_id": "ON customers.keys (tax_key) WHERE is_present AND tax_key IS NOT NULL",
    "keys_by_name_key": "ON customers.keys (name_key) WHERE is_present",
}

BEFORE = {
    "customers_reference_unique": "UNIQUE ON customers.customers (reference)"
    " WHERE deleted_at IS NULL",
    "customers_by_name": "ON customers.customers (lower(name), id)",
    "customers_words": "ON customers.customers USING gin (words)",
    "customers_by_email": "ON customers.customers (email)"
    " WHERE deleted_at IS NULL AND email IS NOT NULL",
    "customers_by_phone": "ON customers.customers (phone_key)"
    " WHERE deleted_at IS NULL AND phone_key IS NOT NULL",
    "customers_by_tax_id": "ON customers.customers (tax_key)"
    " WHERE deleted_at IS NULL AND tax_key IS NOT NULL",
    "customers_by_name_key": "ON customers.customers (name_key) WHERE deleted_at IS NULL",
}

# No client reads the name of an index but this program, which looks for the one that is made.
RENAME = """
-- squawk-ignore renaming-object
ALTER INDEX IF EXISTS customers.keys_reference_unique RENAME TO customers_reference_unique
"""


def _create(name: str, what: str) -> str:
    unique, _, rest = what.rpartition("ON customers.")
    return f"CREATE {unique}INDEX CONCURRENTLY IF NOT EXISTS {name} ON customers.{rest}"


def upgrade() -> None:
    """Apply."""
    op.execute(KEYS)
    with op.get_context().autocommit_block():
        op.execute(FILL)
        for name, what in INDEXES.items():
            op.execute(_create(name, what))
        for name in BEFORE:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS customers.{name}")
        op.execute(RENAME)


def downgrade() -> None:
    """Take back."""
    op.execute("ALTER INDEX customers.customers_reference_unique RENAME TO keys_reference_unique")
    with op.get_context().autocommit_block():
        for name, what in BEFORE.items():
            op.execute(_create(name, what))
    op.execute(
        "DROP TRIGGER customers_keys_update ON customers.customers;"
        " DROP TRIGGER customers_keys_insert ON customers.customers;"
        " DROP FUNCTION customers.keep_keys();"
        " DROP TABLE customers.keys"
    )
