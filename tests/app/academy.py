"""An academy with one of everything that a route can name, and people of every kind."""

from typing import Any
from uuid import UUID

import msgspec

from lyceum.assessments import api as assessments
from lyceum.assessments.service import taking
from lyceum.courses.jobs import render_certificate
from lyceum.courses.schemas.categories import NewCategory
from lyceum.courses.schemas.notes import NewNote
from lyceum.courses.schemas.progress import ProgressUpdate
from lyceum.courses.schemas.reviews import NewReview
from lyceum.courses.schemas.structure import NewLecture
from lyceum.courses.service import (
    categories,
    certificates,
    courses,
    notes,
    progress,
    publishing,
    review_moderation,
    reviews,
    structure,
)
from lyceum.courses.service import enrolment as enrolments
from lyceum.customers.schemas.customers import NewCustomer
from lyceum.customers.schemas.groups import NewCustomerGroup
from lyceum.customers.service import customers as customer_records
from lyceum.customers.service import groups as customer_groups
from lyceum.customers.service import transfers as customer_transfers
from lyceum.discussions.schemas.announcements import NewAnnouncement
from lyceum.discussions.schemas.contributions import NewPost, NewThread
from lyceum.discussions.service import announcements, posts, reports, threads
from lyceum.packages.adapters import uploads
from lyceum.packages.queries import exports as export_queries
from lyceum.packages.service import files
from lyceum.packages.service import imports as packages
from lyceum.platform import ids, jobs
from lyceum.platform.access import ROLES, Actor, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings
from lyceum.platform.statements import command, sql
from lyceum.users.adapters import oidc_exchange
from lyceum.users.records import Account, Device
from lyceum.users.schemas.api_keys import NewApiKey
from lyceum.users.schemas.roles import NewRole
from lyceum.users.service import (
    administration,
    admission,
    api_keys,
    data_exports,
    devices,
    oidc_sign_in,
    people_imports,
    roles,
    trusted_devices,
)
from tests.app import course_samples, operator_samples, samples
from tests.courses import factories
from tests.users import factories as users
from tests.users import mfa

SYSTEM = system_actor("tests")
EXPORT_FILE = "data-exports/sample.zip"
UNPUBLISHED = ("publishCourse", "submitCourse", "returnCourse", "purgeChapter", "purgeCourse")
STRANGERS = ROLES
"""Somebody of each role who has nothing to do with the objects."""
_CODE = sql("SELECT code FROM courses.certificates WHERE id = $1", str)
_SESSION = sql("SELECT id FROM users.sessions WHERE user_id = $1", UUID)
_FAIL_JOB = command("UPDATE platform.jobs SET state = 'failed' WHERE id = $1")
_ADD_SCHEDULE = command(
    "INSERT INTO platform.schedules (name, due_at, cron) VALUES ($1, now(), '17 * * * *')"
    " ON CONFLICT (name) DO UPDATE SET cron = excluded.cron, seen_at = now()"
)
SCHEDULE = "platform.purge_inbox"
QUIZ = assessments.QuizDefinition(
    title="Knots",
    questions=(
        assessments.QuestionDefinition(
            kind="true_false",
            html="A bowline slips.",
            choices=(
                assessments.ChoiceDefinition(html="True", is_correct=False),
                assessments.ChoiceDefinition(html="False", is_correct=True),
            ),
        ),
    ),
)


class Academy(msgspec.Struct):
    """`in_path` has a value for every path parameter, `in_body` for fields that name something."""

    people: dict[str, Account]
    in_path: dict[str, str]
    in_body: dict[str, Any]


WEBHOOK_OPERATIONS = (
    "rotateSecret", "sendTest", "listDeliveries", "getDelivery", "replayDelivery",
)  # fmt: skip


async def make_people(database: Database) -> dict[str, Account]:
    """Store somebody of each role."""
    people = {role: await users.store_user(database, roles=(role,)) for role in STRANGERS}
    async with database.transaction() as tx:
        shut_out = await users.make_user(tx, roles=("super_admin",))
        people["suspended"] = await administration.suspend(tx, SYSTEM, shut_out.id)
    return people


async def make_academy(engines: Engines, strangers: dict[str, Account], operation: str) -> Academy:
    """Store what `operation` may be tried on; owner and learner are its own."""
    async with engines.database.transaction() as tx:
        owner = await users.make_user(tx, roles=("instructor",))
        learner = await users.make_user(tx)
        made = Academy({**strangers, "owner": owner, "learner": learner}, {}, {})
        await _make_courses(tx, made, operation)
        await _make_rest(tx, made, operation)
        await _make_factors(tx, made, engines.settings)
        await _make_customers(tx, made, operation)
    await engines.storage.put(made.in_path["file_key"], b"x")
    await engines.storage.put(EXPORT_FILE, b"x")
    signed_in = await users.open_session(engines.database, engines.settings, learner)
    session_id = await engines.database.reader().one(_SESSION, learner.id)
    made.in_path["session_id"] = str(session_id)
    made.in_body["refresh_token"] = signed_in.refresh_token
    return made


async def _make_courses(tx: Writer, made: Academy, operation: str) -> None:
    owner = users.actor_of(made.people["owner"])
    learner = users.actor_of(made.people["learner"])
    course_id = await factories.make_course(tx, owner)
    outline = await factories.make_outline(tx, owner, course_id)
    lectures = [
        await structure.add_lecture(
            tx, owner, outline.chapters[0].id, NewLecture(title="Knots", type="quiz")
        )
        for _ in range(2)
    ]
    quiz_id = await assessments.put_quiz(tx, owner, lectures[0].id, QUIZ)
    if operation == "returnCourse":
        await publishing.submit_course(tx, owner, course_id)
    if operation not in UNPUBLISHED:
        await courses.publish_course(tx, owner, course_id)
        await enrolments.enrol(tx, learner, course_id)
        attempt, _ = await taking.start_attempt(tx, learner, quiz_id)
        made.in_path["attempt_id"] = str(attempt.id)
    if operation == "postReview":
        await _complete(tx, learner, outline)
    if operation == "restoreCourse":
        await courses.archive_course(tx, owner, course_id)
    await _delete_parts(tx, owner, outline, operation)
    wanted = lectures[1] if operation == "createQuiz" else lectures[0]
    if operation in ("restoreLecture", "purgeLecture"):
        wanted = outline.lectures[0]
    made.in_path |= {
        "course_id": str(course_id), "id_or_slug": str(course_id), "quiz_id": str(quiz_id),
        "chapter_id": str(outline.chapters[0].id), "lecture_id": str(wanted.id),
    }  # fmt: skip
    made.in_body["lecture_id"] = str(outline.lectures[0].id)
    made.in_body["chapters"] = [
        {
            "id": str(chapter.id),
            "lectures": [
                str(lecture.id)
                for lecture in (*outline.lectures, *lectures)
                if lecture.chapter_id == chapter.id
            ],
        }
        for chapter in outline.chapters
    ]
    if operation not in UNPUBLISHED:
        await _make_discussion(tx, made, owner, learner, course_id)
    await _make_completed(tx, made, owner, learner)
    if operation in ("retryQueueJob", "discardQueueJob"):
        await tx.execute(_FAIL_JOB, UUID(made.in_path["job_id"]))
    await tx.execute(_ADD_SCHEDULE, SCHEDULE)


async def _make_discussion(
    tx: Writer, made: Academy, owner: Actor, learner: Actor, course_id: UUID
) -> None:
    """A thread of the learner's, a post of the owner's that was reported, an announcement."""
    asked = NewThread(title="Which knot?", body="For a mast")
    thread_id = await threads.ask_question(tx, learner, course_id, asked)
    post_id = await posts.answer_thread(tx, owner, thread_id, NewPost(body="A bowline"))
    told = NewAnnouncement(title="Storm", body="Stay ashore")
    announced = await announcements.post_announcement(tx, owner, course_id, told)
    made.in_path |= {
        "thread_id": str(thread_id),
        "post_id": str(post_id),
        "report_id": str(await reports.report_post(tx, learner, post_id, "Wrong knot")),
        "announcement_id": str(announced.id),
    }


async def _delete_parts(
    tx: Writer, owner: Actor, outline: factories.Outline, operation: str
) -> None:
    """Delete what is to be restored or removed for good."""
    if operation in ("restoreChapter", "purgeChapter"):
        await structure.delete_chapter(tx, owner, outline.chapters[0].id, None)
    if operation in ("restoreLecture", "purgeLecture"):
        await structure.delete_lecture(tx, owner, outline.lectures[0].id, None)
    if operation == "purgeCourse":
        await courses.delete_course(tx, owner, str(outline.course_id), None)


async def _make_completed(tx: Writer, made: Academy, owner: Actor, learner: Actor) -> None:
    """A course that the learner has completed, with certificate, review, and a job of theirs."""
    course_id = await factories.make_course(tx, owner)
    outline = await factories.make_outline(tx, owner, course_id)
    await courses.publish_course(tx, owner, course_id)
    enrolment = await enrolments.enrol(tx, learner, course_id)
    await _complete(tx, learner, outline)
    certificate_id = await certificates.issue_certificate(tx, SYSTEM, enrolment.id)
    assert certificate_id is not None
    review = await reviews.post_review(tx, learner, course_id, NewReview(rating=4))
    note = await notes.add_note(
        tx, learner, outline.lectures[0].id, NewNote(text="Twice around the mast")
    )
    job_id = await jobs.enqueue(tx, learner, render_certificate, certificate_id=certificate_id)
    made.in_path |= {
        "code": await tx.one(_CODE, certificate_id),
        "review_id": str(review.id),
        "review_report_id": str(
            await review_moderation.report_review(tx, owner, review.id, "Not about knots")
        ),
        "note_id": str(note.id),
        "job_id": str(job_id),
    }


async def _make_customers(tx: Writer, made: Academy, operation: str) -> None:
    """A customer with an account, a note and a duplicate; a group; an export with its file."""
    rows = [
        await customer_records.create_customer(tx, SYSTEM, NewCustomer(name=f"Knot {n}"))
        for n in "ab"
    ]
    if operation == "restoreCustomer":
        await customer_records.delete_customer(tx, SYSTEM, rows[0].id, None)
    else:
        note = await customer_records.add_note(tx, SYSTEM, rows[0].id, "Likes knots.")
        made.in_path["customer_note_id"] = str(note.id)
    if operation == "unlinkCustomerAccount":
        bystander = UUID(made.in_path["user_id"])
        await customer_records.link_account(tx, SYSTEM, rows[0].id, bystander)
    group = await customer_groups.create_group(
        tx, SYSTEM, NewCustomerGroup(name=f"Tied {ids.new_id().hex}")
    )
    direction = "out" if "Export" in operation else "in"
    transfer_id = ids.new_id()
    await customer_transfers.add_transfer(
        tx, SYSTEM, transfer_id, direction=direction, job_id=ids.new_id(), options={},
        file_key=made.in_path["file_key"],
    )  # fmt: skip
    made.in_path |= {
        "customer_id": str(rows[0].id), "group_id": str(group.id),
        "transfer_id": str(transfer_id),
    }  # fmt: skip
    made.in_body |= {
        "customer_ids": [str(rows[1].id)], "duplicate_ids": [str(rows[1].id)]
    }  # fmt: skip


async def _complete(tx: Writer, learner: Actor, outline: factories.Outline) -> None:
    for lecture in outline.lectures:
        update = ProgressUpdate(lecture_id=lecture.id, completed=True)
        await progress.record_progress(tx, learner, outline.course_id, update)


async def _make_file(tx: Writer, made: Academy) -> UUID:
    """A file that the lecture shows; its content is stored afterwards."""
    uploaded = uploads.UploadedFile(
        path="knots.png",
        key=made.in_path.setdefault("file_key", f"{uploads.STORED}/{ids.new_id()}/0"),
        media_type="image/png",
        size_bytes=1,
        sha256=bytes(32),
        is_for_staff=False,
    )
    course_id = UUID(made.in_path["course_id"])
    file_ids = await files.identify_files(tx, SYSTEM, course_id, (uploaded,))
    shown = {UUID(made.in_path["lecture_id"]): set(file_ids)}
    await files.keep_files(
        tx, SYSTEM, course_id, (uploaded,), file_ids, in_description=set(), in_lectures=shown
    )
    return next(iter(file_ids.values()))


async def _make_export(tx: Writer, made: Academy) -> UUID:
    """An export that the owner of the course asked for."""
    owner, export_id = users.actor_of(made.people["owner"]), ids.new_id()
    course_id = UUID(made.in_path["course_id"])
    await tx.execute(
        export_queries.ADD_EXPORT, export_id, course_id, owner.user_id, "lyceum", None, 1
    )
    return export_id


async def _make_rights(tx: Writer, made: Academy) -> None:
    """A key and an export of the learner, a file of people, a role."""
    learner = await users.fresh_actor(tx, made.people["learner"])
    key = await api_keys.create_key(tx, learner, NewApiKey(name="Script", scopes=("self:read",)))
    export = await data_exports.request_export(tx, learner)
    await data_exports.finish_export(tx, SYSTEM, export.id, file_key=EXPORT_FILE, size_bytes=1)
    link = await data_exports.create_link(tx, learner, export.id)
    admin = users.actor_of(made.people["admin"])
    people_import = await people_imports.add_import(
        tx,
        admin,
        ids.new_id(),
        job_id=ids.new_id(),
        content="email,firstName",
        is_dry_run=True,
        sends_invitations=False,
    )
    role = await roles.create_role(
        tx, SYSTEM, NewRole(name=f"role-{ids.new_id().hex}", permissions=())
    )
    made.in_path |= {
        "role_name": role.name,
        "key_id": str(key.key.id),
        "export_id": str(export.id),
        "secret": link,
        "purpose": "terms",
        "people_import_id": str(people_import.id),
    }


async def _make_rest(tx: Writer, made: Academy, operation: str) -> None:
    owner = users.actor_of(made.people["owner"])
    assert owner.user_id is not None
    bystander = await users.make_user(tx)
    await _make_rights(tx, made)
    category = await categories.create_category(
        tx, SYSTEM, NewCategory(name=f"Knots {ids.new_id().hex}")
    )
    import_id = ids.new_id()
    await packages.add_import(
        tx, owner, import_id, owner_id=owner.user_id, file_name="knots.tar.gz", file_key="none"
    )
    if "Webhook" in operation or operation in WEBHOOK_OPERATIONS:
        administrator = await users.fresh_actor(tx, made.people["admin"])
        made.in_path |= await operator_samples.make_webhook(tx, administrator)
    else:
        made.in_path |= {"webhook_id": samples.SOME_ID, "delivery_id": samples.SOME_ID}
    made.in_path["dead_id"] = await operator_samples.park_event(tx)
    made.in_path["entry_id"] = await operator_samples.record_entry(tx)
    made.in_path["retention_class"] = "reads"
    made.in_path["audit_export_id"] = await operator_samples.add_audit_export(tx)
    made.in_path["hold_id"] = await operator_samples.place_hold(tx)
    made.in_path |= {
        "category_id": str(category.id),
        "import_id": str(import_id),
        "course_export_id": str(await _make_export(tx, made)),
        "file_id": str(await _make_file(tx, made)),
        "user_id": str(bystander.id),
        "mail_id": "none",
        "schedule_name": SCHEDULE,
    }
    made.in_body |= {
        "user_id": str(bystander.id),
        "roles": ["student"],
        "text": "Twice around the mast",
        "name": f"Ropes {ids.new_id().hex}",
        "email": users.unique_email(),
        "password": users.PASSWORD,
        "current_password": users.PASSWORD,
        "new_password": f"{users.PASSWORD}-2",
    }
    if operation not in (*UNPUBLISHED, "restoreCourse"):
        student = users.actor_of(made.people["student"])
        course_id = UUID(made.in_path["course_id"])
        in_path, in_body = await course_samples.make_ways_in(
            tx, owner, student, bystander.id, course_id, operation
        )
        made.in_path |= in_path
        made.in_body |= in_body


async def _make_factors(tx: Writer, made: Academy, settings: Settings) -> None:
    """Second factors of the learner, who has proved the first of them."""
    learner = made.people["learner"]
    factor_id, code = await mfa.add_totp(tx, settings, learner)
    needed = await admission.admit(tx, SYSTEM, settings, learner, Device(), methods=("password",))
    assert isinstance(needed, admission.SecondFactorNeeded)
    device_id, token = await devices.remember_device(tx, SYSTEM, learner, Device())
    await trusted_devices.trust_device(tx, SYSTEM, learner, Device(), token=token)
    [device] = await trusted_devices.list_trusted_devices(tx, users.actor_of(learner))
    identity = oidc_exchange.Identity(
        provider="campus",
        issuer="https://campus.test",
        subject=ids.new_id().hex,
        email=None,
        is_email_verified=False,
        first_name="",
        last_name="",
    )
    linked = await oidc_sign_in.insert_identity(tx, SYSTEM, learner, identity)
    made.in_path |= {
        "provider": "campus",
        "identity_id": str(linked.id),
        "factor_id": str(factor_id),
        "trusted_device_id": str(device.id),
        "device_id": str(device_id),
    }
    made.in_body |= {"mfa_token": needed.token, "code_to_recover_with": code}
