"""Courses made at random, with every kind of lecture and question, as packages hold them."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from lyceum.courses import api as courses
from lyceum.courses.schemas.courses import Price
from lyceum.packages.adapters import assets
from lyceum.packages.records import (
    NumberRange,
    PackageAnswer,
    PackageChapter,
    PackageChoice,
    PackageCourse,
    PackageLecture,
    PackageQuestion,
    QuizRules,
)

FILES = {"a b.png": b"\x89PNG\r\n\x1a\n!", "deep/é.pdf": b"%PDF-1.4", "unused.txt": b"x"}
WORDS = st.text("aZ 0&<>\"'é漢🦉=+-@", min_size=1, max_size=12).filter(str.strip)
LINES = WORDS.map(lambda text: " ".join(text.split()) or "x")
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda moment: moment.replace(tzinfo=UTC)
)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


PICTURES = st.sampled_from(sorted(FILES)[:2]).map(
    lambda path: f'<p><img src="{assets.reference(path)}" alt="p"></p>'
)
HTML = st.lists(
    st.one_of(
        LINES.map(lambda text: f"<p>{escaped(text)}</p>"),
        LINES.map(lambda text: f"<ul><li><strong>{escaped(text)}</strong></li></ul>"),
        PICTURES,
    ),
    min_size=1,
    max_size=3,
).map("\n".join)
SAID = st.one_of(st.just(""), HTML)


def choices(correct: st.SearchStrategy[list[bool]]) -> st.SearchStrategy[tuple[PackageChoice, ...]]:
    def with_words(flags: list[bool]) -> Any:
        return st.tuples(
            *(
                st.builds(
                    PackageChoice,
                    html=HTML,
                    is_correct=st.just(flag),
                    feedback_html=SAID,
                    unchosen_feedback_html=SAID,
                )
                for flag in flags
            )
        )

    return correct.flatmap(with_words)


SEVERAL = st.lists(st.booleans(), min_size=2, max_size=4).filter(any)
TRUE_FALSE = st.sampled_from([[True, False], [False, True]])
RANGES = st.one_of(
    NUMBERS.map(lambda at: NumberRange(lowest=at, highest=at)),
    NUMBERS.map(lambda at: NumberRange(lowest=at, highest=at + 1, is_highest_open=True)),
    NUMBERS.map(lambda at: NumberRange(lowest=at)),
)
PATTERNS = st.sampled_from(["a+b?", "[0-9]{2}", ".*oil.*"])
ANSWERS = st.lists(
    st.one_of(
        st.builds(PackageAnswer, text=LINES, feedback_html=SAID),
        st.builds(PackageAnswer, text=PATTERNS, is_pattern=st.just(True)),
        st.builds(PackageAnswer, text=LINES, number=RANGES),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


def of_kind(kind: str, **more: Any) -> st.SearchStrategy[PackageQuestion]:
    return st.builds(
        PackageQuestion,
        external_id=st.just(""),
        kind=st.just(kind),
        html=HTML,
        title=st.one_of(st.just(""), LINES),
        explanation_html=SAID,
        points=st.integers(0, 1_000_000).map(lambda milli: milli / 1000),
        **more,
    )


SCORING = st.sampled_from(["partial", "all_or_nothing"])
QUESTIONS = st.one_of(
    of_kind("multiple_choice", choices=choices(SEVERAL)),
    of_kind("multiple_response", choices=choices(SEVERAL), scoring=SCORING),
    of_kind("true_false", choices=choices(TRUE_FALSE)),
    of_kind("short_answer", answers=ANSWERS, is_case_sensitive=st.booleans()),
)
RULES = st.builds(
    QuizRules,
    title=LINES,
    passing_percent=st.integers(0, 100),
    attempts_allowed=st.none() | st.integers(1, 1000),
    time_limit_seconds=st.none() | st.integers(10, 604_800),
    shuffles_questions=st.booleans(),
    shows_answers=st.sampled_from(["never", "after_attempt", "after_passing"]),
)
RELEASES = st.builds(
    courses.LectureRelease, at=st.none() | MOMENTS, after_days=st.none() | st.integers(1, 3650)
)
MEDIA = ["https://e.org/a.mp4?x=1&y", assets.reference("a b.png")]
PLAIN = st.builds(
    PackageLecture,
    external_id=st.just(""),
    kind=st.sampled_from(["video", "text", "file", "embed", "assignment", "live", "quiz"]),
    title=LINES,
    section=st.one_of(st.just(""), LINES),
    html=SAID,
    duration_seconds=st.integers(0, 10_000),
    media_url=st.none() | st.sampled_from(MEDIA),
    is_preview=st.booleans(),
    release=RELEASES,
)
QUIZZES = st.builds(
    PackageLecture,
    external_id=st.just(""),
    kind=st.just("quiz"),
    title=LINES,
    html=SAID,
    duration_seconds=st.just(0),
    questions=st.lists(QUESTIONS, max_size=4).map(tuple),
    rules=RULES,
    is_preview=st.booleans(),
    release=RELEASES,
)
SETTINGS = st.builds(
    courses.NewCourse,
    title=LINES.map(lambda line: f"Course {line}"),
    subtitle=st.one_of(st.just(""), LINES),
    description=st.one_of(st.just(""), HTML.map(lambda html: f"<p>A description</p>\n{html}")),
    category=st.none() | st.just("Seamanship"),
    tags=st.lists(LINES, max_size=3, unique=True).map(tuple),
    difficulty=st.sampled_from(["beginner", "intermediate", "advanced"]),
    language=st.sampled_from(["en", "pt-br"]),
    estimated_minutes=st.integers(0, 1000),
    price=st.builds(Price, amount=st.integers(0, 10_000), currency=st.sampled_from(["EUR", "USD"])),
    thumbnail_url=st.none() | st.just("https://e.org/a.png"),
    objectives=st.lists(LINES, max_size=3, unique=True).map(tuple),
    visibility=st.sampled_from(["public", "unlisted", "invited"]),
    seats=st.none() | st.integers(1, 100),
    enrolment_opens_at=st.none() | MOMENTS,
    has_certificate=st.booleans(),
    completion_percent=st.integers(1, 100),
)


def _keyed(chapters: list[tuple[str, list[PackageLecture]]]) -> tuple[PackageChapter, ...]:
    """Give every part a key of its own."""
    made = []
    for at, (title, lectures) in enumerate(chapters):
        keyed = []
        for place, lecture in enumerate(lectures):
            key = f"l{at}-{place}"
            questions = tuple(
                replace(question, external_id=f"{key}-q{number}")
                for number, question in enumerate(lecture.questions)
            )
            # Every third waits for the one before it, so nothing waits in a circle.
            after = f"l{at}-{place - 1}" if place % 3 == 1 else None
            release = replace(lecture.release or courses.LectureRelease(), after=after)
            keyed.append(replace(lecture, external_id=key, questions=questions, release=release))
        made.append(PackageChapter(external_id=f"c{at}", title=title, lectures=tuple(keyed)))
    return tuple(made)


def _course(
    settings: courses.NewCourse, chapters: list[tuple[str, list[PackageLecture]]]
) -> PackageCourse:
    return PackageCourse(
        external_id="generated",
        title=settings.title,
        subtitle=settings.subtitle,
        description_html=settings.description,
        language=settings.language,
        objectives=settings.objectives,
        chapters=_keyed(chapters),
        settings=settings,
    )


COURSES = st.builds(
    _course,
    SETTINGS,
    st.lists(
        st.tuples(LINES, st.lists(st.one_of(PLAIN, QUIZZES), max_size=3)), min_size=1, max_size=3
    ),
)
