import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lyceum.platform.ratelimit import (
    SLOTS,
    Bucket,
    ProcessLimiter,
    address_key,
    bounded,
    delay_for,
)

LOGIN = Bucket("login", 5, 60)
READS = Bucket("reads", 100, 60)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_limit_is_counted_down_and_comes_back_after_the_window() -> None:
    clock = Clock()
    limiter = ProcessLimiter(clock=clock)
    seen = []
    for _ in range(6):
        decision = await limiter.check(LOGIN, "1.2.3.4")
        seen.append((decision.allowed, decision.remaining, decision.retry_after))
        clock.now += 1
    assert seen == [(True, left, 0) for left in (4, 3, 2, 1, 0)] + [(False, 0, 55)]
    assert (await limiter.check(LOGIN, "5.6.7.8")).allowed
    clock.now = 1059.9
    assert not (await limiter.check(LOGIN, "1.2.3.4")).allowed
    clock.now = 1060
    assert (await limiter.check(LOGIN, "1.2.3.4")).allowed
    refused = await limiter.check(LOGIN, "1.2.3.4")
    assert (refused.allowed, refused.retry_after, refused.reset_seconds) == (False, 1, 1)


async def test_hundred_in_a_burst_and_no_more() -> None:
    clock = Clock()
    limiter = ProcessLimiter(clock=clock)
    allowed = 0
    for _ in range(150):
        allowed += (await limiter.check(READS, "a")).allowed
        clock.now += 0.1
    assert allowed == 100


@pytest.mark.parametrize("limit", [1, 3, SLOTS, SLOTS + 1, 100])
@given(steps=st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=100))
async def test_no_window_ever_holds_more_than_the_limit(
    limit: int, steps: list[tuple[float, bool]]
) -> None:
    clock, bucket = Clock(), Bucket("b", limit, 60)
    limiter = ProcessLimiter(clock=clock)
    allowed: list[float] = []
    for gap, is_burst in steps:
        for _ in range(limit + 2 if is_burst else 1):
            decision = await limiter.check(bucket, "k")
            recent = [at for at in allowed if at > clock.now - 60]
            if decision.allowed:
                allowed.append(clock.now)
                assert len(recent) < limit
                assert decision.used <= limit
            else:
                coarse = 60 / SLOTS if limit > SLOTS else 0
                late = [at for at in allowed if at > clock.now - 60 - coarse]
                assert len(late) >= limit, "refused though there was room for a while"
                assert 1 <= decision.retry_after <= 61
        clock.now += gap


@given(st.integers(1, 40), st.lists(st.floats(0, 20), min_size=1, max_size=100))
@example(1, [1.3615001110404101, 1.8278678512173254, 0.0])
async def test_retry_after_is_enough(limit: int, gaps: list[float]) -> None:
    clock, bucket = Clock(), Bucket("b", limit, 60)
    limiter = ProcessLimiter(clock=clock)
    for gap in gaps:
        decision = await limiter.hit(bucket, "k")
        clock.now += gap
    decision = await limiter.peek(bucket, "k")
    clock.now += decision.retry_after
    assert (await limiter.check(bucket, "k")).allowed


async def test_peek_counts_nothing_and_hit_counts_what_is_refused_too() -> None:
    clock = Clock()
    limiter = ProcessLimiter(clock=clock)
    for _ in range(20):
        assert (await limiter.peek(LOGIN, "k")).remaining == 5
    decisions = [await limiter.hit(LOGIN, "k") for _ in range(200)]
    assert [decision.allowed for decision in decisions[:7]] == [True] * 5 + [False] * 2
    assert decisions[-1].used == 200
    assert decisions[4].retry_after == 0
    peeked = await limiter.peek(LOGIN, "k")
    assert (peeked.allowed, peeked.remaining, peeked.retry_after) == (False, 0, 60)
    clock.now += 60
    assert (await limiter.peek(LOGIN, "k")).remaining == 5


async def test_refund_takes_back_a_hit_that_was_charged_before_it_was_tried() -> None:
    limiter = ProcessLimiter(clock=Clock())
    await limiter.refund(LOGIN, "k")
    for _ in range(20):
        assert (await limiter.check(LOGIN, "k")).allowed
        await limiter.refund(LOGIN, "k")
    assert (await limiter.peek(LOGIN, "k")).used == 0


async def test_slowdown_begins_after_the_limit_and_grows() -> None:
    clock, bucket = Clock(), Bucket("slow", 50, 900)
    limiter = ProcessLimiter(clock=clock)
    delays = [await delay_for(limiter, bucket, "k") for _ in range(80)]
    assert delays[:53] == [0.0] * 50 + [0.5, 1.0, 1.5]
    assert delays[-1] == 10.0
    clock.now += 900
    assert await delay_for(limiter, bucket, "k") == 0


async def test_flood_of_addresses_stays_within_the_bound_and_is_forgotten() -> None:
    clock = Clock()
    limiter = ProcessLimiter(max_keys=1000, clock=clock)
    for number in range(1_000_000 // 20):
        await limiter.check(LOGIN, f"10.0.0.{number}")
    table = limiter._tables["login"]  # noqa: SLF001 - the bound itself is the claim
    assert len(table) == 1000
    clock.now += 61
    for number in range(600):
        await limiter.check(LOGIN, f"later {number}")
    assert len(table) <= 600


async def test_flood_in_one_bucket_leaves_another_alone() -> None:
    limiter = ProcessLimiter(max_keys=10)
    for _ in range(5):
        await limiter.check(LOGIN, "victim")
    for number in range(100):
        await limiter.check(READS, str(number))
    assert not (await limiter.check(LOGIN, "victim")).allowed


async def test_headers() -> None:
    limiter = ProcessLimiter(clock=Clock())
    bucket = Bucket("one", 1, 3600)
    assert (await limiter.check(bucket, "k")).headers() == [
        (b"ratelimit-limit", b"1"),
        (b"ratelimit-remaining", b"0"),
        (b"ratelimit-reset", b"3600"),
    ]
    assert (await limiter.check(bucket, "k")).headers()[-1] == (b"retry-after", b"3600")


async def test_limit_of_none_refuses_everything() -> None:
    decision = await ProcessLimiter().check(Bucket("closed", 0, 60), "k")
    assert (decision.allowed, decision.remaining, decision.retry_after) == (False, 0, 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("not:an:address", "not:an:address", True),
    ],
)
def test_key_of_an_address(one: str, other: str, same: bool) -> None:
    assert (address_key(one) == address_key(other)) is same


def test_long_keys_are_cut_to_a_digest() -> None:
    assert bounded("a@example.org") == "a@example.org"
    assert len(bounded("x" * 1_000_000 + "\ud800")) == 64
    assert bounded("x" * 200) != bounded("x" * 201)
