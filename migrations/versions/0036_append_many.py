"""The audit trail takes many entries at once: one call, one lock of the heads."""

from alembic import op

revision = "0036_append_many"
down_revision = "0035_audit_classes"
branch_labels = None
depends_on = None

UPGRADE = """
-- Adds entries at the ends of their chains, each once, in the order given, exactly as audit.append
-- does; returns how many are new. The heads are locked in the order of the streams, until the
-- commit: two calls wait for each other and never in a circle.
CREATE FUNCTION audit.append_many(
    streams smallint[], new_ids uuid[], happened_at timestamptz[], actors uuid[],
    impersonators uuid[], actions text[], kinds text[], objects text[], results text[],
    requests text[], salts bytea[], bodies text[], subjects text[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    now_at timestamptz;
    one record;
    at_stream smallint;
    place bigint;
    link bytea;
    added bigint := 0;
    places bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(new_ids)]);
    digests bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(new_ids)]);
    contents bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(new_ids)]);
    before bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(new_ids)]);
    links bytea[] := array_fill(NULL::bytea, ARRAY[cardinality(new_ids)]);
BEGIN
    PERFORM FROM audit.heads h WHERE h.stream = ANY(streams) ORDER BY h.stream FOR UPDATE;
    now_at := clock_timestamp();
    FOR one IN
        SELECT n.number, n.stream, n.digest, h.sequence, h.hash,
            audit.class_of(n.action) AS of_class,
            audit.content_hash(n.id, n.at, n.actor, n.impersonator, n.action, n.kind, n.object,
                n.result, n.request, n.digest) AS content
        FROM (
            SELECT u.*, sha256(u.salt || convert_to(u.body, 'UTF8')) AS digest
            FROM unnest(streams, new_ids, happened_at, actors, impersonators, actions, kinds,
                objects, results, requests, salts, bodies) WITH ORDINALITY
                AS u(stream, id, at, actor, impersonator, action, kind, object, result, request,
                    salt, body, number)
        ) n
        JOIN audit.heads h ON h.stream = n.stream
        -- Looked up one by one: a join would be planned for the table as it was.
        WHERE NOT coalesce((SELECT true FROM audit.entries e WHERE e.id = n.id), false)
            AND array_position(new_ids, n.id) = n.number
        ORDER BY n.stream, n.number
    LOOP
        IF at_stream IS DISTINCT FROM one.stream THEN
            at_stream := one.stream;
            place := one.sequence;
            link := one.hash;
        END IF;
        place := place + 1;
        before[one.number] := link;
        link := audit.entry_hash(at_stream, place, link, now_at, one.of_class, one.content);
        places[one.number] := place;
        digests[one.number] := one.digest;
        contents[one.number] := one.content;
        links[one.number] := link;
        added := added + 1;
    END LOOP;
    IF added = 0 THEN
        RETURN 0;
    END IF;
    INSERT INTO audit.entries (stream, sequence, id, occurred_at, recorded_at, actor_id,
        impersonator_id, action, object_type, object_id, result, request_id, details_hash,
        previous_hash, hash, retention_class, content_hash)
    SELECT u.stream, u.place, u.id, u.at, now_at, u.actor, u.impersonator, u.action, u.kind,
        u.object, u.result, u.request, u.digest, u.previous, u.link, audit.class_of(u.action),
        u.content
    FROM unnest(streams, new_ids, happened_at, actors, impersonators, actions, kinds, objects,
        results, requests, places, digests, contents, before, links)
        AS u(stream, id, at, actor, impersonator, action, kind, object, result, request, place,
            digest, content, previous, link)
    WHERE u.place IS NOT NULL;
    INSERT INTO audit.details (entry_id, salt, body, subject_ids)
    SELECT u.id, u.salt, u.body, u.subject_ids::uuid[]
    FROM unnest(new_ids, salts, bodies, subjects, places) AS u(id, salt, body, subject_ids, place)
    WHERE u.place IS NOT NULL;
    UPDATE audit.heads h SET sequence = e.place, hash = e.link
    FROM (
        SELECT DISTINCT ON (u.stream) u.stream, u.place, u.link
        FROM unnest(streams, places, links) AS u(stream, place, link)
        WHERE u.place IS NOT NULL ORDER BY u.stream, u.place DESC
    ) e WHERE h.stream = e.stream;
    RETURN added;
END $$
"""


def upgrade() -> None:
    """Apply."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Take back."""
    op.execute(
        "DROP FUNCTION audit.append_many(smallint[], uuid[], timestamptz[], uuid[], uuid[], text[],"
        " text[], text[], text[], text[], bytea[], text[], text[])"
    )
