"""Small Open edX course exports written for the tests."""

from pathlib import Path

from lyceum.packages.adapters import olx
from lyceum.packages.records import (
    LeftOut,
    PackageCourse,
    PackageLecture,
    PackageQuestion,
    PackageReport,
)


def write_files(root: Path, files: dict[str, str]) -> Path:
    """Write the files below a folder and return it."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    return root


def read_files(root: Path, files: dict[str, str]) -> tuple[PackageCourse, PackageReport]:
    """Read a course of these files, and check that its report adds up."""
    course, report = olx.read_olx(write_files(root, files))
    check_account(course, report)
    return course, report


def read_inline(root: Path, inside: str, **files: str) -> tuple[PackageCourse, PackageReport]:
    """Read a course of one vertical with this content; further files go by their paths."""
    chapter = (
        '<course url_name="run" org="Org" course="C1">'
        '<chapter url_name="ch" display_name="Chapter">'
        '<sequential url_name="seq" display_name="Section">'
        f'<vertical url_name="v" display_name="Unit">{inside}</vertical>'
        "</sequential></chapter></course>"
    )
    return read_files(root, {"course.xml": chapter, **files})


def read_question(root: Path, problem: str) -> PackageQuestion:
    """Read the only question of a problem."""
    (question,) = read_questions(root, problem)
    return question


def read_questions(root: Path, problem: str) -> tuple[PackageQuestion, ...]:
    """Read the questions of a problem."""
    course, _ = read_inline(root, problem)
    return tuple(question for each in lectures(course) for question in each.questions)


def lectures(course: PackageCourse) -> list[PackageLecture]:
    """All lectures in order."""
    return [lecture for chapter in course.chapters for lecture in chapter.lectures]


def left_out(report: PackageReport, kind: str) -> list[LeftOut]:
    """What was left out of a kind."""
    return [entry for entry in report.left_out if entry.kind == kind]


def check_account(course: PackageCourse, report: PackageReport) -> None:
    """Assert that everything found was taken or left out, and that names are unique."""
    for kind, found in report.found.items():
        assert found == report.taken[kind] + report.left_out_counts.get(kind, 0), kind
    assert sum(report.left_out_counts.values()) == sum(entry.count for entry in report.left_out)
    assert all(entry.reason for entry in report.left_out)
    made = lectures(course)
    questions = [question for lecture in made for question in lecture.questions]
    for things in (course.chapters, made, questions):
        ids = [thing.external_id for thing in things]
        assert len(ids) == len(set(ids))
        assert all(0 < len(each) <= 300 for each in ids)
    assert all(chapter.lectures for chapter in course.chapters)
    assert all(0 < len(lecture.title) <= 255 for lecture in made)
    for chapter in course.chapters:
        titles = [lecture.title.casefold() for lecture in chapter.lectures]
        assert len(titles) == len(set(titles))
    assert report.taken.get("lectures", 0) == len(made)
    assert report.taken.get("questions", 0) == len(questions)
    assert all(lecture.html or lecture.video or lecture.questions for lecture in made)
