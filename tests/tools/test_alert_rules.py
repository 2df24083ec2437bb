"""The alert rules of `deploy/prometheus`: what they name exists, and they ring when they should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lyceum.platform import metrics, queue_metrics

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = (FOLDER / "alerts.yml").read_text()
TESTS = (FOLDER / "alerts_test.yml").read_text()
NAME = re.compile(r"\b(?:lms|http|process)_[a-z_]+")


def known() -> set[str]:
    """Every name under which a series of ours is scraped."""
    names = set()
    for line in metrics.render().decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names.add(name)
            names |= {
                f"{name}_{part}" for part in ("bucket", "sum", "count") if kind == "histogram"
            }
    return names


def test_every_metric_that_the_rules_name_exists() -> None:
    named = set(NAME.findall(RULES))
    assert {"lms_queue_jobs", "lms_memory_used_bytes", "lms_pool_connections"} <= named
    assert named <= known() | {"http_request_duration_seconds", "lms_job_duration_seconds"}
    assert set(NAME.findall(TESTS)) <= known() | named


def test_the_labels_that_the_rules_name_exist() -> None:
    metrics.request_served("GET", "/api/v1/courses", 503, 0.1)
    metrics.job_finished("users.send_welcome", "failed", 0.1)
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    assert "status_code" in labels["http_request_duration_seconds_count"]
    assert {"job", "state"} <= labels["lms_job_duration_seconds_count"]
    assert queue_metrics.QUEUE_JOBS.labels == ("queue", "state")
    assert metrics.POOL.labels == ("pool", "state")


def test_each_alert_of_the_specification_is_there_and_tried() -> None:
    alerts = set(re.findall(r"alert: (\w+)", RULES))
    wanted = {"ErrorRate", "SlowResponses", "QueueDepth", "PoolExhausted", "Memory"}
    assert {f"Lyceum{name}" for name in wanted} <= alerts
    assert alerts <= set(re.findall(r"alertname: (\w+)", TESTS))


@pytest.mark.services
@pytest.mark.parametrize(
    "words",
    [("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yml")],
    ids=" ".join,
)
def test_prometheus_own_tool_agrees(words: tuple[str, ...]) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (make services)")
    done = subprocess.run([tool, *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
