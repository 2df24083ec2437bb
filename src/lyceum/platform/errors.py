"""What can go wrong that is nobody's bug: the tree of facts and their problem documents.

A domain subclasses the nearest fact in its `errors.py` and gives it a code from 6000 upward.
Not here: turning them into a response (`http`). Statuses and codes: docs/guides/errors.md.
"""

import re
from typing import Any, ClassVar

import msgspec


class Fact(Exception):
    """Something a caller must be told; the class says which, the instance says the rest.

    `detail` is shown to the caller, so it never holds SQL, paths or secrets. `data` becomes
    members of the problem document, `headers` go onto the response.
    """

    status: ClassVar[int] = 500
    code: ClassVar[int] = 5001
    title: ClassVar[str] = "Something went wrong"
    type: ClassVar[str] = "/problems/fact"

    def __init_subclass__(cls) -> None:
        """Derive the stable problem type from the class name."""
        slug = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()
        cls.type = f"/problems/{slug}"

    def __init__(
        self,
        detail: str = "",
        *,
        headers: tuple[tuple[str, str], ...] = (),
        **data: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.data = data
        self.headers = headers


class Unauthorized(Fact):
    """No credentials, where some are needed."""

    status, code, title = 401, 1001, "Sign in first"

    def __init__(self, detail: str = "", **data: Any) -> None:
        super().__init__(detail, headers=(("www-authenticate", "Bearer"),), **data)


class InvalidCredentials(Unauthorized):
    """A wrong address or password; never says which."""

    code, title = 1002, "The email or password is wrong"


class TokenExpired(Unauthorized):
    """A token past its time."""

    code, title = 1003, "The token has expired"


class TokenInvalid(Unauthorized):
    """A token that was not made by us, was revoked, or is for another purpose."""

    code, title = 1004, "The token is not valid"


class Forbidden(Fact):
    """Visible, but not allowed; `detail` says why."""

    status, code, title = 403, 1005, "You may not do this"


class CrossSite(Forbidden):
    """A request in somebody's name that does not show that one of our own pages made it."""

    title = "This request does not come from a page of ours"

    def __init__(self, detail: str = "", **data: Any) -> None:
        super().__init__(
            detail
            or "Send the session's token in X-CSRF-Token (GET /api/v1/auth/session has it), from"
            " an origin of this academy.",
            **data,
        )


class AccountLocked(Fact):
    """Too many failures; says when to try again."""

    status, code, title = 429, 1006, "Too many failed attempts: wait before you try again"


class FieldError(msgspec.Struct, frozen=True):
    """One wrong place of the input: a JSON pointer and what is wrong there."""

    pointer: str
    message: str


class ValidationFailed(Fact):
    """Input that breaks its schema or a rule of the use case."""

    status, code, title = 422, 2001, "The input is not valid"

    def __init__(self, detail: str = "", *errors: FieldError, **data: Any) -> None:
        super().__init__(detail or (errors[0].message if errors else ""), **data)
        if errors:
            self.data["errors"] = [msgspec.to_builtins(error) for error in errors]


class InvalidInput(ValidationFailed):
    """Input that is well formed and still makes no sense."""

    code, title = 2002, "The input makes no sense"


class MissingRequiredField(ValidationFailed):
    """A required field is absent."""

    code, title = 2003, "A required field is missing"


class InvalidFormat(ValidationFailed):
    """The body is not the format it claims to be."""

    code, title = 2004, "The input is not in the right format"


class NotFound(Fact):
    """Missing, or not visible to the caller: deliberately the same."""

    status, code, title = 404, 3001, "Not found"


class AlreadyExists(Fact):
    """It is there already."""

    status, code, title = 409, 3002, "This exists already"


class Conflict(Fact):
    """The state of the resource does not allow it now."""

    status, code, title = 409, 3003, "The present state does not allow this"


class Deleted(Fact):
    """It was there once, and the caller may know that."""

    status, code, title = 410, 3004, "This was deleted"


class MethodNotAllowed(Fact):
    """The address exists, the method does not."""

    status, code, title = 405, 2002, "The method is not allowed here"


class PreconditionFailed(Fact):
    """`If-Match` names an older version."""

    status, code, title = 412, 3003, "Somebody changed this in the meantime"


class PreconditionRequired(Fact):
    """`If-Match` is required and missing."""

    status, code, title = 428, 2003, "Send If-Match with the ETag you read"


class PayloadTooLarge(Fact):
    """The body is larger than the route takes."""

    status, code, title = 413, 2002, "The body is too large"


class UriTooLong(Fact):
    """The address is longer than any of ours."""

    status, code, title = 414, 2002, "The address is too long"


class RangeNotSatisfiable(Fact):
    """`Range` asks for a part after the end."""

    status, code, title = 416, 2002, "The file has no such part"


class UnsupportedMediaType(Fact):
    """The body is of a type that the route does not take."""

    status, code, title = 415, 2004, "The media type is not supported"


class DatabaseFailed(Fact):
    """The database refused something it should not have been asked."""

    status, code, title = 500, 4001, "The database could not do this"


class TransactionFailed(Fact):
    """The transaction lost a race that repeating may win."""

    status, code, title = 503, 4002, "Busy: try again"

    def __init__(self, detail: str = "", **data: Any) -> None:
        super().__init__(detail, headers=(("retry-after", "1"),), **data)


class DatabaseUnreachable(Fact):
    """No connection to the database for now."""

    status, code, title = 503, 4004, "The database cannot be reached"

    def __init__(self, detail: str = "", **data: Any) -> None:
        super().__init__(detail, headers=(("retry-after", "2"),), **data)


class ServiceUnavailable(Fact):
    """Overloaded, starting or stopping."""

    status, code, title = 503, 5001, "Not available at the moment"

    def __init__(self, detail: str = "", *, retry_after: int = 2, **data: Any) -> None:
        super().__init__(detail, headers=(("retry-after", str(retry_after)),), **data)


class ExternalFailed(Fact):
    """A system that we depend on answered wrongly."""

    status, code, title = 502, 5002, "An outside system failed"


class TimedOut(Fact):
    """It took longer than it may."""

    status, code, title = 504, 5003, "This took too long"


class RateLimitExceeded(Fact):
    """Too many requests; `Retry-After` says when to go on."""

    status, code, title = 429, 5004, "Too many requests"


class InternalError(Fact):
    """A bug of ours: the caller gets the request id to report it, and nothing else."""

    status, code, title = 500, 5001, "Something went wrong on our side"
