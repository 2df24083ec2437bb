"""One round of `kill_nine` for each process; `python -m tests.faults.kill_nine` does more."""

from pathlib import Path

from tests.faults import kill_nine


async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    report = await kill_nine.run(
        tmp_path, rounds=len(kill_nine.VICTIMS), seed=20, learners=3, lectures=30
    )
    assert report.faults == []
    assert report.acknowledged == 3 * 30 * len(kill_nine.VICTIMS)
    assert set(report.kills) == set(kill_nine.VICTIMS)
