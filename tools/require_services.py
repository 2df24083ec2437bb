"""A pytest plugin for runs that have all servers: a test that skips for want of one fails.

`make test-services` loads it with `-p tools.require_services`.
"""

from collections.abc import Generator

import pytest


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
