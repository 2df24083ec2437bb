"""XML that must not be expanded, fetched or believed."""

import socket
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.packages.adapters import faults, xml

LAUGHS = '<!DOCTYPE a [<!ENTITY l0 "ha">{}]><a>&l9;</a>'.format(
    "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
)
HOSTILE = [
    LAUGHS,
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]><a b="&x;"/>',
    '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><a/>',
    '<?xml version="1.0"?><!-- a --><?b c?>\n<!DOCTYPE a [\n<!ENTITY x "y">]><a/>',
    "<!-- " + "->" * 1000 + '--><!DOCTYPE a [<!ENTITY x "y">]><a/>',
]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection fails the test."""

    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("the parser opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("document", HOSTILE)
def test_entities_are_refused(document: str, encoding: str) -> None:
    with pytest.raises(faults.XmlEntities) as caught:
        xml.parse_xml(document.encode(encoding), "course/bad.xml")
    assert caught.value.code == "xml-entities"
    assert "course/bad.xml" in caught.value.detail


@pytest.mark.parametrize(
    "name", ["utf-7", "utf-32", "ebcdic-cp-us", "cp037", "hz", "rot13", "none"]
)
def test_encodings_that_could_hide_something(name: str) -> None:
    with pytest.raises(faults.XmlMalformed):
        xml.parse_xml(f'<?xml version="1.0" encoding="{name}"?><a/>'.encode(), "a.xml")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("<a>é</a>".encode(), "é"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'.encode("latin-1"), "é"),
        ('<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode("utf-16"), "é"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a>x</a>', "x"),
        (b'<!DOCTYPE html PUBLIC "-//W3C//DTD" "file:///etc/passwd"><a>x</a>', "x"),
        (b"<!DOCTYPE a><a>x</a>", "x"),
        (b"<a>1&nbsp;&lt;&eacute;&amp;eacute;</a>", "1\xa0<é&eacute;"),
        (b"<a><![CDATA[<b>]]></a>", "<b>"),
        (b"<a>x<!-- c -->y<?p q?>z</a>", "xyz"),
    ],
)
def test_honest_documents(document: bytes, text: str) -> None:
    assert xml.parse_xml(document, "a.xml").text == text


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"   ",
        b"text",
        b"<a>",
        b"<a></b>",
        b"<a>&unknown;</a>",
        b'<!DOCTYPE a SYSTEM "a.dtd"><a>&unknown;</a>',
        b"<a>\xff</a>",
        b"<a>\x00</a>",
        b"<a b='1' b='2'/>",
        b"<a>" * 300 + b"</a>" * 300,
        b"<a>" + b"<b/>" * 200_000 + b"</a>",
        b"<a " + b" ".join(b'a%d=""' % at for at in range(210_000)) + b"/>",
        b"<a>" + b" " * xml.MAX_DOCUMENT_BYTES + b"</a>",
        b"<!DOCTYPE a [<!ELEMENT a ANY>]><a/>",
        b'<!DOCTYPE a "' + b"'" * 1000 + b"<a/>",
        b"<!--",
        b"<?",
        b"<?xml version='1.0'",
    ],
    ids=lambda document: repr(document[:20]),
)
def test_broken_documents(document: bytes) -> None:
    with pytest.raises(faults.XmlMalformed) as caught:
        xml.parse_xml(document, "a.xml")
    assert caught.value.code == "xml-malformed"
    assert len(caught.value.detail) < 500


@given(
    st.binary(max_size=300) | st.text("<>&;!-[]?%\"'=/ aENTITYDOCP", max_size=200).map(str.encode)
)
def test_anything_else_is_a_tree_or_a_fault(document: bytes) -> None:
    try:
        root = xml.parse_xml(document, "a.xml")
    except (faults.XmlMalformed, faults.XmlEntities):
        return
    assert all(isinstance(element.tag, str) for element in root.iter())


@pytest.mark.parametrize(
    ("html", "is_seen"),
    [
        ("", False),
        (" \n<p>&nbsp;</p>", False),
        ("<script>x</script><style>y</style><link href='z'>", False),
        ("<!-- only a comment -->", False),
        ("<div><br></div>", False),
        ("words", True),
        ("<script>x</script> and words", True),
        ("<p><img src='x'></p>", True),
        ("<iframe src='x'></iframe>", True),
        ("<p>\ud800</p>", True),
    ],
)
def test_what_a_reader_would_see(html: str, is_seen: bool) -> None:
    assert xml.shows_something(html) is is_seen


def test_inner_html_keeps_markup_and_text() -> None:
    root = xml.parse_xml(b"<html>a <b>c</b> d<br/>e<![CDATA[<i>f</i>]]></html>", "a.xml")
    assert xml.inner_html(root).startswith("a <b>c</b> d<br>e")
