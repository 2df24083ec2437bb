"""What routes of courses may be tried on: a waiting list, an invitation, a cohort, a file."""

from uuid import UUID

from lyceum.courses.jobs import enrol_from_file
from lyceum.courses.schemas.cohorts import NewCohort
from lyceum.courses.schemas.courses import CourseChanges
from lyceum.courses.schemas.enrolment import NewEnrolment, NewInvitation
from lyceum.courses.schemas.staff import NewStaffMember
from lyceum.courses.service import (
    cohorts,
    courses,
    enrolment,
    invitations,
    rosters,
    staff,
    waiting,
)
from lyceum.platform import ids, jobs
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer

ENROLLED = ("putCohortMember", "removeCohortMember", "removeLearner", "getLearnerProgress")
ASSISTING = ("changeStaff", "removeStaff", "putCohortAssistant", "removeCohortAssistant")


async def make_ways_in(
    tx: Writer, owner: Actor, student: Actor, bystander_id: UUID, course_id: UUID, operation: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Store what `operation` may be tried on in a published course, which the bystander has to do
    with as it wants; return values for paths and for bodies."""
    cohort = await cohorts.create_cohort(tx, owner, course_id, NewCohort(name="Group 1"))
    invited = await invitations.create_invitation(tx, owner, course_id, NewInvitation())
    import_id = ids.new_id()
    job_id = await jobs.enqueue(tx, owner, enrol_from_file, import_id=import_id)
    await rosters.add_import(
        tx, owner, course_id, import_id, job_id=job_id, content="email", is_dry_run=True
    )
    if operation in ENROLLED:
        await enrolment.enrol_learner(tx, owner, course_id, NewEnrolment(user_id=bystander_id))
    if operation == "removeCohortMember":
        await cohorts.put_member(tx, owner, cohort.id, bystander_id)
    if operation in ASSISTING:
        new = NewStaffMember(role="assistant", user_id=bystander_id)
        await staff.add_staff(tx, owner, course_id, new)
    if operation == "removeCohortAssistant":
        await cohorts.put_assistant(tx, owner, cohort.id, bystander_id)
    if operation in ("joinWaitingList", "leaveWaitingList"):
        full = CourseChanges(seats=1)
        await courses.update_course(tx, owner, str(course_id), full, None)
    if operation == "leaveWaitingList":
        await waiting.join_waiting_list(tx, student, course_id)
    in_path = {
        "cohort_id": str(cohort.id),
        "invitation_id": str(invited.id),
        "enrolment_import_id": str(import_id),
    }
    return in_path, {"invitation_code": invited.code}
