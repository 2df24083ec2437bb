// The fastest thing a good Node engineer would write: Fastify 5 and SQL by hand. MODE is
//   rows       pg, rows turned into JSON by Node
//   json       pg, JSON built by PostgreSQL
//   same       pg, the very statements that Lyceum runs
//   pipelined  postgres.js, which pipelines, the same statements, and a cache of verified tokens
//   cached     as json, and the list from a cache of bytes
const { readFileSync } = require("fs");
const { createVerifier } = require("fast-jwt");
const { randomUUID } = require("crypto");
const MODE = process.env.MODE;
const ours = JSON.parse(readFileSync(process.env.STATEMENTS));
const app = require("fastify")({ logger: false });
const verify = createVerifier({
  key: process.env.SECRET, algorithms: ["HS256"], cache: MODE === "pipelined" ? 10000 : false,
});

let run;
if (MODE === "pipelined") {
  const sql = require("postgres")({
    host: process.env.PGHOST, database: process.env.DATABASE, username: process.env.PGUSER, max: 10,
    connection: { plan_cache_mode: "force_generic_plan", jit: "off" },
  });
  run = (name, text, values) => sql.unsafe(text, values, { prepare: true });
} else {
  const { Pool } = require("pg");
  const pool = new Pool({
    host: process.env.PGHOST, database: process.env.DATABASE, user: process.env.PGUSER, max: 10,
    options: "-c plan_cache_mode=force_generic_plan -c jit=off",
  });
  run = async (name, text, values) => (await pool.query({ name, text, values })).rows;
  run.transaction = async (work) => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const result = await work(
        async (name, text, values) => (await client.query({ name, text, values })).rows);
      await client.query("COMMIT");
      return result;
    } catch (error) { await client.query("ROLLBACK"); throw error; } finally { client.release(); }
  };
}

const LIST_ROWS = `
  SELECT c.id, c.slug, c.title, c.subtitle, c.difficulty, c.price_minor, c.currency, c.status,
    c.enrolment_count, c.rating_average, c.published_at, k.name AS category, n.lectures,
    u.first_name || ' ' || u.last_name AS instructor, t.total
  FROM (SELECT * FROM courses.courses WHERE status = 'published' AND visibility = 'public'
          AND deleted_at IS NULL ORDER BY published_at DESC, id DESC OFFSET $1 LIMIT $2) c
  JOIN users.users u ON u.id = c.owner_id LEFT JOIN courses.categories k ON k.id = c.category_id
  JOIN LATERAL (SELECT count(*)::int AS lectures FROM courses.lectures l
                WHERE l.course_id = c.id AND l.deleted_at IS NULL) n ON true
  CROSS JOIN (SELECT count(*)::int AS total FROM courses.courses WHERE status = 'published'
              AND visibility = 'public' AND deleted_at IS NULL) t
  ORDER BY c.published_at DESC, c.id DESC`;
const LIST_JSON = `SELECT json_agg(json_build_object('id', id, 'slug', slug, 'title', title,
    'subtitle', subtitle, 'difficulty', difficulty, 'status', status,
    'price', json_build_object('amount', price_minor, 'currency', currency),
    'enrolmentCount', enrolment_count, 'rating', rating_average, 'publishedAt', published_at,
    'category', category, 'lectureCount', lectures, 'instructor', instructor))::text AS items,
    max(total) AS total FROM (${LIST_ROWS}) page`;
const OUTLINE = `
  SELECT h.id AS chapter_id, h.title AS chapter, l.id, l.title, l.type, l.duration_seconds
  FROM courses.chapters h JOIN courses.lectures l ON l.chapter_id = h.id
  WHERE h.course_id = $1 AND h.deleted_at IS NULL AND l.deleted_at IS NULL
  ORDER BY h.position, h.id, l.position, l.id`;
const COURSE = `SELECT c.id, c.slug, c.title, c.subtitle, c.description, c.difficulty, c.status,
    c.lecture_count, c.enrolment_count, c.rating_average,
    u.first_name || ' ' || u.last_name AS instructor
  FROM courses.courses c JOIN users.users u ON u.id = c.owner_id
  WHERE c.id = $1 AND c.deleted_at IS NULL`;
const VIEWER = `SELECT e.id, e.status, e.progress_percent, e.completed_at,
    coalesce(array_agg(p.lecture_id) FILTER (WHERE p.is_completed), '{}') AS completed
  FROM courses.enrolments e LEFT JOIN courses.lecture_progress p ON p.enrolment_id = e.id
  WHERE e.course_id = $1 AND e.user_id = $2 GROUP BY e.id`;
const DETAIL_JSON = `SELECT json_build_object('id', c.id, 'slug', c.slug, 'title', c.title,
    'subtitle', c.subtitle, 'description', c.description, 'difficulty', c.difficulty,
    'status', c.status, 'lectureCount', c.lecture_count, 'enrolmentCount', c.enrolment_count,
    'rating', c.rating_average, 'instructor', u.first_name || ' ' || u.last_name,
    'outline', (SELECT json_agg(json_build_object('id', h.id, 'title', h.title, 'lectures',
        (SELECT json_agg(json_build_object('id', l.id, 'title', l.title, 'type', l.type,
            'durationSeconds', l.duration_seconds) ORDER BY l.position, l.id)
         FROM courses.lectures l WHERE l.chapter_id = h.id AND l.deleted_at IS NULL))
        ORDER BY h.position, h.id) FROM courses.chapters h
      WHERE h.course_id = c.id AND h.deleted_at IS NULL),
    'viewer', (SELECT json_build_object('status', e.status, 'progressPercent', e.progress_percent,
        'completedLectureIds', (SELECT json_agg(p.lecture_id) FROM courses.lecture_progress p
          WHERE p.enrolment_id = e.id AND p.is_completed))
      FROM courses.enrolments e WHERE e.course_id = c.id AND e.user_id = $2))::text AS body
  FROM courses.courses c JOIN users.users u ON u.id = c.owner_id
  WHERE c.id = $1 AND c.deleted_at IS NULL`;

function user(request, reply) {
  try { return verify((request.headers.authorization || "").slice(7)).sub; }
  catch { reply.code(401).send({ error: "unauthorized" }); return null; }
}
const json = (reply, body) => reply.header("content-type", "application/json").send(body);

const bytes = new Map();
app.get("/api/v1/courses", async (request, reply) => {
  const page = Number(request.query.page) || 1, perPage = Number(request.query.perPage) || 20;
  if (MODE === "rows") {
    const rows = await run("list", LIST_ROWS, [(page - 1) * perPage, perPage]);
    return { data: rows, meta: { page, perPage, total: rows.length ? rows[0].total : 0 } };
  }
  const key = request.url;
  if (MODE === "cached" && bytes.has(key)) return json(reply, bytes.get(key));
  const text = MODE === "json" || MODE === "cached" ? LIST_JSON : ours.list;
  const [row] = await run("list", text, [(page - 1) * perPage, perPage]);
  const items = typeof row.items === "string" ? row.items : JSON.stringify(row.items);
  const body = `{"data":${items},"meta":{"page":${page},"perPage":${perPage},"total":${row.total}}}`;
  if (MODE === "cached") bytes.set(key, Buffer.from(body));
  return json(reply, body);
});

app.get("/api/v1/courses/:id", async (request, reply) => {
  const sub = user(request, reply);
  if (!sub) return reply;
  const id = request.params.id;
  if (MODE === "rows") {
    const [[course], outline, [enrolment]] = await Promise.all([
      run("course", COURSE, [id]), run("outline", OUTLINE, [id]), run("viewer", VIEWER, [id, sub])]);
    if (!course) return reply.code(404).send({ error: "not found" });
    const chapters = new Map();
    for (const row of outline) {
      if (!chapters.has(row.chapter_id)) {
        chapters.set(row.chapter_id, { id: row.chapter_id, title: row.chapter, lectures: [] });
      }
      chapters.get(row.chapter_id).lectures.push(
        { id: row.id, title: row.title, type: row.type, durationSeconds: row.duration_seconds });
    }
    return { data: { ...course, outline: [...chapters.values()], viewer: { enrolment } } };
  }
  const [row] = await run("detail", DETAIL_JSON, [id, sub]);
  if (!row) return reply.code(404).send({ error: "not found" });
  return json(reply, `{"data":${row.body}}`);
});

const schema = { body: { type: "object", required: ["lectureId", "completed"], properties: {
  lectureId: { type: "string", format: "uuid" }, completed: { type: "boolean" },
  timeSpentSeconds: { type: "integer", minimum: 0, maximum: 86400 },
  positionSeconds: { type: "integer", minimum: 0, maximum: 1000000 } } } };
app.put("/api/v1/courses/:id/progress", { schema }, async (request, reply) => {
  const sub = user(request, reply);
  if (!sub) return reply;
  const { lectureId, completed, timeSpentSeconds = 0, positionSeconds = 0 } = request.body;
  if (MODE === "rows") {
    const done = await run.transaction(async (tx) => {
      const [e] = await tx("lock", `SELECT id, completed_at FROM courses.enrolments
        WHERE course_id = $1 AND user_id = $2 FOR UPDATE`, [request.params.id, sub]);
      if (!e) return null;
      await tx("upsert", `INSERT INTO courses.lecture_progress AS p (enrolment_id, lecture_id,
          is_completed, position_seconds, time_spent_seconds) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (enrolment_id, lecture_id) DO UPDATE SET
          is_completed = p.is_completed OR excluded.is_completed,
          position_seconds = excluded.position_seconds,
          time_spent_seconds = p.time_spent_seconds + excluded.time_spent_seconds`,
      [e.id, lectureId, completed, positionSeconds, timeSpentSeconds]);
      const [n] = await tx("count", `SELECT
          (SELECT count(*)::int FROM courses.lecture_progress
           WHERE enrolment_id = $1 AND is_completed) AS done,
          (SELECT lecture_count FROM courses.courses WHERE id = $2) AS total`,
      [e.id, request.params.id]);
      const percent = Math.floor((100 * n.done) / n.total);
      const isFinished = n.done >= n.total && !e.completed_at;
      await tx("update", `UPDATE courses.enrolments SET completed_lectures = $2,
          progress_percent = $3, status = CASE WHEN $4 THEN 'completed' ELSE status END,
          completed_at = CASE WHEN $4 THEN now() ELSE completed_at END WHERE id = $1`,
      [e.id, n.done, percent, isFinished]);
      if (isFinished) {
        await tx("event", `INSERT INTO platform.outbox (id, name, version, key, payload,
            occurred_at, request_id) VALUES ($1, 'course.completed', 1, $2, '{}', now(), '')`,
        [randomUUID(), e.id]);
      }
      return { progressPercent: percent, completedLectures: n.done };
    });
    if (!done) return reply.code(404).send({ error: "not found" });
    return { data: done };
  }
  const now = new Date();
  const [row] = await run("progress", ours.progress, [sub, request.params.id, lectureId, completed,
    timeSpentSeconds, positionSeconds, null, now, now, null, "", null, null]);
  const answer = typeof row.result === "string" ? row.result : JSON.stringify(row.result);
  return json(reply, `{"data":${answer}}`);
});

app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
