"""How instants are written."""

from datetime import UTC, datetime

from lyceum.platform import clock


def test_a_millisecond_is_written_as_its_instant() -> None:
    for instant in (0, 999, 1000, 1_795_712_244_005, 1_795_712_243_999, 1_795_712_244_050):
        moment = datetime.fromtimestamp(instant / 1000, UTC)
        assert clock.text_of(instant) == clock.rfc3339(moment)
    assert clock.text_of(1_795_712_244_005).endswith(":24.005Z")
