"""Rich text is safe to show once it is cleaned, and hostile markup costs little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.platform import errors
from lyceum.platform.richtext import clean_html, clean_text

MARKUP = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<b>", "</b>", "<script>", "</script>", "<a href='javascript:x'>", "</a>",
         "<img src=x onerror=y>", "<svg>", "<style>", "<!--", "-->", "&lt;", "a", " ", "<", ">",
         "<table>", "<td>", "\x00", "\u2028", '"', "'", "<math><mtext>", "<template>"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<p onclick=x>Hi <b>you</b><script>alert(1)</script></p>", "<p>Hi <b>you</b></p>"),
        ('<a href="javascript:x()">x</a>', '<a rel="noopener noreferrer nofollow">x</a>'),
        ("<img src=x.png onerror=y>", '<img src="x.png">'),
        ('<img src="data:image/svg+xml,x">', ""),
        ('<code class="language-python evil">x</code>', "<code>x</code>"),
        ('<code class="language-c++">x</code>', '<code class="language-c++">x</code>'),
        ('<div style="position:fixed" id="root">x</div>', "<div>x</div>"),
        ("<iframe src=https://example.org></iframe>", ""),
        ("<p>&nbsp;</p><!-- nothing -->", ""),
        ("a < b & c", "a &lt; b &amp; c"),
    ],
)
def test_only_harmless_markup_stays(text: str, cleaned: str) -> None:
    assert clean_html(text) == cleaned


@given(MARKUP | st.text(max_size=200))
def test_cleaning_again_changes_nothing(text: str) -> None:
    once = clean_html(text)
    assert clean_html(once) == once
    lowered = once.lower()
    assert not [
        bad for bad in ("<script", "<style", "onerror=y>", "<svg", "\x00") if bad in lowered
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 20_000,
        "".join(f"<b x={n}>" for n in range(5000)),
        "<div><!--</div>-->" * 5000,
        '<div title="></div>">' * 5000,
        "<div></span>" * 5000,
        "<div><table></div>" * 5000,
    ],
)
def test_markup_that_would_take_long_to_read_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidInput):
        clean_html(text)


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("<!-- <div> --><p>a</p>", "<p>a</p>"),
        ("<script>if (a<b) '<div>'</script><p>a</p>", "<p>a</p>"),
        ("<style>p > a {}</style><p>a</p>", "<p>a</p>"),
        ("<svg><path d='M0 0'/></svg><p>a</p>", "<p>a</p>"),
        ('<p title="1 > 0" onclick=x>a</p>', '<p title="1 &gt; 0">a</p>'),
        ("<p class=a b='c'd>a</p>", "<p>a</p>"),
        ("<p>1 < 2</p>", "<p>1 &lt; 2</p>"),
        ("<td>x<br>", "x<br>"),
        ("<![CDATA[x]]><p>a</p>", "<p>a</p>"),
    ],
)
def test_long_markup_is_cleaned_like_short(part: str, shown: str) -> None:
    short = clean_html(part)
    assert short == shown
    assert clean_html(part * 600).count(shown) == 600


def test_misnested_links_are_read_once_for_all() -> None:
    link = "<a href='javascript:x'>"
    once = clean_html(f"{link}<table>{link}" + "<i>x</i>" * 501)
    assert clean_html(once) == once


@given(
    st.lists(MARKUP, min_size=1, max_size=6).map(lambda parts: "".join(parts) + "<i>x</i>" * 501)
)
def test_long_markup_is_as_harmless(text: str) -> None:
    once = clean_html(text)
    assert clean_html(once) == once
    assert not [bad for bad in ("<script", "<style", "<svg", "javascript:") if bad in once.lower()]


def test_long_flat_markup_is_taken() -> None:
    row = "<tr><td>1</td><td><a href='https://example.org/?a=b&amp;c'>two</a></td></tr>"
    cleaned = clean_html(f"<table>{row * 2000}</table>")
    assert cleaned.count("<tr>") == 2000


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Two\n\tlines ", "Two lines"),
        ("e\u0301t\u00e9", "\u00e9t\u00e9"),
        ("a\x00b\x1b[31m", "a b [31m"),
        ("x<y & z", "x<y & z"),
        ("\ufeff\u2028", ""),
    ],
)
def test_plain_text_is_one_printable_line(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned
    assert clean_text(cleaned) == cleaned
