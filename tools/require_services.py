"""A pytest plugin for runs that have all servers: a test that skips for want of one fails, and one
that neither uses the database of the run nor asks for a server is left to `make test`.

`make test-services` loads it with `-p tools.require_services`.
"""

from collections.abc import Generator

import pytest

DATABASE = "template_dsn"
"""The fixture that every database of a run comes from."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would do here what it did without servers."""
    left = [item for item in items if not _is_concerned(item)]
    items[:] = [item for item in items if _is_concerned(item)]
    config.hook.pytest_deselected(items=left)


def _is_concerned(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return DATABASE in fixtures or item.get_closest_marker("services") is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test marked `services` into a failure with the skip's reason."""
    report = yield
    if report.skipped and item.get_closest_marker("services") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}: this run requires its server (make services)"
    return report
