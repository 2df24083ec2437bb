from datetime import timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.platform import links

HOUR = timedelta(hours=1)
signer = links.LinkSigner(b"k" * 32, base="/files/")


def parts(link: str) -> tuple[str, str, dict[str, str]]:
    """Return purpose, key and query as a route would hand them over."""
    split = urlsplit(link)
    _, _, purpose, key = unquote(split.path).split("/", 3)
    return purpose, key, dict(parse_qsl(split.query, keep_blank_values=True))


@given(
    st.from_regex(r"[a-z0-9 %&?=ü#]{1,20}(/[a-z0-9+]{1,9})?", fullmatch=True),
    st.none() | st.text(st.characters(exclude_categories=["Cs"])),
)
def test_link_leads_back_to_what_was_signed(key: str, name: str | None) -> None:
    purpose, found, query = parts(signer.sign(key, "lecture", HOUR, name))
    link = signer.verify("GET", purpose, found, query)
    assert (link.key, link.purpose, link.download_name) == (key, "lecture", name)
    assert signer.verify("HEAD", purpose, found, query) == link


def test_nothing_of_a_link_can_be_changed() -> None:
    purpose, key, query = parts(signer.sign("a/b.pdf", "certificate", HOUR, "My certificate.pdf"))
    wrong = [
        ("PUT", purpose, key, query),
        ("DELETE", purpose, key, query),
        ("GET", "export", key, query),
        ("GET", purpose, "a/c.pdf", query),
        ("GET", purpose, key, query | {"expires": str(int(query["expires"]) + 1)}),
        ("GET", purpose, key, query | {"expires": "9" * 40}),
        ("GET", purpose, key, query | {"expires": "\uff11\uff12"}),
        ("GET", purpose, key, query | {"name": "evil.html"}),
        ("GET", purpose, key, query | {"name": "\ud800"}),
        ("GET", purpose, key, query | {"signature": "ü"}),
        ("GET", purpose, key, query | {"signature": query["signature"][:-1]}),
        ("GET", purpose, key, {"expires": query["expires"], "signature": query["signature"]}),
        ("GET", purpose, key, {}),
    ]
    for case in wrong:
        with pytest.raises(links.LinkRefused):
            signer.verify(*case)
    with pytest.raises(links.LinkRefused):
        links.LinkSigner(b"x" * 32).verify("GET", purpose, key, query)


def test_link_to_upload_is_not_one_to_download() -> None:
    purpose, key, query = parts(signer.sign("a", "upload", HOUR, method="PUT"))
    assert signer.verify("PUT", purpose, key, query).method == "PUT"
    with pytest.raises(links.LinkRefused):
        signer.verify("GET", purpose, key, query)


def test_link_past_its_time_is_refused() -> None:
    purpose, key, query = parts(signer.sign("a", "lecture", timedelta(microseconds=1)))
    with pytest.raises(links.LinkRefused, match="expired"):
        signer.verify("GET", purpose, key, query)


@pytest.mark.parametrize("lasting", [timedelta(0), timedelta(days=-1), timedelta(days=8)])
def test_link_that_lasts_too_long_or_not_at_all_is_not_made(lasting: timedelta) -> None:
    with pytest.raises(ValueError, match="7 days"):
        signer.sign("a", "lecture", lasting)


def test_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        links.LinkSigner(b"secret")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("notes.pdf", 'attachment; filename="notes.pdf"'),
        ('a";x=".html', "attachment; filename=\"a_x_.html\"; filename*=UTF-8''a%3Bx%3D.html"),
        ("../../etc/passwd", 'attachment; filename="etcpasswd"'),
        ("Üb.pdf", "attachment; filename=\"_b.pdf\"; filename*=UTF-8''%C3%9Cb.pdf"),
        ("g.\u202eexe\r\ny:", "attachment; filename=\"g.exey_\"; filename*=UTF-8''g.exey%3A"),
        ("..", 'attachment; filename="download"'),
        ("x" * 300, f'attachment; filename="{"x" * 150}"'),
    ],
)  # fmt: skip
def test_download_name_is_safe_in_a_header(name: str, header: str) -> None:
    assert links.attachment(name) == header
