"""Storing a course that was read: whole or not at all, once, and accounted for."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lyceum.assessments import api as assessments
from lyceum.packages.errors import InstructorUnknown, PackageRefused
from lyceum.packages.records import (
    PackageChapter,
    PackageChoice,
    PackageCourse,
    PackageLecture,
    PackageQuestion,
    PackageReport,
    PackageVideo,
)
from lyceum.packages.schemas import ImportReport, LeftOutItem
from lyceum.packages.service import imports as service
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.statements import sql
from lyceum.users.service import administration
from tests.courses import factories as courses
from tests.packages import exports
from tests.packages.exports import CHOICE
from tests.users import factories as users

COURSES_OF = sql(
    "SELECT count(*) FROM courses.courses WHERE owner_id = $1 AND deleted_at IS NULL", int
)
DESCRIPTION_OF = sql("SELECT description FROM courses.courses WHERE id = $1", str)
IMPORTS_OF = sql("SELECT count(*) FROM packages.imports WHERE owner_id = $1", int)
EMPTY_REPORT = PackageReport(format="olx", found={}, taken={}, left_out=(), left_out_counts={})


class Lecture(msgspec.Struct, frozen=True):
    """What a test looks at in a lecture."""

    id: Any
    title: str
    type: str
    content: str
    media_url: str | None


LECTURES_OF = sql(
    """
    SELECT id, title, type, content, media_url FROM courses.lectures
    WHERE course_id = $1 AND deleted_at IS NULL ORDER BY position
    """,
    Lecture,
)


async def instructor(tx: Writer) -> Actor:
    return await courses.make_person(tx, "instructor")


def questions_of(*questions: PackageQuestion, title: str = "Lanterns at sea") -> PackageCourse:
    """A course of one quiz."""
    quiz = PackageLecture(external_id="q", kind="quiz", title="Quiz", questions=questions)
    chapter = PackageChapter(external_id="c", title="Chapter", lectures=(quiz,))
    return PackageCourse(external_id=exports.unique_run(), title=title, chapters=(chapter,))


async def test_what_is_stored_is_what_was_read(tx: Writer, tmp_path: Path) -> None:
    owner = await instructor(tx)
    report = await exports.store(tx, owner, tmp_path, exports.export(exports.unique_run()))
    exports.check_sums(report)
    assert report.is_new
    assert report.location == f"/api/v1/courses/{report.course_id}"
    lectures = await tx.all(LECTURES_OF, report.course_id)
    assert [(lecture.type, lecture.title) for lecture in lectures] == [
        ("text", "Unit"), ("video", "Watch"), ("quiz", "Unit (quiz)"),
    ]  # fmt: skip
    assert lectures[0].content == "<p>Light the lantern.</p>"
    assert lectures[1].media_url == "https://www.youtube.com/watch?v=abcdefghijk"


async def test_the_report_is_kept_with_the_import(tx: Writer) -> None:
    owner, import_id = await instructor(tx), ids.new_id()
    owner_id = owner.require_user()
    await service.add_import(tx, owner, import_id, owner_id=owner_id, file_name="../a\n.tar")
    course = questions_of(question())
    report = await service.store_package(
        tx, owner, import_id, owner_id=owner_id, course=course, report=EMPTY_REPORT
    )
    stored = await service.get_import(tx, owner, import_id)
    assert stored.report is not None
    assert msgspec.json.decode(stored.report, type=ImportReport) == report
    assert (stored.course_id, stored.file_name) == (report.course_id, "../a .tar")
    assert stored.finished_at is not None


def question(number: int = 1, *, html: str = "<p>Q</p>", right: str = "a") -> PackageQuestion:
    return PackageQuestion(
        external_id=f"question-{number}",
        kind="multiple_choice",
        html=html,
        choices=(
            PackageChoice(html=right, is_correct=True),
            PackageChoice(html="b", is_correct=False),
        ),
    )


UNASKABLE = {
    "a pattern that looks ahead": (
        '<problem url_name="{0}"><p>Q</p><stringresponse type="regexp" answer="(?=a)b">'
        "<textline/></stringresponse></problem>"
    ),
    "a choice of a picture that is not here": (
        '<problem url_name="{0}"><p>Q</p><multiplechoiceresponse><choicegroup>'
        '<choice correct="true"><img src="/static/a.png"/></choice><choice>b</choice>'
        "</choicegroup></multiplechoiceresponse></problem>"
    ),
    "more points than there are": CHOICE.replace("<problem", '<problem weight="5000"'),
    "more choices than there can be": (
        '<problem url_name="{0}"><p>Q</p><multiplechoiceresponse><choicegroup>'
        '<choice correct="true">a</choice>' + "<choice>b</choice>" * 100 +
        "</choicegroup></multiplechoiceresponse></problem>"
    ),
    "a choice too long": CHOICE.replace("Water", "w" * 20_001),
}  # fmt: skip


@pytest.mark.parametrize("problem", UNASKABLE.values(), ids=UNASKABLE)
async def test_a_question_that_cannot_be_asked_is_left_out_with_the_reason(
    tx: Writer, tmp_path: Path, problem: str
) -> None:
    owner = await instructor(tx)
    bad = problem.replace("{name}", "bad").replace("{0}", "bad")
    package = exports.export(exports.unique_run(), CHOICE.format(name="good") + bad)
    report = await exports.store(tx, owner, tmp_path, package)
    exports.check_sums(report)
    assert (report.found["problems"], report.taken["problems"]) == (2, 1)
    assert report.taken["questions"] == 1
    (entry,) = (item for item in report.left_out if item.kind == "problem")
    assert entry.external_id == "problem/bad"
    assert entry.reason.startswith("it cannot be asked here: ")
    assert entry.is_kept_as_text


async def test_a_unit_of_nothing_that_can_be_asked_or_read_is_no_lecture(
    tx: Writer, tmp_path: Path
) -> None:
    owner = await instructor(tx)
    unread = '<html url_name="h"><![CDATA[<iframe src="/static/a.html"></iframe>]]></html>'
    files = {
        "course.xml": f'<course url_name="{exports.unique_run()}" org="O" course="C">'
        '<chapter url_name="a"><vertical url_name="x"><html url_name="r">read</html></vertical>'
        f'</chapter><chapter url_name="b"><vertical url_name="y">{unread}</vertical></chapter>'
        "</course>"
    }
    report = await exports.store(tx, owner, tmp_path, exports.archive(files))
    exports.check_sums(report)
    assert (report.found["chapters"], report.taken["chapters"]) == (2, 1)
    reasons = {item.external_id: item.reason for item in report.left_out}
    assert reasons["html/h"] == "it is in a file that is not in the package"
    assert reasons["vertical/y"] == "nothing inside it could be taken"


async def test_more_than_a_quiz_or_a_lecture_holds_is_left_out(tx: Writer, tmp_path: Path) -> None:
    owner = await instructor(tx)
    pattern = (
        '<problem url_name="p{0}"><p>Q</p><stringresponse type="regexp" answer="a{0}">'
        "<textline/></stringresponse></problem>"
    )
    inside = "".join(pattern.format(number) for number in range(52))
    inside += "".join(
        f'<html url_name="h{at}"><![CDATA[<p>{"w" * 400_000}</p>]]></html>' for at in range(3)
    )
    report = await exports.store(tx, owner, tmp_path, exports.export(exports.unique_run(), inside))
    exports.check_sums(report)
    assert (report.taken["problems"], report.left_out_counts["problems"]) == (50, 2)
    assert (report.taken["html"], report.left_out_counts["html"]) == (2, 1)
    reasons = {item.reason for item in report.left_out}
    assert "the quiz holds more than 50 patterns" in reasons
    assert "the lecture holds more than 1000000 characters" in reasons


async def test_what_is_cut_or_lost_is_named(tx: Writer, tmp_path: Path) -> None:
    owner = await instructor(tx)
    inside = (
        f'<html url_name="h" display_name="{"t" * 300}"><![CDATA['
        '<p onclick="x()">words</p><script>x()</script><button>Open</button><svg></svg>'
        '<img src="data:image/png;base64,AAAA" alt="A lamp"><iframe src="https://e.org/a b"/>'
        "]]></html>"
        '<video url_name="v" html5_sources=\'["http://e.org/a.mp4","http://e.org/b.mp4"]\'>'
        '<transcript language="de" src="de.srt"/></video>'
    )
    about = {
        "about/overview.html": f"<p>{'word ' * 2000}</p>",
        "about/short_description.html": "s" * 300,
    }
    package = exports.export(exports.unique_run(), inside, title="T" * 300, **about)
    report = await exports.store(tx, owner, tmp_path, package)
    exports.check_sums(report)
    counts = report.left_out_counts
    assert {
        "title": 2, "subtitle": 1, "description": 1, "script-or-style": 1, "control": 1,
        "drawing": 1, "embedded-picture": 1, "embedded-page": 1, "video-source": 1,
        "video-setting": 1, "caption": 1,
    }.items() <= counts.items()  # fmt: skip
    text, video = await tx.all(LECTURES_OF, report.course_id)
    assert text.content == (
        "<p>words</p>Open <em>[A lamp]</em> "
        '<a href="https://e.org/a%20b" rel="noopener noreferrer nofollow">https://e.org/a%20b</a>'
    )
    assert video.media_url == "http://e.org/a.mp4"
    assert len(report.title) == 255
    described = await tx.one(DESCRIPTION_OF, report.course_id)
    assert 4900 < len(described) < 5020
    assert described.endswith("word…</p>")


@pytest.mark.parametrize(
    ("title", "stored"), [("AI", "AI (course)"), (" \t ", "C1 (course)"), ("Lamps", "Lamps")]
)
async def test_a_short_title_and_no_description_are_no_obstacle(
    tx: Writer, tmp_path: Path, title: str, stored: str
) -> None:
    owner = await instructor(tx)
    report = await exports.store(
        tx, owner, tmp_path, exports.export(exports.unique_run(), title=title)
    )
    exports.check_sums(report)
    assert report.title == stored
    assert report.left_out_counts.get("title", 0) == (stored != "Lamps")


@pytest.mark.parametrize(
    ("video", "address"),
    [
        (PackageVideo(youtube_id="abcdefg", start_seconds=90), "https://www.youtube.com/watch?v=abcdefg&t=90s"),
        (PackageVideo(source_urls=("https://e.org/a.mp4#x",), start_seconds=5), "https://e.org/a.mp4#t=5"),
        (PackageVideo(source_urls=("https://e.org/a.mp4",), end_seconds=9), "https://e.org/a.mp4#t=0,9"),
        (PackageVideo(source_urls=("https://e.org/a.mp4",)), "https://e.org/a.mp4"),
    ],
)  # fmt: skip
async def test_a_video_plays_from_where_it_is_meant_to(
    tx: Writer, video: PackageVideo, address: str
) -> None:
    owner, import_id = await instructor(tx), ids.new_id()
    lecture = PackageLecture(external_id="v", kind="video", title="Video", video=video)
    chapter = PackageChapter(external_id="c", title="Chapter", lectures=(lecture,))
    course = PackageCourse(external_id="k", title="Lanterns at sea", chapters=(chapter,))
    report = await service.store_package(
        tx, owner, import_id, owner_id=owner.require_user(), course=course, report=EMPTY_REPORT
    )
    (stored,) = await tx.all(LECTURES_OF, report.course_id)
    assert stored.media_url == address


async def test_a_package_of_nothing_leaves_the_course_as_it_is(tx: Writer, tmp_path: Path) -> None:
    owner, run = await instructor(tx), exports.unique_run()
    made = await exports.store(tx, owner, tmp_path, exports.export(run))
    with pytest.raises(PackageRefused) as refused:
        await exports.store(tx, owner, tmp_path, exports.export(run, "<poll/>"))
    assert refused.value.data["reason"] == "empty-course"
    assert len(await tx.all(LECTURES_OF, made.course_id)) == 3


async def test_again_is_the_same_course_brought_up_to_date(tx: Writer, tmp_path: Path) -> None:
    owner, run = await instructor(tx), exports.unique_run()
    first = await exports.store(tx, owner, tmp_path, exports.export(run))
    before = await tx.all(LECTURES_OF, first.course_id)
    learner = await courses.make_person(tx)
    enrolment = await courses.enrol(tx, first.course_id, learner)
    await courses.complete(tx, enrolment, before[1].id)
    changed = exports.export(
        run,
        '<html url_name="read"><![CDATA[<p>Put it out.</p>]]></html>' + CHOICE.format(name="ask"),
        title="Lanterns ashore",
    )
    again = await exports.store(tx, owner, tmp_path, changed)
    exports.check_sums(again)
    assert (again.course_id, again.is_new, again.title) == (
        first.course_id, False, "Lanterns ashore",
    )  # fmt: skip
    after = await tx.all(LECTURES_OF, first.course_id)
    # The video is gone from the package, but a learner has progress on it.
    assert {lecture.id for lecture in after} == {lecture.id for lecture in before}
    assert next(each for each in after if each.type == "text").content == "<p>Put it out.</p>"
    assert await tx.one(COURSES_OF, owner.user_id) == 1
    # Once more with nothing changed.
    await exports.store(tx, owner, tmp_path, changed)
    assert len(await tx.all(LECTURES_OF, first.course_id)) == len(before)


async def test_another_owner_has_a_course_of_his_own(tx: Writer, tmp_path: Path) -> None:
    package = exports.export(exports.unique_run())
    one = await exports.store(tx, await instructor(tx), tmp_path, package)
    other = await exports.store(tx, await instructor(tx), tmp_path, package)
    assert one.course_id != other.course_id


async def test_courses_without_a_name_of_their_own_do_not_write_over_each_other(
    tx: Writer, tmp_path: Path
) -> None:
    owner = await instructor(tx)

    def nameless(title: str) -> bytes:
        inside = '<chapter url_name="c"><html url_name="h">x</html></chapter>'
        return exports.archive(
            {"course.xml": f'<course url_name="r" display_name="{title}">{inside}</course>'}
        )

    one = await exports.store(tx, owner, tmp_path, nameless("Lanterns"))
    other = await exports.store(tx, owner, tmp_path, nameless("Buoys and bells"))
    again = await exports.store(tx, owner, tmp_path, nameless("Lanterns"))
    assert one.course_id == again.course_id != other.course_id


async def test_five_imports_at_once_make_one_course(database: Database, tmp_path: Path) -> None:
    owner = await exports.person(database)
    package = exports.export(exports.unique_run())

    async def store() -> ImportReport:
        async with database.transaction() as tx:
            return await exports.store(tx, owner, tmp_path, package)

    reports = await asyncio.gather(*(store() for _ in range(5)))
    assert len({report.course_id for report in reports}) == 1
    assert sorted(report.is_new for report in reports) == [False] * 4 + [True]
    reader = database.reader()
    assert await reader.one(COURSES_OF, owner.user_id) == 1
    assert len(await reader.all(LECTURES_OF, reports[0].course_id)) == 3
    assert await reader.one(IMPORTS_OF, owner.user_id) == 5


async def test_a_failure_at_the_end_leaves_nothing(database: Database) -> None:
    owner = await exports.person(database)
    # No reader lets such a question through: the quiz is refused when the course is stored.
    course = questions_of(question(1), question(2, html=""))
    import_id = ids.new_id()
    owner_id = owner.require_user()

    async def store() -> None:
        async with database.transaction() as tx:
            await service.add_import(tx, owner, import_id, owner_id=owner_id, file_name="a")
            await service.store_package(
                tx, owner, import_id, owner_id=owner_id, course=course, report=EMPTY_REPORT
            )

    with pytest.raises(errors.ValidationFailed):
        await store()
    reader = database.reader()
    assert await reader.one(COURSES_OF, owner.user_id) == 0
    assert await reader.one(IMPORTS_OF, owner.user_id) == 0


async def test_whose_course_it_becomes(tx: Writer) -> None:
    owner = await users.make_user(tx, roles=("instructor",))
    student = await users.make_user(tx)
    gone = await users.make_user(tx, roles=("instructor",))
    await administration.suspend(tx, system_actor("test"), gone.id)
    manager = await courses.make_person(tx, "manager")
    for actor in (manager, system_actor("command line")):
        assert await service.find_owner(tx, actor, owner.email) == owner.id
        for email in (student.email, gone.email, "nobody@people.test", "no address"):
            with pytest.raises(InstructorUnknown):
                await service.find_owner(tx, actor, email)
    himself = users.actor_of(owner)
    assert await service.find_owner(tx, himself, None) == owner.id
    assert await service.find_owner(tx, himself, owner.email.upper()) == owner.id
    for email in (student.email, "nobody@people.test"):
        with pytest.raises(errors.Forbidden):
            await service.find_owner(tx, himself, email)
    with pytest.raises(errors.Forbidden):
        await service.find_owner(tx, users.actor_of(student), None)


async def test_a_manager_imports_for_an_instructor(tx: Writer, tmp_path: Path) -> None:
    owner, manager = await instructor(tx), await courses.make_person(tx, "manager")
    package = exports.export(exports.unique_run())
    report = await exports.store(tx, manager, tmp_path, package, owner=owner)
    assert await tx.one(COURSES_OF, owner.user_id) == 1
    assert await exports.store(tx, owner, tmp_path, package) == msgspec.structs.replace(
        report, is_new=False
    )
    with pytest.raises(errors.Forbidden):
        await exports.store(tx, owner, tmp_path, package, owner=await instructor(tx))


def entry(kind: str, reason: str) -> LeftOutItem:
    return LeftOutItem(
        kind=kind, reason=reason, external_id="", path="", title="", count=1, is_kept_as_text=False
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.builds(entry, st.sampled_from("abc"), st.text("xyz", max_size=2)), max_size=60),
    st.integers(1, 10),
)
def test_a_report_in_brief_has_the_same_sums(items: list[LeftOutItem], most: int) -> None:
    report = ImportReport(
        course_id=ids.new_id(), location="", is_new=True, format="olx", title="", found={},
        taken={}, left_out=items, left_out_counts={},
    )  # fmt: skip
    brief = report.in_brief(most).left_out
    for kind in "abc":
        sums = (sum(i.count for i in each if i.kind == kind) for each in (items, brief))
        assert len(set(sums)) == 1
    assert len(brief) <= 2 * most + 3
    assert brief[:most] == items[:most]


def test_the_receiver_is_what_the_other_domains_hold() -> None:
    receiver = service.RECEIVER
    assert receiver.quiz_questions == assessments.MAX_QUESTIONS
    assert receiver.find_fault(question()) is None
    assert receiver.find_fault(question(right="<script>x</script>"))
