from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.platform import redaction

VISA, AMEX, MASTER, MAESTRO = (
    "4111111111111111",
    "378282246310005",
    "5555 5555 5555 4444",
    "6759649826438453",
)
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dGhpcyBpcyBhIHNpZ25hdHVyZQ"
OPAQUE = "Zk3vQ9-pLx8_Wm2Rt6Yb1Nc4Hd7Jf0Gs5Ka_Eu-TiOo"

SECRETS = [
    # cards
    (f"paid with {VISA} today", VISA),
    ("4111 1111 1111 1111", "1111 1111"),
    ("4111-1111-1111-1111 12/27 cvc", "1111-1111"),
    (f"amex {AMEX}.", AMEX),
    (f"12 {MASTER} 2026", "5555"),
    (f"card:{MAESTRO},", MAESTRO),
    (f"name=Anna+{VISA}", VISA),
    (f"/search/%20{VISA}%20", VISA),
    ("4111%201111%201111%201111", "1111"),
    ("4111\u00a01111\u00a01111\u00a01111", "1111"),
    (f"\n{VISA}\n", VISA),
    # bank accounts and social security
    ("to GB82 WEST 1234 5698 7654 32 please", "WEST"),
    ("DE89370400440532013000", "3704004405"),
    ("de89 3704 0044 0532 0130 00 paid 1234", "3704"),
    ("NO9386011117947", "86011117947"),
    ("ssn 078-05-1120!", "078-05"),
    # tokens
    (f"Authorization: Bearer {JWT}", "eyJ"),
    (f"authorization=Basic dXNlcjpwYXNz, {VISA}", "dXNlcjpwYXNz"),
    (f"got {JWT} from", "dGhpcyB"),
    (f"cut {JWT[:60]}", "eyJhbGci"),
    ("bearer abcdefghijkl", "abcdefghijkl"),
    (f"refresh {OPAQUE}", OPAQUE[:20]),
    ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "c2FsdA"),
    ("-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n", "MIGHAgEA"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIGHAgEA cut off", "MIGHAgEA"),
    # by the name beside it
    ("password=hunter2&x=1", "hunter2"),
    ("password: hunter2", "hunter2"),
    ('{"password": "hunter2 with spaces", "a": 1}', "hunter2"),
    ("{'newPassword': 'hunter2 with spaces'}", "with spaces"),
    (r'body "{\"password\":\"hunter2\"}"', "hunter2"),
    ("Struct(email=None, password='hunter2')", "hunter2"),
    ("id22 users password=hunter2", "hunter2"),
    ("DB_PASSWORD=hunter2", "hunter2"),
    ("X-Api-Key: abc123def", "abc123def"),
    ("client_secret => s3cr3t", "s3cr3t"),
    ("/reset?token=abc-def&next=/", "abc-def"),
    ("/reset%3Ftoken=abc-def", "abc-def"),
    ("X-Amz-Signature=0badcafe", "0badcafe"),
    ("Cookie: session=abc; theme=dark", "abc"),
    ("'set-cookie': 'sid=abc; HttpOnly'", "sid=abc"),
    ("your code is 123456", "123456"),
    ("otp=1234", "1234"),
    ("code: 12345678", "12345678"),
    ("postgres://lyceum:s3cr3t@db:5432/x", "s3cr3t"),
    ("redis://:s3cr3t@cache/0", "s3cr3t"),
    # addresses
    ("Key (email)=(anna.smith@example.org) already exists", "anna.smith"),
    ("/users/anna.smith%40example.org/x", "anna.smith"),
    ("/users/%20anna.smith@example.org", "anna.smith"),
]

HARMLESS = [
    "",
    "GET /api/v1/courses/0189a5d0-ac96-774b-bcce-b302099a8057 200 in 1.234 ms",
    "0189a5d0-ac96-7747-8123-302099880578",
    "45674567-1234-4123-8123-302099880578",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "at 2026-11-20T17:41:38.123456Z, 1763660498123 ms, 1763660498123456789 ns",
    "took 3.912345678901234 s",
    "order 4111111111111112",  # not a card by Luhn
    "phone +49 30 901820",
    "the password must have 12 characters",
    "secretary of the board, tokenised text, a cookie recipe",
    "status code 404, error code=2001, exit code: 1",
    "introduction-to-the-theory-of-everything-and-nothing-at-all",
    "https://example.org/a?b=c#d",
    "GB82 WEST 1234 5698 7654 33",  # not right by mod 97
    "10.0.0.1, fe80::1",
    "tests/platform/test_redaction.py:12",
    "a@b",
    "50 % of 1234567890123",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_what_looks_like_a_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redaction.redact_text(text)
    assert secret not in redaction.clean_traceback(f'  File "x.py"\nValueError: {text}')


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text: str) -> None:
    assert redaction.redact_text(text) == text


def test_what_was_there_is_said() -> None:
    text = (
        f"{VISA}, GB82WEST12345698765432, anna@example.org, 078-05-1120, password=x, Bearer {JWT}"
    )
    assert redaction.redact_text(text) == (
        "[card], [iban], a***@example.org, [ssn], password=[redacted], [token]"
    )


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "new_password", "newPassword", "PASSWORD_HASH", "accessToken",
     "refresh-token", "X-Api-Key", "apiKey", "Authorization", "Set-Cookie", "card", "card_number",
     "cardNumber", "cvc", "otp", "totpSecret", "pin", "iban", "ssn", "private_key", "privateKey",
     "recovery_codes", "resetCode", "mfa_code", "DSN", "csrf", "clientsecret", "idtoken"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert redaction.is_secret_name(name)
    assert redaction.clean({name: "x1"}) == {name: "[redacted]"}
    assert redaction.clean({"a": [{name: 123456}]}) == {"a": [{name: "[redacted]"}]}
    assert redaction.clean([(name, "x1")]) == [[name, "[redacted]"]]
    assert redaction.clean([(name.encode(), b"x1")]) == [[name, "[redacted]"]]


@pytest.mark.parametrize(
    "name",
    ["status_code", "country_code", "errorCode", "request_id", "session_id", "course_id", "key",
     "pinned", "is_pinned", "discarded", "company", "spinner", "author", "expires_in", "email",
     "passed", "passing_score", "path", "tokenised"],
)  # fmt: skip
def test_names_that_are_not(name: str) -> None:
    assert redaction.clean({name: "x1"}) == {name: "x1"}


def test_code_alone_is_one_time_unless_it_is_an_error() -> None:
    assert redaction.clean({"code": 2001}) == {"code": 2001}
    assert redaction.clean({"code": "123456"}) == {"code": "[redacted]"}
    assert redaction.clean({"code": 123456}) == {"code": "[redacted]"}


def test_whether_a_secret_is_there_may_be_said() -> None:
    assert redaction.clean({"has_password": True, "token": None}) == {
        "has_password": True,
        "token": None,
    }


class Card(msgspec.Struct):
    holder: str
    number: str
    password: str


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_everything_becomes_plain_json_however_nested() -> None:
    deep: Any = "bottom"
    for _ in range(20):
        deep = {"x": deep}
    value = {
        "struct": Card("Anna", VISA, "hunter2"),
        "error": ValueError(f"no {VISA}"),
        "bytes": b"card \xff " + VISA.encode(),
        "set": {VISA},
        5: (1, 2.5, int(VISA), 10**500, -(10**17)),
        "broken": Broken(),
        "deep": deep,
        "many": list(range(1000)),
        "wide": {str(number): number for number in range(1000)},
    }
    shown = msgspec.json.encode(redaction.clean(value)).decode()
    assert VISA not in shown
    assert "hunter2" not in shown
    assert "[card]" in shown
    assert "bottom" not in shown
    assert "1000 items" in shown
    assert "1000 fields" in shown
    assert len(shown) < 5000


def test_one_event_is_one_line_and_tells_no_terminal_what_to_do() -> None:
    evil = "x\n2026-11-20 admin login ok\x1b[31m\x9b2J\r\x00\u2028\u202egpj\u200b\ud800"
    cleaned = redaction.clean_text(evil)
    assert cleaned.isprintable()
    assert "\\n2026-11-20 admin login ok\\x1b[31m" in cleaned
    assert redaction.clean({evil: 1}).popitem()[0].isprintable()
    assert redaction.clean_text("Grüße, 学习 🎓") == "Grüße, 学习 🎓"


@given(st.integers(0, 5000), st.sampled_from([VISA, MASTER, JWT, OPAQUE, "GB82WEST12345698765432"]))
def test_cut_never_halves_a_secret(before: int, secret: str) -> None:
    cleaned = redaction.clean_text("x " * (before // 2) + secret + " y" * 3000)
    assert len(cleaned) <= redaction.LONGEST
    assert secret[:12] not in cleaned


@pytest.mark.parametrize("clean", [redaction.clean_text, redaction.clean_traceback])
def test_a_megabyte_is_cut(clean: Callable[[str], str]) -> None:
    for part in (
        "a",
        "1",
        "a@",
        "password=",
        "eyJ",
        '"',
        "AB12 ",
        "-----BEGIN ",
        "%20",
        "\x1b",
        "\n",
    ):
        cleaned = clean(part * (1_000_000 // len(part)))
        assert len(cleaned) <= redaction.LONGEST * 16
        assert len(cleaned.encode()) < 100_000


def test_end_of_a_traceback_is_kept() -> None:
    text = "\n".join(f'  File "{number}.py", line 1' for number in range(10_000))
    cleaned = redaction.clean_traceback(text + "\nValueError: the reason")
    assert cleaned.endswith("\nValueError: the reason")
    assert len(cleaned) <= redaction.LONGEST * 4


@given(
    st.text(st.sampled_from("abefyJ019AZ_-"), max_size=45)
    | st.sampled_from(["eyJ", "tag-eyJhbGciOi", "-----BEGIN", "078-05-1120", "a" * 39, "GB82WEST"])
)
def test_a_word_that_is_not_searched_would_have_been_left_as_it_is(word: str) -> None:
    # With something before it that is no part of it, the same word is searched.
    assert redaction.clean_text(f"¶ {word}") == f"¶ {redaction.clean_text(word)}"


@given(st.text(max_size=200))
def test_any_text_can_be_cleaned(text: str) -> None:
    assert redaction.clean_text(text).isprintable() or not text.isprintable()
    msgspec.json.encode(redaction.clean({text: [text, text.encode("utf-8", "replace")]}))
