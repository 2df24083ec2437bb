"""Which Redis, and which database of it, serves what."""

import pytest

from lyceum.platform.settings import RedisUse, load_settings

USES: tuple[RedisUse, ...] = ("cache", "limits", "jobs")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, [None, None, None]),
        ("redis://h:6379", ["redis://h:6379/0", "redis://h:6379/1", "redis://h:6379/2"]),
        ("redis://:x@h/0", ["redis://:x@h/0", "redis://:x@h/1", "redis://:x@h/2"]),
        ("rediss://h/7", ["rediss://h/7"] * 3),
        ("unix:///s.sock", ["unix:///s.sock?db=0", "unix:///s.sock?db=1", "unix:///s.sock?db=2"]),
        ("unix:///s.sock?db=4", ["unix:///s.sock?db=4"] * 3),
    ],
)
def test_databases_of_one_redis(given: str | None, wanted: list[str | None]) -> None:
    settings = load_settings(redis_url=given)
    assert [settings.redis_for(use) for use in USES] == wanted


def test_a_use_has_its_own() -> None:
    settings = load_settings(redis_url="redis://a", redis_jobs_url="redis://b/9")
    assert [settings.redis_for(use) for use in USES] == [
        "redis://a/0",
        "redis://a/1",
        "redis://b/9",
    ]
    alone = load_settings(redis_limits_url="redis://c")
    assert [alone.redis_for(use) for use in USES] == [None, "redis://c", None]
