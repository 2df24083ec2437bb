"""Strangers' patterns match whole answers, in linear time or not at all."""

import pytest

from lyceum.platform.patterns import PatternInvalid, check_pattern, matches_whole


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("..bble", "Hubble", True),
        ("..bble", "xHubble", False),
        ("..bble", "Hubble\n", False),
        ("cat|dog", "dog", True),
        ("cat|dog", "catdog", False),
        (r"\d+(\.\d+)?", "3.14", True),
        ("(a+)+b", "a" * 100_000, False),
        (r"[A-Z]{2}\d{1,4}(-\d{2})?", "AB123-45", True),
        (r"\w+ \w+", "καλή μέρα", True),
    ],
)
def test_the_whole_text_has_to_match(pattern: str, text: str, is_match: bool) -> None:
    assert matches_whole(pattern, text, is_case_sensitive=True) is is_match


def test_case_matters_only_when_asked() -> None:
    assert matches_whole("hubble", "HUBBLE", is_case_sensitive=False)
    assert not matches_whole("hubble", "HUBBLE", is_case_sensitive=True)


@pytest.mark.parametrize(
    "pattern",
    [
        "[",
        "a)|(b",
        r"(a)\1",
        "(?=a)a",
        "a{1000}{1000}",
        r"\w{30}",
        r"((\w{2}x){3}\d){5}",
        "." * 10_001,
        "x{999999999}",
        r"[\w-]{30}",
        r"(?x)\w {99}",
        "(?x)a #",
        "(",
    ],
)
def test_what_the_engine_cannot_do_is_refused(pattern: str) -> None:
    with pytest.raises(PatternInvalid):
        check_pattern(pattern)
