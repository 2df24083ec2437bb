"""A course that was read, as the other domains take it: drafts, quizzes, and the files they show.

Not here: storing it (`service.imports`), reading it (each format's reader).
"""

from uuid import UUID

import msgspec

from lyceum.assessments import api as assessments
from lyceum.courses import api as courses
from lyceum.packages.adapters import assets
from lyceum.packages.records import (
    LectureKind,
    LeftOut,
    PackageAnswer,
    PackageChapter,
    PackageChoice,
    PackageCourse,
    PackageLecture,
    PackageQuestion,
    PackageVideo,
    QuizRules,
)
from lyceum.platform.richtext import clean_text

LEAST_TITLE = 5
# A pass in Open edX where the course does not say otherwise; grading rules are not brought in.
PASSING_PERCENT = 50


def with_addresses(course: PackageCourse, addresses: dict[str, str]) -> PackageCourse:
    """Return the course with the addresses of its files wherever it points at them, by token.

    Neither a token nor an address holds anything that JSON writes in another way.
    """
    written = msgspec.json.encode(msgspec.structs.replace(course, assets=())).decode()
    return msgspec.json.decode(assets.put_addresses(written, addresses), type=PackageCourse)


def tokens_of_lectures(course: PackageCourse, lecture_ids: dict[str, UUID]) -> dict[UUID, set[str]]:
    """Return which files each lecture shows, its questions included."""
    return {
        lecture_ids[lecture.external_id]: assets.tokens_in(msgspec.json.encode(lecture).decode())
        for chapter in course.chapters
        for lecture in chapter.lectures
    }


def draft_of(course: PackageCourse) -> tuple[courses.CourseDraft, list[LeftOut]]:
    """Return the course to store, and what had to be done to its title."""
    title, notes = clean_text(course.title), []
    if len(title) < LEAST_TITLE and course.settings is None:
        title = f"{title} (course)".strip()
        reason = f"it has fewer than {LEAST_TITLE} characters; “(course)” was added"
        notes.append(LeftOut(kind="title", reason=reason, title=course.title))
    draft = courses.CourseDraft(
        source_key=course.external_id,
        title=title,
        subtitle=course.subtitle,
        description=course.description_html,
        language=course.language or "en",
        objectives=course.objectives,
        chapters=tuple(
            courses.ChapterDraft(
                source_key=chapter.external_id,
                title=chapter.title,
                lectures=tuple(_lecture(lecture) for lecture in chapter.lectures),
            )
            for chapter in course.chapters
        ),
        settings=course.settings,
    )
    return draft, notes


def _lecture(lecture: PackageLecture) -> courses.LectureDraft:
    return courses.LectureDraft(
        source_key=lecture.external_id,
        title=lecture.title,
        type=lecture.kind,
        content=lecture.html,
        media_url=_address(lecture.video) if lecture.video else lecture.media_url,
        duration_seconds=lecture.duration_seconds or 0,
        section=lecture.section,
        is_preview=lecture.is_preview,
        release=lecture.release,
    )


def _address(video: PackageVideo) -> str | None:
    """Return where a video plays from, at the second where it is to start.

    Of a file the part is named as in W3C's Media Fragments URI.
    """
    start, end = video.start_seconds, video.end_seconds
    if video.youtube_id:
        at = f"&t={start}s" if start else ""
        return f"https://www.youtube.com/watch?v={video.youtube_id}{at}"
    if not video.source_urls:
        return None
    part = f"#t={start or 0}" + (f",{end}" if end else "") if start or end else ""
    return video.source_urls[0].partition("#")[0] + part


def quiz_of(lecture: PackageLecture) -> assessments.QuizDefinition:
    """Return the quiz of a lecture."""
    rules = lecture.rules or QuizRules()
    given = rules.passing_percent
    return assessments.QuizDefinition(
        title=rules.title or lecture.title,
        passing_percent=PASSING_PERCENT if given is None else given,
        attempts_allowed=rules.attempts_allowed,
        time_limit_seconds=rules.time_limit_seconds,
        shuffles_questions=rules.shuffles_questions,
        shows_answers=rules.shows_answers,
        questions=tuple(question_of(question) for question in lecture.questions),
    )


def question_of(question: PackageQuestion) -> assessments.QuestionDefinition:
    """Return a question as a quiz takes it."""
    return assessments.QuestionDefinition(
        kind=question.kind,
        html=question.html,
        source_key=question.external_id,
        title=question.title,
        points=question.points,
        choices=tuple(
            assessments.ChoiceDefinition(
                html=choice.html,
                is_correct=choice.is_correct,
                feedback_html=choice.feedback_html,
                unchosen_feedback_html=choice.unchosen_feedback_html,
            )
            for choice in question.choices
        ),
        answers=tuple(
            assessments.AnswerDefinition(
                text=answer.text,
                is_pattern=answer.is_pattern,
                number=None
                if answer.number is None
                else assessments.NumberDefinition(
                    lowest=answer.number.lowest,
                    highest=answer.number.highest,
                    is_lowest_open=answer.number.is_lowest_open,
                    is_highest_open=answer.number.is_highest_open,
                ),
                feedback_html=answer.feedback_html,
            )
            for answer in question.answers
        ),
        is_case_sensitive=question.is_case_sensitive,
        explanation_html=question.explanation_html,
        scoring=question.scoring,
    )


def package_of(
    whole: courses.WholeCourse, quizzes: dict[str, assessments.QuizDefinition]
) -> PackageCourse:
    """Return the package that makes a course again; quizzes by the source keys of lectures."""
    draft = whole.draft
    return PackageCourse(
        external_id=draft.source_key,
        title=draft.title,
        subtitle=draft.subtitle,
        description_html=draft.description,
        language=draft.language,
        objectives=draft.objectives,
        chapters=tuple(
            PackageChapter(
                external_id=chapter.source_key,
                title=chapter.title,
                lectures=tuple(
                    _packed(lecture, quizzes.get(lecture.source_key))
                    for lecture in chapter.lectures
                ),
            )
            for chapter in draft.chapters
        ),
        settings=draft.settings,
    )


def _packed(
    lecture: courses.LectureDraft, quiz: assessments.QuizDefinition | None
) -> PackageLecture:
    return PackageLecture(
        external_id=lecture.source_key,
        kind=msgspec.convert(lecture.type, LectureKind),
        title=lecture.title,
        section=lecture.section,
        html=lecture.content,
        duration_seconds=lecture.duration_seconds,
        media_url=lecture.media_url,
        is_preview=lecture.is_preview,
        release=lecture.release,
        questions=() if quiz is None else tuple(map(_packed_question, quiz.questions)),
        rules=None
        if quiz is None
        else QuizRules(
            title=quiz.title,
            passing_percent=quiz.passing_percent,
            attempts_allowed=quiz.attempts_allowed,
            time_limit_seconds=quiz.time_limit_seconds,
            shuffles_questions=quiz.shuffles_questions,
            shows_answers=quiz.shows_answers,
        ),
    )


def _packed_question(question: assessments.QuestionDefinition) -> PackageQuestion:
    """Return a question; its parts have the same fields here and there."""
    return PackageQuestion(
        external_id=question.source_key or "",
        kind=question.kind,
        html=question.html,
        title=question.title,
        choices=tuple(
            msgspec.convert(choice, PackageChoice, from_attributes=True)
            for choice in question.choices
        ),
        answers=tuple(
            msgspec.convert(answer, PackageAnswer, from_attributes=True)
            for answer in question.answers
        ),
        is_case_sensitive=question.is_case_sensitive,
        explanation_html=question.explanation_html,
        points=question.points,
        scoring=question.scoring,
    )
