import asyncio
import contextlib
import math
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from lyceum.platform import series

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(page: bytes) -> Samples:
    """Read a page as Prometheus would."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_counter_gauge_and_histogram_are_on_the_page() -> None:
    registry = series.Registry()
    sold = registry.counter("sold_total", "Sold.", "course")
    size = registry.gauge("size", "Size.")
    took = registry.histogram("took_seconds", "Took.", "route", bounds=(0.1, 1.0))
    sold.inc("a")
    sold.inc("a", by=2)
    sold.inc('b "quoted"\n\\')
    size.set(4)
    size.set(3)
    for seconds in (0.05, 0.1, 0.5, 7):
        took.observe(seconds, "/x")
    found = samples(registry.render())
    assert found["sold_total", (("course", "a"),)] == 3
    assert found["sold_total", (("course", 'b "quoted"\n\\'),)] == 1
    assert found["size", ()] == 3
    route = ("route", "/x")
    assert found["took_seconds_bucket", (("le", "0.1"), route)] == 2
    assert found["took_seconds_bucket", (("le", "1.0"), route)] == 3
    assert found["took_seconds_bucket", (("le", "+Inf"), route)] == 4
    assert found["took_seconds_count", (route,)] == 4
    assert found["took_seconds_sum", (route,)] == pytest.approx(7.65)
    page = registry.render().decode()
    assert "# TYPE sold_total counter" in page
    assert "# TYPE size gauge" in page
    assert "# TYPE took_seconds histogram" in page


@given(
    st.text(),
    st.text(),
    st.floats() | st.integers(-(10**15), 10**15),
    st.lists(st.floats(0, 100), max_size=20),
)
def test_page_says_exactly_what_was_measured(
    one: str, other: str, number: float, seconds: list[float]
) -> None:
    registry = series.Registry()
    gauge = registry.gauge("size", "Back\\slash, line\nbreak.", "one", "other")
    gauge.set(number, one, other)
    took = registry.histogram("took_seconds", "Took.", bounds=(0.0001, 1.0, 50.0))
    for duration in seconds:
        took.observe(duration)
    found = samples(registry.render())
    (labels, value), *_ = [(k[1], v) for k, v in found.items() if k[0] == "size"]
    assert dict(labels) == {"one": one, "other": other}
    assert value == number or (math.isnan(value) and math.isnan(number))
    for bound in ("0.0001", "1.0", "50.0", "+Inf") if seconds else ():
        expected = sum(duration <= float(bound) for duration in seconds)
        assert found["took_seconds_bucket", (("le", bound),)] == expected


def test_values_past_the_cap_become_other() -> None:
    registry = series.Registry()
    done = registry.counter("done_total", "Done.", "course", "lesson", most=3)
    took = registry.histogram("took_seconds", "Took.", "route", most=2)
    for number in range(1000):
        done.inc("course", number)
        took.observe(1, number)
    done.inc("course", 1)
    found = samples(registry.render())
    counted = {labels: value for (name, labels), value in found.items() if name == "done_total"}
    assert counted == {
        (("course", "course"), ("lesson", "0")): 1,
        (("course", "course"), ("lesson", "1")): 2,
        (("course", "course"), ("lesson", "2")): 1,
        (("course", "other"), ("lesson", "other")): 997,
    }
    assert found["took_seconds_count", (("route", "other"),)] == 998


def test_numbers_of_others_are_taken_over_when_read() -> None:
    registry = series.Registry()
    hits = registry.counter("hits_total", "Hits.", "outcome")
    counted = 0
    registry.before_reading(lambda: hits.set_total(counted, "hit"))
    counted = 7
    assert samples(registry.render())["hits_total", (("outcome", "hit"),)] == 7
    counted = 9
    assert samples(registry.render())["hits_total", (("outcome", "hit"),)] == 9


def test_wrong_declarations_and_labels() -> None:
    registry = series.Registry()
    sold = registry.counter("sold_total", "Sold.", "course")
    with pytest.raises(ValueError, match="twice"):
        registry.gauge("sold_total", "Sold.")
    with pytest.raises(ValueError, match="_total"):
        registry.counter("sold", "Sold.")
    with pytest.raises(ValueError, match="labels"):
        sold.inc()


class Process:
    """The metrics of one of several processes."""

    def __init__(self, folder: Path) -> None:
        self.registry = series.Registry()
        self.sold = self.registry.counter("sold_total", "Sold.", "course")
        self.open = self.registry.gauge("open", "Open.")
        self.lag = self.registry.gauge("lag", "Lag.", merge="max")
        self.took = self.registry.histogram("took_seconds", "Took.", bounds=(1.0,))
        self.registry.share(folder, "web")


def test_any_process_answers_for_all(tmp_path: Path) -> None:
    processes = [Process(tmp_path) for _ in range(3)]
    for number, process in enumerate(processes, 1):
        process.sold.inc("a", by=number)
        process.sold.inc(f"only {number}")
        process.open.set(number)
        process.lag.set(number)
        process.took.observe(number)
        process.registry.publish()
    for process in processes:
        found = samples(process.registry.render())
        assert found["sold_total", (("course", "a"),)] == 6
        assert found["sold_total", (("course", "only 2"),)] == 1
        assert found["open", ()] == 6
        assert found["lag", ()] == 3
        assert found["took_seconds_count", ()] == 3
        assert found["took_seconds_sum", ()] == 6
        assert found["took_seconds_bucket", (("le", "1.0"),)] == 1


def test_counters_of_a_dead_process_stay_and_its_gauges_go(tmp_path: Path) -> None:
    dead, alive = Process(tmp_path), Process(tmp_path)
    dead.sold.inc("a")
    dead.open.set(5)
    snapshot = dead.registry.snapshot()
    snapshot.at = time.time() - 60
    old = next(path for path in tmp_path.iterdir() if path.name == dead.registry._file)  # noqa: SLF001
    old.write_bytes(msgspec.msgpack.encode(snapshot))
    alive.open.set(1)
    found = samples(alive.registry.render())
    assert found["sold_total", (("course", "a"),)] == 1
    assert found["open", ()] == 1


def test_files_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.sold.inc("a")
    (tmp_path / "half.metrics").write_bytes(msgspec.msgpack.encode(process.registry.snapshot())[:9])
    (tmp_path / "other.metrics").write_bytes(b"\xff\x00")
    wider = series.Snapshot(time.time(), {"took_seconds": [], "unknown": []})
    (tmp_path / "version.metrics").write_bytes(msgspec.msgpack.encode(wider))
    assert samples(process.registry.render())["sold_total", (("course", "a"),)] == 1


def test_folder_is_cleared_before_the_first_process(tmp_path: Path) -> None:
    Process(tmp_path).sold.inc("a")
    (tmp_path / "kept.txt").write_text("not ours")
    series.clear_folder(tmp_path)
    series.clear_folder(tmp_path / "never there")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


async def test_numbers_are_published_at_the_end_too(tmp_path: Path) -> None:
    ending, other = Process(tmp_path), Process(tmp_path)
    publishing = asyncio.create_task(ending.registry.keep_publishing())
    await asyncio.sleep(0)
    ending.sold.inc("a")
    publishing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await publishing
    assert samples(other.registry.render())["sold_total", (("course", "a"),)] == 1


def test_folder_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    process = Process(tmp_path / "sub")
    for path in (tmp_path / "sub").iterdir():
        path.unlink()
    (tmp_path / "sub").rmdir()
    process.registry.publish()
    assert process.registry.render()
