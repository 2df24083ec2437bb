from hypothesis import given
from hypothesis import strategies as st

from lyceum.platform.value_cache import ValueCache


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_value_is_kept_for_its_time() -> None:
    clock = Clock()
    cache = ValueCache[str](10, ttl=5, clock=clock)
    cache.put("token", "actor")
    cache.put("short", "actor", ttl=1)
    cache.put("long", "actor", ttl=100)
    clock.now += 2
    assert [cache.get("token"), cache.get("short"), cache.get("long")] == ["actor", None, "actor"]
    clock.now += 3
    assert [cache.get("token"), cache.get("long")] == [None, None]
    assert len(cache) == 0


def test_invalidation_by_key_and_by_tag() -> None:
    cache = ValueCache[int](10, ttl=5)
    cache.put("a", 1, tags=("user:1", "session:1"))
    cache.put("b", 2, tags=("user:1",))
    cache.put("c", 3, tags=("user:2",))
    cache.invalidate_where("session:1")
    assert [cache.get(key) for key in "abc"] == [None, 2, 3]
    cache.invalidate("b")
    cache.invalidate("never there")
    assert [cache.get(key) for key in "abc"] == [None, None, 3]
    cache.clear()
    assert cache.get("c") is None


def test_value_looked_up_before_an_invalidation_is_not_kept() -> None:
    cache = ValueCache[str](10, ttl=5)
    stamp = cache.stamp
    cache.invalidate_where("user:1")
    cache.put("token", "admin", tags=("user:1",), stamp=stamp)
    assert cache.get("token") is None
    cache.put("token", "student", tags=("user:1",), stamp=cache.stamp)
    assert cache.get("token") == "student"


def test_put_again_replaces_value_and_tags() -> None:
    cache = ValueCache[int](10, ttl=5)
    cache.put("a", 1, tags=("x",))
    cache.put("a", 2, tags=("y",))
    cache.invalidate_where("x")
    assert cache.get("a") == 2


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=60))
def test_bound_is_hard_and_no_tag_is_left_behind(puts: list[tuple[int, int]]) -> None:
    cache = ValueCache[int](4, ttl=5)
    for key, tag in puts:
        cache.put(key, key, tags=(tag,))
        assert cache.get(key) == key
        assert len(cache) <= 4
    for tag in range(4):
        cache.invalidate_where(tag)
    assert len(cache) == 0
    assert not cache._keys_of  # noqa: SLF001 - the bound itself is the claim
