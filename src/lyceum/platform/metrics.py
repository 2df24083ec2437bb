"""The metrics of this program: their names, and one function for each thing that is measured.

Names that Prometheus users know stay theirs (`http_…`, `process_…`), ours begin with `lms_`.
Not here: how series work (`series`), alert rules.
"""

import os
from pathlib import Path
from typing import Final

from lyceum.platform import memory
from lyceum.platform.cache import ByteCache
from lyceum.platform.database import Database
from lyceum.platform.series import Registry

REGISTRY: Final = Registry()

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

HTTP_SECONDS: Final = REGISTRY.histogram(
    "http_request_duration_seconds",
    "Time from a request's head to the end of its answer.",
    "method",
    "route",
    "status_code",
    most=2000,
)
RATE_LIMITED: Final = REGISTRY.counter(
    "lms_rate_limited_total", "Requests refused with 429.", "bucket"
)

ACTIVE_USERS: Final = REGISTRY.gauge(
    "lms_active_users_total", "People with a request in the last five minutes.", merge="max"
)
COURSE_ENROLMENTS: Final = REGISTRY.counter(
    "lms_course_enrollments_total", "Enrolments since the start.", "course_id"
)
LESSON_COMPLETIONS: Final = REGISTRY.counter(
    "lms_lesson_completions_total",
    "Lessons completed since the start.",
    "course_id",
    "lesson_id",
    most=2000,
)

JOB_SECONDS: Final = REGISTRY.histogram(
    "lms_job_duration_seconds", "Tries of jobs, by the state they left.", "job", "state"
)
JOB_WAIT: Final = REGISTRY.histogram(
    "lms_job_wait_seconds", "Wait of a job from when it was due to the start of its try.", "queue"
)
EVENT_SECONDS: Final = REGISTRY.histogram(
    "lms_event_handling_seconds", "Events handled.", "event", "handler", "outcome"
)
EVENT_LAG: Final = REGISTRY.gauge(
    "lms_event_lag_seconds", "Wait of the oldest event when it was last taken.", merge="max"
)

STATEMENT_SECONDS: Final = REGISTRY.histogram(
    "lms_statement_duration_seconds",
    "SQL statements, with the way to the database and back.",
    "statement",
    bounds=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0),
)
POOL: Final = REGISTRY.gauge(
    "lms_pool_connections", "Connections to the database.", "pool", "state"
)

POOL_SIZE: Final = REGISTRY.gauge(
    "lms_pool_size", "Connections to the database that may be open at once.", "pool"
)

CACHE_READS: Final = REGISTRY.counter(
    "lms_cache_reads_total", "Reads of the cache of bytes in the process.", "outcome"
)
CACHE_EVICTIONS: Final = REGISTRY.counter(
    "lms_cache_evictions_total", "Bodies pushed out of the cache by others."
)
CACHE_BYTES: Final = REGISTRY.gauge("lms_cache_bytes", "Size of the cache of bytes.")

AUDIT_DROPPED: Final = REGISTRY.counter(
    "lms_audit_requests_dropped_total",
    "Refused requests and readings of records that the audit trail had no room for.",
)

MEMORY: Final = REGISTRY.gauge(
    "process_resident_memory_bytes", "Memory that a process holds.", "process"
)
MEMORY_USED: Final = REGISTRY.gauge(
    "lms_memory_used_bytes", "Memory in use in the container, or on the machine.", merge="max"
)
MEMORY_LIMIT: Final = REGISTRY.gauge(
    "lms_memory_limit_bytes", "Memory that the container, or the machine, has.", merge="max"
)
CPU: Final = REGISTRY.counter("process_cpu_seconds_total", "Time on a processor.", "process")


def request_served(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; `route` is the pattern, never the path."""
    HTTP_SECONDS.observe(seconds, method if method in _METHODS else "other", route, status)


def statement_run(name: str, seconds: float) -> None:
    """Count one run of a statement."""
    STATEMENT_SECONDS.observe(seconds, name)


def job_started(_name: str, queue: str, waited: float) -> None:
    """Count the wait of one try of a job."""
    JOB_WAIT.observe(waited, queue)


def job_finished(name: str, state: str, seconds: float) -> None:
    """Count one try of a job; `state` is the job's state after it."""
    JOB_SECONDS.observe(seconds, name, state)


def event_handled(name: str, handler: str, seconds: float, ok: bool) -> None:
    """Count one event that one handler had."""
    EVENT_SECONDS.observe(seconds, name, handler, "handled" if ok else "failed")


def lag(seconds: float) -> None:
    """Note how long the oldest event of those just claimed had waited."""
    EVENT_LAG.set(seconds)


def watch_cache(cache: ByteCache) -> None:
    """Take over the counters of a cache whenever the metrics are read."""

    def read() -> None:
        stats = cache.stats()
        CACHE_READS.set_total(stats.hits, "hit")
        CACHE_READS.set_total(stats.misses, "miss")
        CACHE_EVICTIONS.set_total(stats.evictions)
        CACHE_BYTES.set(stats.size)

    REGISTRY.before_reading(read)


def watch_database(database: Database) -> None:
    """Tell how many connections are out and how many callers wait, whenever metrics are read."""

    def read() -> None:
        for name, pool in (("write", database.write_pool), ("read", database.read_pool)):
            POOL.set(pool.in_use, name, "in use")
            POOL.set(pool.waiting, name, "waiting")
            POOL_SIZE.set(pool.size, name)

    REGISTRY.before_reading(read)


def watch_process(role: str) -> None:
    """Tell memory and processor time of this process, as `role`, whenever the metrics are read."""
    name = f"{role}-{os.getpid()}"

    def read() -> None:
        used = os.times()
        CPU.set_total(used.user + used.system, name)
        resident = find_resident_bytes()
        if resident is not None:
            MEMORY.set(resident, name)
        room = memory.find_room()
        if room is not None:
            MEMORY_USED.set(room.used)
            MEMORY_LIMIT.set(room.limit)

    REGISTRY.before_reading(read)


def render() -> bytes:
    """Return the page for Prometheus, of every process that shares its numbers."""
    return REGISTRY.render()


def find_resident_bytes() -> int | None:
    """Return the memory that this process holds, or None where the kernel does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None  # not Linux
    return pages * os.sysconf("SC_PAGE_SIZE")
