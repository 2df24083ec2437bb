import httpx
from prometheus_client.parser import text_string_to_metric_families

from lyceum.platform import metrics, queue_metrics
from lyceum.platform.cache import ProcessCache
from lyceum.platform.database import Database
from lyceum.platform.jobs import QUEUES
from lyceum.platform.observer import Observer


def value(name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


def test_request_is_counted_by_method_route_and_status() -> None:
    metrics.request_served("GET", "/api/v1/courses/{id}", 200, 0.004)
    metrics.request_served("BREW", "/api/v1/pots", 405, 0.001)
    labels = {"method": "GET", "route": "/api/v1/courses/{id}", "status_code": "200"}
    bucket = "http_request_duration_seconds_bucket"
    assert value(bucket, le="0.0025", **labels) == 0
    assert value(bucket, le="0.005", **labels) == 1
    assert value("http_request_duration_seconds_count", method="other", route="/api/v1/pots") == 1


def test_names_that_operators_rely_on() -> None:
    metrics.ACTIVE_USERS.set(0)
    metrics.COURSE_ENROLMENTS.inc("c1")
    metrics.LESSON_COMPLETIONS.inc("c1", "l1")
    # An application that other tests made in this process sets it when it is read.
    assert value("lms_active_users_total") is not None
    assert value("lms_course_enrollments_total", course_id="c1") == 1
    assert value("lms_lesson_completions_total", course_id="c1", lesson_id="l1") == 1


def test_background_work_is_observed() -> None:
    observer: Observer = metrics
    observer.job_finished("send_mail", "done", 0.5)
    observer.event_handled("course.published", "courses.warm", 0.1, True)
    observer.event_handled("course.published", "courses.warm", 0.1, False)
    observer.lag(2.5)
    metrics.statement_run("test:12", 0.0007)
    assert value("lms_job_duration_seconds_count", job="send_mail", state="done") == 1
    assert value("lms_event_handling_seconds_count", handler="courses.warm", outcome="failed") == 1
    assert value("lms_event_lag_seconds") == 2.5
    assert value("lms_statement_duration_seconds_bucket", statement="test:12", le="0.001") == 1


async def test_cache_and_process_are_watched() -> None:
    async def fill() -> bytes:
        return b"body"

    cache = ProcessCache()
    metrics.watch_cache(cache)
    metrics.watch_process("test")
    for _ in range(3):
        await cache.get_or_fill("k", (), 60, fill)
    assert value("lms_cache_reads_total", outcome="hit") == 2
    assert value("lms_cache_reads_total", outcome="miss") == 1
    assert (value("lms_cache_bytes") or 0) > 4
    assert (value("process_resident_memory_bytes") or 0) > 1_000_000
    assert (value("process_cpu_seconds_total") or 0) > 0


async def test_scraping_looks_the_queues_up(client: httpx.AsyncClient) -> None:
    page = (await client.get("/metrics")).text
    for queue in QUEUES:
        assert f'lms_queue_jobs{{queue="{queue}",state="waiting"}}' in page
        assert f'lms_queue_oldest_seconds{{queue="{queue}"}}' in page
    assert "\nlms_workers " in page
    # Kept, they would be taken for those of the moment when another process is asked.
    assert "\nlms_workers " not in metrics.render().decode()
    assert 'lms_pool_size{pool="write"}' in page


async def test_scraping_goes_on_without_the_database() -> None:
    away = Database("postgresql://127.0.0.1:1/academy")
    page = (await queue_metrics.render(away)).decode()
    assert "# TYPE lms_workers gauge" in page
    assert "\nlms_workers " not in page
