"""Entries by class, hashed in two steps, and two chains more: of staff's reads, and of upkeep.

The hash of an entry is made of its place, time and class and of the hash of all the rest, so that
the rest can go when its time is over and the chain still proves what stood there and how old it
was. Entries of before have no class: they are hashed in one step, and stay.
"""

from alembic import op

revision = "0035_audit_classes"
down_revision = "0034_audit"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE audit.entries
    ADD COLUMN retention_class text,
    ADD COLUMN content_hash bytea;

-- 9 takes what staff read of people's records, 10 what was removed, and the rules of removing.
INSERT INTO audit.heads (stream) VALUES (9), (10);

-- The class of an action says how long its entries are kept. It is in the hash of the entry: what
-- was recorded stays in its class when this function changes.
CREATE FUNCTION audit.class_of(what text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN what = 'request.refused' THEN 'refusals'
        WHEN what = 'record.read' THEN 'reads'
        WHEN what IN ('user.followed', 'user.unfollowed') THEN 'changes'
        WHEN what LIKE '%.exported' THEN 'security'
        WHEN split_part(what, '.', 1) IN ('session', 'login', 'device') THEN 'sign_ins'
        WHEN split_part(what, '.', 1) IN ('user', 'role', 'api_key', 'service_key', 'signing_key',
            'factor', 'factors', 'recovery_codes', 'identity', 'webhook', 'audit', 'order',
            'payment', 'refund', 'payout', 'invoice', 'ledger_entry', 'coupon', 'subscription')
            THEN 'security'
        ELSE 'changes'
    END
$$;

-- The hash of all that goes with an entry when its time is over.
CREATE FUNCTION audit.content_hash(
    new_id uuid, happened_at timestamptz, by_actor uuid, by_impersonator uuid, what text, kind text,
    object text, how text, request text, details_hash bytea
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(
        'lyceum audit content 2,' || audit.field(new_id::text)
        || audit.field(audit.microseconds(happened_at)) || audit.field(by_actor::text)
        || audit.field(by_impersonator::text) || audit.field(what) || audit.field(kind)
        || audit.field(object) || audit.field(how) || audit.field(request)
        || audit.field(encode(details_hash, 'hex')), 'UTF8'))
$$;

-- The hash of an entry, by which the next one holds it.
CREATE FUNCTION audit.entry_hash(
    at_stream smallint, place bigint, before bytea, now_at timestamptz, of_class text, content bytea
) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(
        'lyceum audit 2,' || audit.field(at_stream::text) || audit.field(place::text)
        || audit.field(encode(before, 'hex')) || audit.field(audit.microseconds(now_at))
        || audit.field(of_class) || audit.field(encode(content, 'hex')), 'UTF8'))
$$;

CREATE OR REPLACE FUNCTION audit.append(
    at_stream smallint, new_id uuid, happened_at timestamptz, by_actor uuid, by_impersonator uuid,
    what text, kind text, object text, how text, request text,
    details_salt bytea, details_body text, subjects uuid[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head audit.heads;
    place bigint;
    digest bytea;
    content bytea;
    link bytea;
    now_at timestamptz;
    of_class text := audit.class_of(what);
BEGIN
    SELECT * INTO STRICT head FROM audit.heads h WHERE h.stream = at_stream FOR UPDATE;
    SELECT e.sequence INTO place FROM audit.entries e WHERE e.id = new_id;
    IF FOUND THEN
        RETURN place;
    END IF;
    now_at := clock_timestamp();
    place := head.sequence + 1;
    digest := sha256(details_salt || convert_to(details_body, 'UTF8'));
    content := audit.content_hash(new_id, happened_at, by_actor, by_impersonator, what, kind,
        object, how, request, digest);
    link := audit.entry_hash(at_stream, place, head.hash, now_at, of_class, content);
    INSERT INTO audit.entries (stream, sequence, id, occurred_at, recorded_at, actor_id,
        impersonator_id, action, object_type, object_id, result, request_id, details_hash,
        previous_hash, hash, retention_class, content_hash)
    VALUES (at_stream, place, new_id, happened_at, now_at, by_actor, by_impersonator, what, kind,
        object, how, request, digest, head.hash, link, of_class, content);
    INSERT INTO audit.details (entry_id, salt, body, subject_ids)
    VALUES (new_id, details_salt, details_body, subjects);
    UPDATE audit.heads h SET sequence = place, hash = link WHERE h.stream = at_stream;
    RETURN place;
END $$;
"""

# What was recorded in two steps goes: the program of before cannot verify it.
DOWNGRADE = """
SET LOCAL lyceum.audit_retention = 'on';
DELETE FROM audit.details d USING audit.entries e
    WHERE e.id = d.entry_id AND e.retention_class IS NOT NULL;
DELETE FROM audit.entries WHERE retention_class IS NOT NULL;
DELETE FROM audit.heads WHERE stream > 8;
UPDATE audit.heads h SET
    sequence = coalesce((SELECT max(sequence) FROM audit.entries e WHERE e.stream = h.stream), 0),
    hash = coalesce((SELECT hash FROM audit.entries e WHERE e.stream = h.stream
        ORDER BY sequence DESC LIMIT 1), decode(repeat('00', 32), 'hex'));
DROP FUNCTION audit.entry_hash;
DROP FUNCTION audit.content_hash;
DROP FUNCTION audit.class_of;
ALTER TABLE audit.entries DROP COLUMN retention_class, DROP COLUMN content_hash;
CREATE OR REPLACE FUNCTION audit.append(
    at_stream smallint, new_id uuid, happened_at timestamptz, by_actor uuid, by_impersonator uuid,
    what text, kind text, object text, how text, request text,
    details_salt bytea, details_body text, subjects uuid[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head audit.heads;
    place bigint;
    digest bytea;
    link bytea;
    now_at timestamptz;
BEGIN
    SELECT * INTO STRICT head FROM audit.heads h WHERE h.stream = at_stream FOR UPDATE;
    SELECT e.sequence INTO place FROM audit.entries e WHERE e.id = new_id;
    IF FOUND THEN
        RETURN place;
    END IF;
    now_at := clock_timestamp();
    place := head.sequence + 1;
    digest := sha256(details_salt || convert_to(details_body, 'UTF8'));
    link := sha256(convert_to(
        'lyceum audit 1,' || audit.field(at_stream::text) || audit.field(place::text)
        || audit.field(encode(head.hash, 'hex')) || audit.field(new_id::text)
        || audit.field(audit.microseconds(happened_at)) || audit.field(audit.microseconds(now_at))
        || audit.field(by_actor::text) || audit.field(by_impersonator::text)
        || audit.field(what) || audit.field(kind) || audit.field(object) || audit.field(how)
        || audit.field(request) || audit.field(encode(digest, 'hex')), 'UTF8'));
    INSERT INTO audit.entries (stream, sequence, id, occurred_at, recorded_at, actor_id,
        impersonator_id, action, object_type, object_id, result, request_id, details_hash,
        previous_hash, hash)
    VALUES (at_stream, place, new_id, happened_at, now_at, by_actor, by_impersonator, what, kind,
        object, how, request, digest, head.hash, link);
    INSERT INTO audit.details (entry_id, salt, body, subject_ids)
    VALUES (new_id, details_salt, details_body, subjects);
    UPDATE audit.heads h SET sequence = place, hash = link WHERE h.stream = at_stream;
    RETURN place;
END $$;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
