"""The audit trail: entries in hash chains, their personal details apart, and the chains' heads."""

from alembic import op

revision = "0034_audit"
down_revision = "0033_invitations"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE SCHEMA audit;

-- The end of each chain. 0 to 7 take what happened, by the key of the event; 8 takes refusals.
CREATE TABLE audit.heads (
    stream smallint PRIMARY KEY,
    sequence bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    CONSTRAINT heads_hash CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 20);  -- updated for every entry, in its page
INSERT INTO audit.heads (stream) SELECT generate_series(0, 8);

CREATE TABLE audit.entries (
    stream smallint NOT NULL REFERENCES audit.heads (stream),
    sequence bigint NOT NULL,
    id uuid NOT NULL CONSTRAINT entries_id_unique UNIQUE,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor_id uuid,
    impersonator_id uuid,
    action text NOT NULL,
    object_type text NOT NULL,
    object_id text NOT NULL,
    result text NOT NULL,
    request_id text NOT NULL,
    details_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT entries_place PRIMARY KEY (stream, sequence),
    CONSTRAINT entries_result CHECK (result IN ('done', 'refused'))
);
-- The list, newest first, and each of its filters.
CREATE INDEX entries_occurred_at ON audit.entries (occurred_at, id);
CREATE INDEX entries_actor_id ON audit.entries (actor_id, occurred_at, id);
CREATE INDEX entries_object_id ON audit.entries (object_id, occurred_at, id);
CREATE INDEX entries_action ON audit.entries (action, occurred_at, id);
CREATE INDEX entries_refused ON audit.entries (occurred_at, id) WHERE result = 'refused';
-- What an erased person's entries are found by when they acted for somebody.
CREATE INDEX entries_impersonator_id ON audit.entries (impersonator_id)
    WHERE impersonator_id IS NOT NULL;

-- The chain holds SHA-256(salt || body) alone, so that both may be emptied when a person is erased.
CREATE TABLE audit.details (
    entry_id uuid PRIMARY KEY REFERENCES audit.entries (id),
    salt bytea,
    body text,
    subject_ids uuid[] NOT NULL,
    CONSTRAINT details_emptied_whole CHECK ((salt IS NULL) = (body IS NULL))
);
-- Whom the details name: for the export and the erasure of a person.
CREATE INDEX details_subject_ids ON audit.details USING gin (subject_ids);

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('lyceum.audit_retention', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit trail is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER entries_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER details_only_added BEFORE DELETE OR TRUNCATE ON audit.details
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER heads_stay BEFORE DELETE OR TRUNCATE ON audit.heads
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

CREATE FUNCTION audit.refuse_other_than_emptying() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.body IS NULL AND NEW.entry_id = OLD.entry_id THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'details are only emptied' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER details_only_emptied BEFORE UPDATE ON audit.details
    FOR EACH ROW EXECUTE FUNCTION audit.refuse_other_than_emptying();
REVOKE UPDATE, DELETE, TRUNCATE ON audit.entries, audit.details FROM PUBLIC;

-- One field of what is hashed: its length in bytes, a colon, itself, a comma; "-," for none.
CREATE FUNCTION audit.field(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(octet_length(value) || ':' || value || ',', '-,')
$$;
CREATE FUNCTION audit.microseconds(moment timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(epoch FROM moment) * 1000000)::bigint::text
$$;

-- Adds an entry at the end of its chain, once, and returns its place. The row of the head is
-- locked until the commit: places have no gaps, and the time of recording goes on with them.
CREATE FUNCTION audit.append(
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
    op.execute("DROP SCHEMA audit CASCADE")
