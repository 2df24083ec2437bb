"""The neutral course tree that every package format is read into, and the report of a reading.

`external_id` is the package's own name of a thing: the same in every reading of the same course,
and unique among the course's chapters, lectures and questions, so a second import finds what the
first one made. HTML is clean and holds something to be seen; other text is plain. At the end the
rows of the domain's own table. Not here: the reading (`adapters`).
"""

from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from lyceum.courses import api as courses
from lyceum.platform.statements import Json

LectureKind = Literal["video", "text", "quiz", "file", "embed", "assignment", "live"]
ExportFormat = Literal["cc", "lyceum"]
Scoring = Literal["partial", "all_or_nothing"]
ShowsAnswers = Literal["never", "after_attempt", "after_passing"]
QuestionKind = Literal["multiple_choice", "multiple_response", "true_false", "short_answer"]


class PackageChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of a question; the feedback is HTML, shown when it is chosen or is not."""

    html: str
    is_correct: bool
    feedback_html: str = ""
    unchosen_feedback_html: str = ""


class NumberRange(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that count as right: both ends belong to it unless they are open; None is no
    end."""

    lowest: float | None = None
    highest: float | None = None
    is_lowest_open: bool = False
    is_highest_open: bool = False


class PackageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted short answer.

    With `is_pattern`, `text` is a regular expression that the whole answer must match: it was
    written by a stranger, so match it with a time limit or not at all. With `number`, any number
    in that range is right and `text` only shows what the author wrote.
    """

    text: str
    is_pattern: bool = False
    number: NumberRange | None = None
    feedback_html: str = ""


class PackageQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """One question that can be graded without a person.

    A `multiple_choice` may have several correct choices, and choosing any one of them is right.
    """

    external_id: str
    kind: QuestionKind
    html: str
    title: str = ""
    choices: tuple[PackageChoice, ...] = ()
    answers: tuple[PackageAnswer, ...] = ()
    is_case_sensitive: bool = False
    explanation_html: str = ""
    points: float = 1.0
    scoring: Scoring = "partial"


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """A caption file of the package, by language."""

    language: str
    file_name: str


class PackageVideo(msgspec.Struct, frozen=True, kw_only=True):
    """Where a video plays from, and which part of it is meant."""

    youtube_id: str | None = None
    source_urls: tuple[str, ...] = ()
    host_video_id: str | None = None
    start_seconds: int | None = None
    end_seconds: int | None = None
    transcripts: tuple[Transcript, ...] = ()


class QuizRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a quiz is taken, as far as its package says; None for what it does not say.

    Without a title it has that of its lecture.
    """

    title: str | None = None
    passing_percent: int | None = None
    attempts_allowed: int | None = None
    time_limit_seconds: int | None = None
    shuffles_questions: bool = False
    shows_answers: ShowsAnswers = "after_attempt"


class PackageLecture(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a chapter; `section` is the title of the part of the chapter it stood in.

    `media_url` is where something else than `video` plays from.
    """

    external_id: str
    kind: LectureKind
    title: str
    section: str = ""
    html: str = ""
    duration_seconds: int | None = None
    video: PackageVideo | None = None
    questions: tuple[PackageQuestion, ...] = ()
    rules: QuizRules | None = None
    media_url: str | None = None
    is_preview: bool | None = None
    release: courses.LectureRelease | None = None


class PackageChapter(msgspec.Struct, frozen=True, kw_only=True):
    """A chapter with its lectures in order; never empty."""

    external_id: str
    title: str
    lectures: tuple[PackageLecture, ...]


class PackageAsset(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the package that is kept, by its path inside.

    `location` is where it lies while the package is open; one that is for staff is shown to no
    learner, whatever points at it.
    """

    path: str
    size_bytes: int
    location: Path
    is_for_staff: bool = False


class PackageCourse(msgspec.Struct, frozen=True, kw_only=True):
    """A whole course as a package holds it; `language` is a lower-case BCP 47 tag.

    `settings` are all fields of the course, where the package has them.
    """

    external_id: str
    title: str
    subtitle: str = ""
    description_html: str = ""
    language: str | None = None
    objectives: tuple[str, ...] = ()
    chapters: tuple[PackageChapter, ...] = ()
    assets: tuple[PackageAsset, ...] = ()
    settings: courses.NewCourse | None = None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the package that did not come along, or not whole, and why.

    One entry is one thing, unless `count` says how many alike it sums up. `is_kept_as_text`
    says that its words were kept as reading.
    """

    kind: str
    reason: str
    external_id: str = ""
    path: str = ""
    title: str = ""
    count: int = 1
    is_kept_as_text: bool = False


class PackageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading found, took and left out.

    Every kind in `found` adds up: found = taken + left out of that kind. `taken` also counts what
    was made of it (lectures, questions); `left_out` also names what is not counted in `found`.
    """

    format: str
    found: dict[str, int]
    taken: dict[str, int]
    left_out: tuple[LeftOut, ...]
    left_out_counts: dict[str, int]


class StoredImport(msgspec.Struct, frozen=True):
    """A row of the imports."""

    id: UUID
    owner_id: UUID
    asked_by: UUID | None
    file_name: str
    file_key: str | None
    job_id: UUID | None
    course_id: UUID | None
    report: Json | None
    problem: Json | None
    created_at: datetime
    finished_at: datetime | None


class StoredExport(msgspec.Struct, frozen=True):
    """A row of the exports."""

    id: UUID
    course_id: UUID
    asked_by: UUID | None
    format: ExportFormat
    job_id: UUID | None
    file_key: str | None
    file_name: str
    size_bytes: int
    notes: Json | None
    problem: Json | None
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None


class KeptFile(msgspec.Struct, frozen=True):
    """A row of the files: what came with a package, and where it is kept."""

    id: UUID
    course_id: UUID
    path: str
    file_key: str
    media_type: str
    size_bytes: int
    sha256: bytes
    is_in_description: bool
    is_for_staff: bool
