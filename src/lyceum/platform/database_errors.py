"""What PostgreSQL's refusals mean: a broken constraint, or a fact of the platform."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg

from lyceum.platform import errors


class ConstraintBroken(Exception):
    """A statement broke the constraint `constraint`; use `constraint_facts` to say it better."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


@contextmanager
def constraint_facts(facts: Mapping[str, Callable[[], errors.Fact]]) -> Iterator[None]:
    """Turn a broken constraint that `facts` names into that fact; others pass through."""
    try:
        yield
    except ConstraintBroken as broken:
        if broken.constraint in facts:
            raise facts[broken.constraint]() from broken
        raise


FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # A connection that died between two statements.
    asyncpg.InternalClientError,
    OSError,
)


def translate(problem: Exception) -> Exception:
    """Return the fact, or broken constraint, that stands for an error of asyncpg."""
    if isinstance(problem, asyncpg.IntegrityConstraintViolationError):
        return ConstraintBroken(problem.constraint_name or "")
    if isinstance(problem, asyncpg.DataError | asyncpg.exceptions.DataError):
        return errors.InvalidInput("A value is out of range or not representable.")
    if isinstance(
        problem,
        asyncpg.SerializationError
        | asyncpg.DeadlockDetectedError
        | asyncpg.LockNotAvailableError
        | asyncpg.InvalidCachedStatementError,
    ):
        return errors.TransactionFailed()
    if isinstance(problem, asyncpg.QueryCanceledError | TimeoutError):
        return errors.TimedOut()
    if isinstance(problem, asyncpg.DiskFullError | asyncpg.InsufficientResourcesError):
        return errors.ServiceUnavailable("The database has no room; nothing was written.")
    if isinstance(
        problem,
        OSError
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError,
    ):
        return errors.DatabaseUnreachable()
    return problem
