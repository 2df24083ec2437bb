"""The certificate as a PDF and as a page: same bytes, text never code, the QR code, escaping."""

import hashlib
import io
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pypdf
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from lyceum.courses.adapters import certificate_pdf
from lyceum.courses.adapters.certificate_pdf import CertificateFacts

CODE = "0123456789abcdef0123456789abcdef"
FACTS = CertificateFacts(
    learner_name="Amélie Fontaine-Okonkwo",
    course_title="Foundations of Statistical Thinking",
    academy_name="Lyceum Demo Academy",
    instructor_names=("Dr. Marta Kowalczyk",),
    issued_on=date(2026, 3, 14),
    code=CODE,
    verify_url=f"https://academy.example/certificates/{CODE}",
)
HOSTILE = (
    "#panic()",
    "$x$ $ sum_(k=0)^n k $",
    r"\n \ \u{41} \#",
    '#import "/etc/passwd"',
    '"); #read("certificate.typ"); ("',
    "#sys.inputs #datetime.today()",
    "= Heading *bold* _it_ `raw` <label> @ref // no /* no */ ~ -- ---",
    "[unclosed {unclosed (unclosed",
    "${learner} $$ $code %s {0}",
    "<script>alert(1)</script> &amp; \"quoted\" 'too'",
)


def facts(**changed: object) -> CertificateFacts:
    return msgspec.structs.replace(FACTS, **changed)


def read(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf), strict=True)


def text_of(pdf: bytes) -> str:
    """The text of the only page: lines joined, the breaks inside over-long words removed."""
    (page,) = read(pdf).pages
    return " ".join(page.extract_text().replace("\u200b", "").split())


class TestDocument:
    def test_says_every_fact_on_one_landscape_a4_page(self) -> None:
        reader = read(certificate_pdf.render_certificate(FACTS))
        (page,) = reader.pages
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (842, 595)
        said = text_of(certificate_pdf.render_certificate(FACTS))
        for text in (
            "Certificate of Completion",
            FACTS.learner_name,
            FACTS.course_title,
            FACTS.academy_name,
            "Dr. Marta Kowalczyk Instructor",
            "14 March 2026 Issued on",
            FACTS.code,
            FACTS.verify_url,
        ):
            assert text in said

    def test_describes_itself_with_the_date_of_the_facts(self) -> None:
        metadata = read(certificate_pdf.render_certificate(FACTS)).metadata
        assert metadata is not None
        assert metadata.title == "Certificate of completion: Foundations of Statistical Thinking"
        assert metadata.author == FACTS.academy_name
        assert metadata.keywords == CODE
        dates = (metadata.creation_date, metadata.modification_date)
        assert [when.date() for when in dates if when] == [FACTS.issued_on] * 2

    def test_is_archival_accessible_and_carries_its_fonts(self) -> None:
        pdf = certificate_pdf.render_certificate(FACTS)
        for claim in (b"pdfaid:part>2<", b"pdfaid:conformance>A<", b"pdfuaid:part>1<"):
            assert claim in pdf
        root = read(pdf).root_object
        assert str(root["/Lang"]) == "en"
        assert "/StructTreeRoot" in root
        assert pdf.count(b"/FontFile") >= 3

    def test_links_to_the_verification_page(self) -> None:
        (page,) = read(certificate_pdf.render_certificate(FACTS)).pages
        assert page.annotations is not None
        (link,) = (note.get_object() for note in page.annotations)
        assert isinstance(link, pypdf.generic.DictionaryObject)
        action = link["/A"]
        assert isinstance(action, pypdf.generic.DictionaryObject)
        assert str(action["/URI"]) == FACTS.verify_url

    def test_names_the_academy_where_there_is_no_instructor(self) -> None:
        said = text_of(certificate_pdf.render_certificate(facts(instructor_names=())))
        assert "Lyceum Demo Academy Issued by" in said
        assert "Instructor" not in said

    def test_names_three_instructors_and_counts_more(self) -> None:
        three = facts(instructor_names=("Ann", "Bo", "Cy"))
        assert "Ann Bo Cy Instructors" in text_of(certificate_pdf.render_certificate(three))
        five = facts(instructor_names=("Ann", "Bo", "Cy", "Di", "Ed"))
        assert "Ann Bo and 3 others" in text_of(certificate_pdf.render_certificate(five))

    @pytest.mark.parametrize(
        "url",
        [FACTS.verify_url, f"http://127.0.0.1:3000/api/v1/certificates/{CODE}?lang=en&x=%20"],
    )
    def test_draws_the_qr_code_of_the_verification_address(self, url: str) -> None:
        (page,) = read(certificate_pdf.render_certificate(facts(verify_url=url))).pages
        drawing = page.get_contents()
        assert drawing is not None
        # One stroke a run of dark modules: "x y.5 m x2 y.5 l", the quiet zone four modules wide.
        runs = re.findall(rb"\b(\d+) (\d+)\.5 m (\d+) \2\.5 l", drawing.get_data())
        dark = {
            (int(row) - 4, column - 4)
            for first, row, end in runs
            for column in range(int(first), int(end))
        }
        expected = {
            (row, column)
            for row, modules in enumerate(segno.make_qr(url, error="m").matrix)
            for column, module in enumerate(modules)
            if module
        }
        assert dark == expected


class TestSameBytes:
    def test_the_same_facts_give_the_same_bytes_from_any_thread(self) -> None:
        wide = facts(learner_name="अनिल Юлія 王小明 محمد", instructor_names=("สมชาย", "김민수"))
        with ThreadPoolExecutor(4) as threads:
            files = set(threads.map(certificate_pdf.render_certificate, [wide] * 12))
        assert len(files) == 1

    def test_another_process_in_another_place_and_time_zone_makes_the_same_bytes(
        self, tmp_path: Path
    ) -> None:
        program = (
            "import hashlib, sys, msgspec\n"
            "from lyceum.courses.adapters import certificate_pdf as c\n"
            "facts = msgspec.json.decode(sys.stdin.buffer.read(), type=c.CertificateFacts)\n"
            "print(hashlib.sha256(c.render_certificate(facts)).hexdigest())\n"
        )
        source = Path(certificate_pdf.__file__).parents[3]
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=msgspec.json.encode(FACTS),
            capture_output=True,
            check=True,
            cwd=tmp_path,
            env={
                "PYTHONPATH": os.pathsep.join([str(source), *sys.path]),
                "TZ": "Pacific/Kiritimati",
                "LC_ALL": "C",
                "PYTHONHASHSEED": "7",
                "SOURCE_DATE_EPOCH": "1",
            },
        )
        expected = hashlib.sha256(certificate_pdf.render_certificate(FACTS)).hexdigest()
        assert done.stdout.decode().strip() == expected

    def test_other_facts_give_other_bytes(self) -> None:
        changes: list[dict[str, object]] = [
            {},
            {"learner_name": "Someone Else"},
            {"issued_on": date(2026, 3, 15)},
            {"code": "f" * 32},
            {"accent": "#7a1f3d"},
        ]
        files = {certificate_pdf.render_certificate(facts(**change)) for change in changes}
        assert len(files) == len(changes)


class TestStrangersText:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_is_printed_and_never_run(self, text: str) -> None:
        pdf = certificate_pdf.render_certificate(
            facts(
                learner_name=text,
                course_title=text,
                academy_name=text,
                instructor_names=(text,),
            )
        )
        # Lines may break at a space or, in a line of code, after a slash or a bracket.
        squeezed = text_of(pdf).replace(" ", "")
        assert squeezed.count(text.replace(" ", "")) == 4

    @pytest.mark.parametrize("text", ["W" * 300, "Maria de los Ángeles " * 14, "王" * 300])
    def test_of_300_characters_fits_the_page(self, text: str) -> None:
        pdf = certificate_pdf.render_certificate(facts(learner_name=text, course_title=text))
        assert text_of(pdf).replace(" ", "").count(text.replace(" ", "")) == 2

    @pytest.mark.parametrize(
        ("given_name", "printed"),
        [
            ("Zoë 🎓👩🏽\u200d💻 Lee ⚡️", "Zoë Lee"),
            ("Ana\n\tLuz\x00\x1b\u2028Paz", "Ana Luz Paz"),
            ("\u202eevil\u202c \u2067x\u2069 \ud800y", "evil x y"),
            ("e\u0301te\u0301", "été"),
        ],
    )
    def test_is_one_clean_line(self, given_name: str, printed: str) -> None:
        pdf = certificate_pdf.render_certificate(facts(learner_name=given_name))
        assert f"certifies that {printed} has successfully" in text_of(pdf)
        assert b"pdfaid" in pdf

    @pytest.mark.parametrize(
        "name",
        [
            "Łukasz Đặng Nguyễn",
            "Ελένη Παπαδοπούλου",
            "Юлія Щербина",
            "Արամ Խաչատրյան",
            "ნინო გიორგაძე",
            "דוד כהן",
            "محمد علي الرشيد",
            "ڈاکٹر ثناء خان ے",
            "अनिल क्षत्रिय",
            "রবীন্দ্রনাথ",
            "தமிழ்",
            "తెలుగు",
            "ಕನ್ನಡ",
            "മലയാളം",
            "ગુજરાતી",
            "ਪੰਜਾਬੀ",
            "ଓଡ଼ିଆ",
            "සිංහල",
            "สมชาย ใจดี",
            "ລາວ",
            "ភាសាខ្មែរ",
            "မြန်မာ",
            "አበበ ቢቂላ",
            "王小明",
            "陳臺灣",
            "山田 たろう カタカナ",
            "김민수",
        ],
    )
    def test_in_these_scripts_has_a_face(self, name: str) -> None:
        # PDF/A refuses a character without a glyph, so this claim says that all were drawn.
        assert b"pdfaid" in certificate_pdf.render_certificate(facts(learner_name=name))

    @pytest.mark.parametrize("name", ["བོད་ཡིག Tenzin", "🎓", "𠮷野"])
    def test_without_a_face_still_gives_a_certificate_and_a_warning(
        self, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        pdf = certificate_pdf.render_certificate(facts(learner_name=name))
        assert len(read(pdf).pages) == 1
        assert b"pdfaid" not in pdf
        assert CODE in caplog.text

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=20), max_size=5))
    def test_of_any_kind_gives_one_page(
        self, name: str, title: str, instructors: list[str]
    ) -> None:
        strange = facts(learner_name=name, course_title=title, instructor_names=tuple(instructors))
        assert len(read(certificate_pdf.render_certificate(strange)).pages) == 1
        assert page_of(strange, revoked=False).text


class TestFacts:
    @pytest.mark.parametrize(
        "change",
        [
            {"code": "0" * 31},
            {"code": "G" * 32},
            {"verify_url": "javascript:alert(1)"},
            {"verify_url": "https://a.example/ x"},
            {"verify_url": "https://a.example/" + "x" * 300},
            {"accent": "red; } body { display: none"},
        ],
    )
    def test_that_make_no_certificate_are_refused(self, change: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"code|verify_url|accent"):
            facts(**change)

    @pytest.mark.parametrize("accent", ["#ffffff", "#ffcc00", "#00ff88", "#000000", "#1D4F73"])
    def test_of_any_colour_stay_legible(self, accent: str) -> None:
        page = certificate_pdf.verification_html(facts(accent=accent), revoked=False)
        used = re.search(r"--accent: #([0-9a-f]{6});", page)
        assert used
        assert contrast_with_white(used[1]) >= 4.5
        assert certificate_pdf.render_certificate(facts(accent=accent)).startswith(b"%PDF-1.7")


class TestPage:
    def test_says_every_fact_and_that_it_holds(self) -> None:
        page = page_of(facts(instructor_names=("Ann Lee", "Bo Chen")), revoked=False)
        assert "This certificate is valid" in page.text
        assert "revoked" not in page.text
        for text in (
            FACTS.learner_name,
            FACTS.course_title,
            FACTS.academy_name,
            "Instructors Ann Lee , Bo Chen",
            "14 March 2026",
            CODE,
            FACTS.verify_url,
        ):
            assert text in page.text

    def test_says_first_of_all_that_it_is_revoked(self) -> None:
        page = page_of(FACTS, revoked=True)
        assert page.text.startswith("This certificate has been revoked")
        assert "is valid" not in page.text

    @pytest.mark.parametrize("text", HOSTILE)
    def test_shows_strangers_text_as_text(self, text: str) -> None:
        strange = facts(
            learner_name=text, course_title=text, academy_name=text, instructor_names=(text,)
        )
        page = page_of(strange, revoked=False)
        assert page.text.count(" ".join(text.split())) == 6  # name and course are in the title too
        assert page.elements == page_of(FACTS, revoked=False).elements

    def test_needs_nothing_that_its_content_security_policy_forbids(self) -> None:
        page = page_of(FACTS, revoked=False)
        names = [name for name, _ in page.elements]
        assert not {"script", "img", "iframe", "form", "base", "object"} & set(names)
        fetched = [attributes["href"] for name, attributes in page.attributed if name == "link"]
        assert fetched == ["data:,"]
        style = page.source.split("<style>")[1].split("</style>")[0]
        assert "url(" not in style
        assert "@import" not in style
        assert not any(key.startswith("on") for _, keys in page.elements for key in keys)

    def test_is_readable_by_machines_that_read_aloud(self) -> None:
        page = page_of(FACTS, revoked=False)
        assert page.source.startswith('<!doctype html>\n<html lang="en">')
        names = [name for name, _ in page.elements]
        assert (names.count("h1"), names.count("main"), names.count("title")) == (1, 1, 1)
        assert names.count("dt") == names.count("dd") == 5


class Page(HTMLParser):
    """What a browser would make of the page: its elements and its visible text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.attributed: list[tuple[str, dict[str, str | None]]] = []
        self._heard: list[str] = []
        self._in_style = False
        self.feed(source)
        self.text = " ".join(" ".join(self._heard).split())
        self.elements = [(name, sorted(attributes)) for name, attributes in self.attributed]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributed.append((tag, dict(attrs)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if not self._in_style:
            self._heard.append(data)


def page_of(of: CertificateFacts, *, revoked: bool) -> Page:
    return Page(certificate_pdf.verification_html(of, revoked))


def contrast_with_white(colour: str) -> float:
    """WCAG 2.2 contrast ratio of `rrggbb` on white."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
