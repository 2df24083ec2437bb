"""What can go wrong with quizzes and attempts that is nobody's bug. Codes 6200-6299."""

from lyceum.platform import errors


class QuizExists(errors.AlreadyExists):
    """The lecture has a quiz already; `quiz_id` says which."""

    code, title = 6200, "The lecture has a quiz already"


class LectureIsNoQuiz(errors.Conflict):
    """Only a lecture of the type quiz can hold one; `lecture_type` says what this is."""

    code, title = 6201, "The lecture is not of the type quiz"


class NotEnrolled(errors.Forbidden):
    """Only learners of the course take its quizzes."""

    code, title = 6202, "Enrol in the course before you take its quiz"


class QuizEmpty(errors.Conflict):
    """There is nothing to answer yet."""

    code, title = 6203, "The quiz has no questions yet"


class AttemptsUsedUp(errors.Conflict):
    """Every attempt that is allowed was made; `attempts_allowed` says how many."""

    code, title = 6204, "You have made every attempt that is allowed"


class AttemptClosed(errors.Conflict):
    """The attempt was submitted; its answers stay as they are."""

    code, title = 6205, "The attempt was submitted already"


class DeadlinePassed(errors.Conflict):
    """The time of the attempt is over; `deadline_at` says since when."""

    code, title = 6206, "The time for this attempt is over"
