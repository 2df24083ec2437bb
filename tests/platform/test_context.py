import pytest

from lyceum.platform import context

ID, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{ID}-{PARENT}-01"


def test_the_trace_of_the_caller_is_kept() -> None:
    assert context.trace_of(VALID.encode()) == VALID
    assert context.id_of(VALID) == ID


def test_one_of_a_later_version_is_read_by_its_first_parts() -> None:
    assert context.trace_of(f"cc-{ID}-{PARENT}-00-more".encode()) == f"00-{ID}-{PARENT}-00"


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"nonsense",
        VALID.upper().encode(),
        f"00-{ID}-{PARENT}-01-more".encode(),
        f"ff-{ID}-{PARENT}-01".encode(),
        f"00-{'0' * 32}-{PARENT}-01".encode(),
        f"00-{ID}-{'0' * 16}-01".encode(),
        f"00-{ID}-{PARENT}-01\n".encode(),
        b"\xff" * 55,
        f"cc-{ID}-{PARENT}-01-{'x' * 600}".encode(),
    ],
)
def test_without_a_valid_one_there_is_a_new_one(header: bytes | None) -> None:
    made = context.trace_of(header)
    assert made not in {VALID, context.trace_of(header)}
    assert context.trace_of(made.encode()) == made


def test_who_knows_of_none_tells_none() -> None:
    context.set_request_id("")
    assert context.told() == {}
    context.enter("request-1", VALID, "192.0.2.7")
    assert context.told() == {"request_id": "request-1", "trace_id": ID}
    context.set_request_id("request-2")
    assert context.current() == ("request-2", None, None)
