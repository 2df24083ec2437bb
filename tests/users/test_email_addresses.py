"""The one form in which addresses are stored and compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.users.adapters.email_addresses import find_normal_form, local_part, normalise_email
from lyceum.users.errors import EmailInvalid


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Ada.Lovelace@Example.ORG", "ada.lovelace@example.org"),
        ("ada+course@example.org", "ada+course@example.org"),
        ("JOSE\u0301@example.org", "jos\u00e9@example.org"),
        ("Stra\u00dfe@example.org", "strasse@example.org"),
        ("anna@b\u00fccher.example", "anna@xn--bcher-kva.example"),
        ("anna@XN--BCHER-KVA.example", "anna@xn--bcher-kva.example"),
        ("root@localhost", "root@localhost"),
        ("o'hara!#$%&*/=?^_`{|}~@example.org", "o'hara!#$%&*/=?^_`{|}~@example.org"),
    ],
)
def test_one_form(given: str, stored: str) -> None:
    assert normalise_email(given) == stored
    assert normalise_email(stored) == stored


@pytest.mark.parametrize(
    "given",
    [
        "", "@", "ada", "ada@", "@example.org", "ada@example", "ada@@example.org",
        " ada@example.org", "ada@example.org ", "ada @example.org", "ada@exam ple.org",
        "ada\n@example.org", "ada@example.org\n", "ada\x00@example.org", "ada\u202e@example.org",
        '"ada lovelace"@example.org', "ada@[192.0.2.1]", "ada@192.0.2.1", "ada@example..org",
        ".ada@example.org", "ada.@example.org", "a..da@example.org", "ada@-example.org",
        "ada@example-.org", "ada@example.org.", "a" * 65 + "@example.org", "<ada@example.org>",
        "ada,bob@example.org", "ada@" + "a" * 64 + ".org", "ada@" + "a." * 126 + "org",
        "ada@exa\u200dmple.org", "mailto:ada@example.org", "ada@example.org?bcc=b@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(EmailInvalid) as refused:
        normalise_email(given)
    assert refused.value.status == 422
    assert find_normal_form(given) is None


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for candidate in (text, f"{text}@example.org", f"ada@{text}.org"):
        stored = find_normal_form(candidate)
        if stored is not None:
            assert find_normal_form(stored) == stored
            assert len(stored) <= 254


def test_local_part() -> None:
    assert local_part("ada@example.org") == "ada"
