"""A round or two of `kill_nine` for each process; `python -m tests.faults.kill_nine` does more."""

from pathlib import Path

import click
import pytest

from tests.faults import kill_nine


async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    report = await kill_nine.run(tmp_path, rounds=1, seed=20, learners=3, lectures=30)
    assert report.faults == []
    assert report.acknowledged == 3 * 30 * len(kill_nine.VICTIMS)
    assert set(report.kills) == set(kill_nine.VICTIMS)


@pytest.mark.services
async def test_nothing_acknowledged_is_lost_with_the_servers_that_one_can_do_without(
    tmp_path: Path,
) -> None:
    victims = ("redis", "rabbitmq", "worker")
    report = await kill_nine.run(
        tmp_path, rounds=1, seed=21, learners=3, lectures=30, victims=victims
    )
    assert report.faults == []
    assert set(report.kills) == set(victims)


def test_victims_go_by_their_usual_names() -> None:
    assert kill_nine.victims_of("web, postgresql,web") == ["web", "postgres"]
    with pytest.raises(click.BadParameter):
        kill_nine.victims_of("web,moon")
