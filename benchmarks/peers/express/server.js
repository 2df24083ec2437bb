// What the Node guides teach: Express 4, Sequelize models, a token check, and nothing else.
const express = require("express");
const jwt = require("jsonwebtoken");
const { Sequelize, DataTypes, QueryTypes } = require("sequelize");

const database = new Sequelize(process.env.DATABASE, process.env.PGUSER, "", {
  host: process.env.PGHOST, dialect: "postgres", logging: false, pool: { max: 10, min: 10 },
});
const plain = (schema, tableName) => ({ schema, tableName, timestamps: false });
const id = { type: DataTypes.UUID, primaryKey: true };

const User = database.define("User", {
  id, firstName: { type: DataTypes.STRING, field: "first_name" },
  lastName: { type: DataTypes.STRING, field: "last_name" },
}, plain("users", "users"));
const Course = database.define("Course", {
  id, slug: DataTypes.STRING, title: DataTypes.STRING, subtitle: DataTypes.STRING,
  description: DataTypes.TEXT, difficulty: DataTypes.STRING, status: DataTypes.STRING,
  ownerId: { type: DataTypes.UUID, field: "owner_id" },
  priceMinor: { type: DataTypes.BIGINT, field: "price_minor" },
  enrolmentCount: { type: DataTypes.INTEGER, field: "enrolment_count" },
  publishedAt: { type: DataTypes.DATE, field: "published_at" },
}, plain("courses", "courses"));
const Chapter = database.define("Chapter", {
  id, courseId: { type: DataTypes.UUID, field: "course_id" }, title: DataTypes.STRING,
  position: DataTypes.BIGINT,
}, plain("courses", "chapters"));
const Lecture = database.define("Lecture", {
  id, courseId: { type: DataTypes.UUID, field: "course_id" },
  chapterId: { type: DataTypes.UUID, field: "chapter_id" }, title: DataTypes.STRING,
  type: DataTypes.STRING, durationSeconds: { type: DataTypes.INTEGER, field: "duration_seconds" },
  position: DataTypes.BIGINT,
}, plain("courses", "lectures"));
const Enrolment = database.define("Enrolment", {
  id, courseId: { type: DataTypes.UUID, field: "course_id" },
  userId: { type: DataTypes.UUID, field: "user_id" }, status: DataTypes.STRING,
  completedLectures: { type: DataTypes.INTEGER, field: "completed_lectures" },
  progressPercent: { type: DataTypes.INTEGER, field: "progress_percent" },
  completedAt: { type: DataTypes.DATE, field: "completed_at" },
}, plain("courses", "enrolments"));
const Progress = database.define("Progress", {
  enrolmentId: { type: DataTypes.UUID, field: "enrolment_id", primaryKey: true },
  lectureId: { type: DataTypes.UUID, field: "lecture_id", primaryKey: true },
  isCompleted: { type: DataTypes.BOOLEAN, field: "is_completed" },
  positionSeconds: { type: DataTypes.INTEGER, field: "position_seconds" },
  timeSpentSeconds: { type: DataTypes.INTEGER, field: "time_spent_seconds" },
}, plain("courses", "lecture_progress"));
Course.belongsTo(User, { as: "owner", foreignKey: "ownerId" });
Course.hasMany(Chapter, { as: "chapters", foreignKey: "courseId" });
Chapter.hasMany(Lecture, { as: "lectures", foreignKey: "chapterId" });
Enrolment.hasMany(Progress, { as: "progress", foreignKey: "enrolmentId" });

const app = express();
app.use(express.json());
const signedIn = (req, res, next) => {
  try {
    req.user = jwt.verify((req.headers.authorization || "").slice(7), process.env.SECRET).sub;
    next();
  } catch { res.status(401).json({ error: "unauthorized" }); }
};
const guarded = (handler) => (req, res, next) => handler(req, res).catch(next);

app.get("/api/v1/courses", guarded(async (req, res) => {
  const page = Number(req.query.page) || 1, perPage = Number(req.query.perPage) || 20;
  const { rows, count } = await Course.findAndCountAll({
    where: { status: "published" }, include: [{ model: User, as: "owner" }],
    attributes: { include: [[database.literal(
      '(SELECT count(*) FROM courses.lectures l WHERE l.course_id = "Course"."id")'),
      "lectureCount"]] },
    order: [["publishedAt", "DESC"]], limit: perPage, offset: (page - 1) * perPage,
  });
  res.json({ data: rows, meta: { page, perPage, total: count } });
}));

app.get("/api/v1/courses/:id", signedIn, guarded(async (req, res) => {
  const course = await Course.findByPk(req.params.id, {
    include: [{ model: User, as: "owner" },
      { model: Chapter, as: "chapters", include: [{ model: Lecture, as: "lectures" }] }],
    order: [[{ model: Chapter, as: "chapters" }, "position", "ASC"],
      [{ model: Chapter, as: "chapters" }, { model: Lecture, as: "lectures" }, "position", "ASC"]],
  });
  if (!course) return res.status(404).json({ error: "not found" });
  const enrolment = await Enrolment.findOne({
    where: { courseId: course.id, userId: req.user }, include: [{ model: Progress, as: "progress" }],
  });
  res.json({ data: { ...course.toJSON(), viewer: { enrolment } } });
}));

app.put("/api/v1/courses/:id/progress", signedIn, guarded(async (req, res) => {
  const { lectureId, completed, timeSpentSeconds, positionSeconds } = req.body;
  if (typeof lectureId !== "string" || typeof completed !== "boolean") {
    return res.status(422).json({ error: "validation" });
  }
  const result = await database.transaction(async (transaction) => {
    const enrolment = await Enrolment.findOne({
      where: { courseId: req.params.id, userId: req.user }, transaction, lock: true,
    });
    if (!enrolment) return null;
    const [row, isNew] = await Progress.findOrCreate({
      where: { enrolmentId: enrolment.id, lectureId }, transaction,
      defaults: { isCompleted: completed, positionSeconds, timeSpentSeconds },
    });
    if (!isNew) {
      await row.update({
        isCompleted: row.isCompleted || completed, positionSeconds,
        timeSpentSeconds: row.timeSpentSeconds + timeSpentSeconds,
      }, { transaction });
    }
    const total = await Lecture.count({ where: { courseId: req.params.id }, transaction });
    const done = await Progress.count({
      where: { enrolmentId: enrolment.id, isCompleted: true }, transaction,
    });
    const isFinished = done >= total && !enrolment.completedAt;
    await enrolment.update({
      completedLectures: done, progressPercent: Math.floor((100 * done) / total),
      ...(isFinished ? { status: "completed", completedAt: new Date() } : {}),
    }, { transaction });
    if (isFinished) {
      await database.query(
        `INSERT INTO platform.outbox (id, name, version, key, payload, occurred_at, request_id)
         VALUES (gen_random_uuid(), 'course.completed', 1, $1, $2, now(), '')`,
        { bind: [enrolment.id, "{}"], type: QueryTypes.INSERT, transaction });
    }
    return { progressPercent: enrolment.progressPercent, completedLectures: done };
  });
  if (!result) return res.status(404).json({ error: "not found" });
  res.json({ data: result });
}));

app.listen(Number(process.env.PORT), "127.0.0.1");
