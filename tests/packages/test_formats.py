"""A package is recognised, read and gone."""

from pathlib import Path

import pytest

from lyceum.packages.adapters import archive, faults, formats
from tests.packages import archives, exports, olx_trees

COURSE = {
    "course.xml": '<course url_name="r" display_name="T"><chapter url_name="c">'
    '<html url_name="h">x</html></chapter></course>'
}


@pytest.mark.parametrize("root", ["", "any name/", "two/deep/"])
def test_a_course_is_recognised_wherever_it_is(tmp_path: Path, root: str) -> None:
    files = {f"{root}{path}": content for path, content in COURSE.items()}
    olx_trees.write_files(tmp_path, {**files, "__MACOSX/._course.xml": "\0"})
    assert formats.detect_format(tmp_path) == "olx"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"library.xml": "<library/>"},
        {"course.xml": "<library/>"},
        {"course.xml.txt": "<course/>"},
    ],
)
def test_other_formats_are_told_what_is_read(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(faults.UnknownFormat) as caught:
        formats.detect_format(olx_trees.write_files(tmp_path, files))
    assert caught.value.code == "unknown-format"
    assert len(caught.value.supported) == len(formats.READERS)
    assert "Open edX" in caught.value.detail


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_package_is_read_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    members = [(path, content.encode()) for path, content in COURSE.items()]
    make = archives.tar_of if kind == "tar" else archives.zip_of
    path = archives.write(tmp_path / "package", make(*members))
    told: list[float] = []
    course, report = exports.read(path, told.append)
    assert course.title == "T"
    assert report.format == "olx"
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"nothing", "not-an-archive"),
        (archives.zip_of(("readme.txt", b"x")), "unknown-format"),
        (archives.zip_of(("course.xml", b"<course")), "xml-malformed"),
        (archives.zip_of(("../course.xml", b"<course/>")), "unsafe-archive"),
        (
            archives.zip_of(("course.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><course/>')),
            "xml-entities",
        ),
    ],
)
def test_bad_packages_are_faults(tmp_path: Path, content: bytes, code: str) -> None:
    path = archives.write(tmp_path / "package", content)
    with pytest.raises(faults.PackageFault) as caught:
        exports.read(path, lambda share: None)
    assert caught.value.code == code


def test_limits_are_the_callers(tmp_path: Path) -> None:
    members = [(path, content.encode()) for path, content in COURSE.items()]
    path = archives.write(tmp_path / "package", archives.zip_of(*members, ("b", b"x")))
    limits = archive.ArchiveLimits(members=1)
    with pytest.raises(faults.ArchiveTooLarge):
        exports.read(path, lambda share: None, limits=limits)
