"""How long entries are kept, and functions that alone may change the trail.

What is past its time goes by `audit.remove_expired`; its place, class, age and hashes stay in
`audit.removed`, so that the chain still verifies, and each removal is an entry of chain 10. So is
each rule: how long a class is kept, and holds that stop removing. The functions run with the rights
of whoever owns them: a role for the program needs none of its own on these tables but to read.
"""

from alembic import op

revision = "0042_audit_retention"
down_revision = "0041_progress"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE audit.retention (
    retention_class text PRIMARY KEY,
    -- NULL keeps for ever.
    days integer,
    CONSTRAINT retention_days CHECK (days BETWEEN 30 AND 36500)
);
INSERT INTO audit.retention VALUES
    ('sign_ins', 400), ('refusals', 180), ('reads', 1095), ('changes', 1825), ('security', NULL);

-- While there is one of a class or a person, nothing of them is removed.
CREATE TABLE audit.holds (
    id uuid PRIMARY KEY,
    retention_class text REFERENCES audit.retention (retention_class),
    person_id uuid,
    reason text NOT NULL,
    placed_by uuid,
    placed_at timestamptz NOT NULL,
    CONSTRAINT holds_one_thing CHECK (num_nonnulls(retention_class, person_id) = 1)
);
-- The foreign key, and whether a class is held.
CREATE INDEX holds_retention_class ON audit.holds (retention_class);
-- Whether a person is held.
CREATE INDEX holds_person_id ON audit.holds (person_id) WHERE person_id IS NOT NULL;

-- People who were erased while they were held: their details go when the hold does.
CREATE TABLE audit.erasures_due (person_id uuid PRIMARY KEY);

-- What stays of an entry that was removed: nothing about anybody.
CREATE TABLE audit.removed (
    stream smallint NOT NULL REFERENCES audit.heads (stream),
    sequence bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    retention_class text NOT NULL,
    content_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    -- The entry of chain 10 that says so.
    removal_id uuid NOT NULL,
    CONSTRAINT removed_place PRIMARY KEY (stream, sequence)
);
"""

GUARDS = """
CREATE TRIGGER removed_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.removed
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

-- An entry is deleted only when what proves it stands in its place.
CREATE FUNCTION audit.refuse_other_than_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'details' THEN
        PERFORM FROM audit.entries e JOIN audit.removed r USING (stream, sequence, hash)
            WHERE e.id = OLD.entry_id;
    ELSE
        PERFORM FROM audit.removed r WHERE (r.stream, r.sequence, r.hash)
            = (OLD.stream, OLD.sequence, OLD.hash);
    END IF;
    IF FOUND THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit trail is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER entries_only_added ON audit.entries;
CREATE TRIGGER entries_only_added BEFORE UPDATE OR TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER entries_only_removed BEFORE DELETE ON audit.entries
    FOR EACH ROW EXECUTE FUNCTION audit.refuse_other_than_removed();
DROP TRIGGER details_only_added ON audit.details;
CREATE TRIGGER details_only_added BEFORE TRUNCATE ON audit.details
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER details_only_removed BEFORE DELETE ON audit.details
    FOR EACH ROW EXECUTE FUNCTION audit.refuse_other_than_removed();
CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is only added to' USING ERRCODE = 'insufficient_privilege';
END $$;
"""

RECORDING = """
-- What they were until now may write in every chain, so nobody but its owner may call it.
DO $$ BEGIN
    EXECUTE replace(pg_get_functiondef('audit.append'::regproc), 'audit.append(', 'audit.add(');
    EXECUTE replace(pg_get_functiondef('audit.append_many'::regproc), 'audit.append_many(',
        'audit.add_many(');
END $$;

CREATE OR REPLACE FUNCTION audit.append(
    at_stream smallint, new_id uuid, happened_at timestamptz, by_actor uuid, by_impersonator uuid,
    what text, kind text, object text, how text, request text,
    details_salt bytea, details_body text, subjects uuid[]
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF at_stream > 9 THEN
        RAISE EXCEPTION 'the chain of upkeep is written by removing alone'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN audit.add(at_stream, new_id, happened_at, by_actor, by_impersonator, what, kind, object,
        how, request, details_salt, details_body, subjects);
END $$;

CREATE OR REPLACE FUNCTION audit.append_many(
    streams smallint[], new_ids uuid[], happened_at timestamptz[], actors uuid[],
    impersonators uuid[], actions text[], kinds text[], objects text[], results text[],
    requests text[], salts bytea[], bodies text[], subjects text[]
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF 9 < ANY (streams) THEN
        RAISE EXCEPTION 'the chain of upkeep is written by removing alone'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN audit.add_many(streams, new_ids, happened_at, actors, impersonators, actions, kinds,
        objects, results, requests, salts, bodies, subjects);
END $$;

-- An entry of chain 10.
CREATE FUNCTION audit.tell(
    new_id uuid, by_actor uuid, by_impersonator uuid, request text, what text, kind text,
    object text, told jsonb, subjects uuid[]
) RETURNS void LANGUAGE sql AS $$
    SELECT audit.add(10::smallint, new_id, clock_timestamp(), by_actor, by_impersonator, what, kind,
        object, 'done', request, uuid_send(gen_random_uuid()), told::text, subjects)
$$;
"""

RULES = """
CREATE FUNCTION audit.set_retention(
    of_class text, keep_days integer, new_id uuid, by_actor uuid, by_impersonator uuid, request text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before integer;
BEGIN
    SELECT r.days INTO STRICT before FROM audit.retention r
        WHERE r.retention_class = of_class FOR UPDATE;
    IF before IS NOT DISTINCT FROM keep_days THEN
        RETURN false;
    END IF;
    UPDATE audit.retention r SET days = keep_days WHERE r.retention_class = of_class;
    PERFORM audit.tell(new_id, by_actor, by_impersonator, request, 'audit.retention_set', 'class',
        of_class, jsonb_build_object('days', keep_days, 'before', before), '{}');
    RETURN true;
END $$;

-- Waits for the removal that runs, so that after it nothing of what is held goes.
CREATE FUNCTION audit.place_hold(
    new_hold uuid, of_class text, of_person uuid, why text, new_id uuid, by_actor uuid,
    by_impersonator uuid, request text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM audit.retention r ORDER BY r.retention_class FOR UPDATE;
    INSERT INTO audit.holds (id, retention_class, person_id, reason, placed_by, placed_at)
    VALUES (new_hold, of_class, of_person, why, by_actor, clock_timestamp());
    PERFORM audit.tell(new_id, by_actor, by_impersonator, request, 'audit.hold_placed', 'hold',
        new_hold::text, jsonb_build_object('class', of_class, 'person', of_person, 'reason', why),
        array_remove(ARRAY[of_person], NULL));
END $$;

-- The details of a person, unless a hold keeps them for now.
CREATE FUNCTION audit.empty_details(of_person uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM audit.holds h WHERE h.person_id = of_person) THEN
        INSERT INTO audit.erasures_due VALUES (of_person) ON CONFLICT DO NOTHING;
        RETURN;
    END IF;
    UPDATE audit.details d SET body = NULL, salt = NULL
    WHERE d.subject_ids @> ARRAY[of_person] AND d.body IS NOT NULL
        AND NOT EXISTS (SELECT FROM audit.entries e WHERE e.id = d.entry_id AND e.stream = 10);
    DELETE FROM audit.erasures_due e WHERE e.person_id = of_person;
END $$;

CREATE FUNCTION audit.lift_hold(
    old_hold uuid, new_id uuid, by_actor uuid, by_impersonator uuid, request text
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held audit.holds;
BEGIN
    DELETE FROM audit.holds h WHERE h.id = old_hold RETURNING * INTO held;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM audit.tell(new_id, by_actor, by_impersonator, request, 'audit.hold_lifted', 'hold',
        old_hold::text, jsonb_build_object('class', held.retention_class, 'person', held.person_id),
        array_remove(ARRAY[held.person_id], NULL));
    IF EXISTS (SELECT FROM audit.erasures_due e WHERE e.person_id = held.person_id) THEN
        PERFORM audit.empty_details(held.person_id);
    END IF;
    RETURN true;
END $$;
"""

REMOVING = """
-- Removes entries of a class and a chain that are past their time, looking at `most` of them after
-- the given place, and says how far it looked; no row when there is nothing left to look at. What a
-- person who is held has done, or is named in, stays.
CREATE FUNCTION audit.remove_expired(
    of_class text, at_stream smallint, after_at timestamptz, after_sequence bigint, most integer,
    new_id uuid
) RETURNS TABLE (removed integer, last_at timestamptz, last_sequence bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_days integer;
    before timestamptz;
    seen uuid[];
    gone uuid[];
    told jsonb;
BEGIN
    SELECT r.days INTO STRICT kept_days FROM audit.retention r
        WHERE r.retention_class = of_class FOR UPDATE;
    IF kept_days IS NULL
        OR EXISTS (SELECT FROM audit.holds h WHERE h.retention_class = of_class) THEN
        RETURN;
    END IF;
    before := date_trunc('second', clock_timestamp()) - make_interval(hours => 24 * kept_days);
    SELECT array_agg(c.id), max(c.recorded_at) INTO seen, last_at
    FROM (SELECT e.id, e.recorded_at FROM audit.entries e
        WHERE e.retention_class = of_class AND e.stream = at_stream AND e.recorded_at < before
            AND (e.recorded_at, e.sequence) > (after_at, after_sequence)
        ORDER BY e.recorded_at, e.sequence LIMIT most) c;
    IF seen IS NULL THEN
        RETURN;
    END IF;
    SELECT max(e.sequence) INTO last_sequence FROM audit.entries e
        WHERE e.id = ANY (seen) AND e.recorded_at = last_at;
    SELECT array_agg(e.id), jsonb_build_object('class', of_class, 'days', kept_days,
            'before', audit.microseconds(before)::bigint, 'count', count(*),
            'first', min(e.sequence), 'last', max(e.sequence),
            'hashes', encode(sha256(string_agg(e.hash, ''::bytea ORDER BY e.sequence)), 'hex'))
        INTO gone, told
    FROM audit.entries e JOIN audit.details d ON d.entry_id = e.id
    WHERE e.id = ANY (seen) AND NOT EXISTS (
        SELECT FROM audit.holds h WHERE h.person_id IS NOT NULL AND (
            h.person_id IN (e.actor_id, e.impersonator_id) OR h.person_id = ANY (d.subject_ids)
            OR h.person_id::text = e.object_id));
    removed := coalesce(cardinality(gone), 0);
    IF removed > 0 THEN
        INSERT INTO audit.removed (stream, sequence, recorded_at, retention_class, content_hash,
            previous_hash, hash, removal_id)
        SELECT e.stream, e.sequence, e.recorded_at, e.retention_class, e.content_hash,
            e.previous_hash, e.hash, new_id FROM audit.entries e WHERE e.id = ANY (gone);
        DELETE FROM audit.details d WHERE d.entry_id = ANY (gone);
        DELETE FROM audit.entries e WHERE e.id = ANY (gone);
        PERFORM audit.tell(new_id, NULL, NULL, '', 'audit.pruned', 'chain', at_stream::text, told,
            '{}');
    END IF;
    RETURN NEXT;
END $$;

REVOKE EXECUTE ON FUNCTION audit.add, audit.add_many, audit.append, audit.append_many, audit.tell,
    audit.set_retention, audit.place_hold, audit.lift_hold, audit.empty_details,
    audit.remove_expired FROM PUBLIC;
"""

DOWNGRADE = """
DROP FUNCTION audit.remove_expired, audit.lift_hold, audit.empty_details, audit.place_hold,
    audit.set_retention, audit.tell, audit.append, audit.append_many;
DO $$ BEGIN
    EXECUTE replace(pg_get_functiondef('audit.add'::regproc), 'audit.add(', 'audit.append(');
    EXECUTE replace(pg_get_functiondef('audit.add_many'::regproc), 'audit.add_many(',
        'audit.append_many(');
END $$;
DROP FUNCTION audit.add, audit.add_many;
DROP TRIGGER details_only_removed ON audit.details;
DROP TRIGGER details_only_added ON audit.details;
DROP TRIGGER entries_only_removed ON audit.entries;
DROP TRIGGER entries_only_added ON audit.entries;
DROP FUNCTION audit.refuse_other_than_removed;
DROP TABLE audit.removed, audit.erasures_due, audit.holds, audit.retention;
CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""


def upgrade() -> None:
    """Apply."""
    for part in (TABLES, GUARDS, RECORDING, RULES, REMOVING):
        op.execute(part)


def downgrade() -> None:
    """Take back."""
    op.execute(DOWNGRADE)
