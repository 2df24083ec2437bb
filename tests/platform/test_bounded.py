from lyceum.platform.bounded import Bounded


def test_first_added_goes_first_and_long_keys_are_not_kept() -> None:
    table: Bounded[int] = Bounded(2, 3)
    for number, key in enumerate((b"a", b"b", b"a", b"abcd", b"abc")):
        table.keep(key, number)
    assert dict(table) == {b"b": 1, b"abc": 4}
