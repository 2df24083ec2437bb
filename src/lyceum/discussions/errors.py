"""What can go wrong in discussions that is nobody's bug. Codes 6400-6419."""

from lyceum.platform import errors


def invalid(pointer: str, message: str) -> errors.ValidationFailed:
    """Return the fact that one place of the input breaks a rule."""
    return errors.ValidationFailed("", errors.FieldError(pointer, message))


def require_version(version: int, if_match: int | None) -> None:
    """Raise PreconditionFailed when If-Match was sent and names another version."""
    if if_match is not None and if_match != version:
        raise errors.PreconditionFailed


class NotParticipant(errors.Forbidden):
    """Discussions of a course are for its learners and its staff."""

    code, title = 6400, "Enrol in the course to take part in its discussions"


class ThreadLocked(errors.Conflict):
    """Staff has locked the thread: nobody else writes in it."""

    code, title = 6401, "The thread is locked"


class ThreadAnswered(errors.Conflict):
    """A thread that others have answered is theirs too: its author cannot delete it."""

    code, title = 6402, "Others have answered: only staff may delete the thread now"


class OwnContribution(errors.Conflict):
    """Nobody votes for, or reports, what they wrote themselves."""

    code, title = 6403, "You wrote this yourself"


class ReportedAlready(errors.AlreadyExists):
    """The person's report of this waits for the staff."""

    code, title = 6404, "You have reported this already"


class ReportResolved(errors.Conflict):
    """Staff has decided about the report before; `resolution` says how."""

    code, title = 6405, "The report is resolved already"
