"""Scripts in every text of every format, read back as a learner; and every real package, stored."""

import asyncio
from html import escape
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lyceum.packages.adapters import lyceum_archive
from lyceum.packages.records import (
    PackageAnswer,
    PackageChapter,
    PackageChoice,
    PackageCourse,
    PackageLecture,
    PackageQuestion,
)
from lyceum.platform.engines import Engines
from tests.packages import archives, backups, cartridges, exports
from tests.packages.test_import_course import (
    VECTORS,
    check_harmless,
    import_and_publish,
    texts,
    walk_through,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"
REAL = sorted(
    path for kind in ("imscc/*.imscc", "moodle/*.mbz", "openedx/*.gz") for path in SHARED.glob(kind)
)
SAFE = [vector.replace("\x0c", " ").replace("]]>", "") for vector in VECTORS]
TOPIC = '<topic><title>{0}</title><text texttype="text/html">{0} words</text></topic>'
LINK = '<webLink><title>{0}</title><url href="https://e.org/{0}"/></webLink>'
HOMEWORK = (
    '<assignment><title>{0}</title><text texttype="text/html">{0} words</text>'
    '<attachments><attachment href="{0}"/></attachments></assignment>'
)


def evil_cartridge(run: str) -> bytes:
    """A cartridge with a chapter for each vector, which stands wherever an author may write."""
    files, resources, items = {}, [], []
    for at, vector in enumerate(SAFE):
        said = escape(vector)
        question = cartridges.item(
            "cc.multiple_choice.v0p1",
            cartridges.words(f"{vector} <b>Q</b>")
            + cartridges.choices({"a": f"a {vector}", "b": f"b {vector}"}),
            cartridges.right(cartridges.equal("a")),
        )
        said_to_all = f"<itemfeedback ident='general_fb'>{cartridges.words(vector)}</itemfeedback>"
        question = question.replace("</item>", f"{said_to_all}</item>")
        kinds = {
            "webcontent": ("html", f"<html><title>{vector}</title><body><p>words</p>{vector}"),
            "imsdt_xmlv1p3": ("xml", TOPIC.format(said)),
            "imswl_xmlv1p3": ("xml", LINK.format(said)),
            "assignment_xmlv1p0": ("xml", HOMEWORK.format(said)),
            "imsqti_xmlv1p2/imscc_xmlv1p3/assessment": ("xml", cartridges.qti(question)),
        }
        inside = []
        for number, (kind, (ending, content)) in enumerate(kinds.items()):
            name = f"r{at}_{number}"
            files[f"{name}.{ending}"] = content
            resources.append(cartridges.resource(name, kind, f"{name}.{ending}"))
            inside.append(cartridges.entry(f"i{name}", vector, to=name))
        items.append(cartridges.module(*inside, title=vector).replace(f"m-{vector}", f"m{at}"))
    files["imsmanifest.xml"] = cartridges.manifest(
        "".join(resources), "".join(items), identifier=run, title=f"Course {SAFE[0]}",
        metadata=f"<lomimscc:description><lomimscc:string>{escape(''.join(SAFE[:9]))} A course of "
        "words</lomimscc:string></lomimscc:description>",
    )  # fmt: skip
    return cartridges.zipped(files)


def evil_backup(run: str) -> bytes:
    """A backup with a section for each vector."""
    backup = backups.Backup()
    questions = []
    for at, vector in enumerate(SAFE, 1):
        text = backups.text
        backup.section(str(at), vector, f"words {vector}")
        where: dict[str, Any] = {"section": str(at), "name": vector}
        backup.add("page", f"{at}1", text("content", f"words {vector}"), **where)
        label = f"<p>words <a href='https://e.org'>x</a>{vector}"
        backup.add("label", f"{at}2", text("intro", label), **where)
        address = f"<externalurl>https://e.org/{escape(vector)}</externalurl>"
        backup.add("url", f"{at}3", address, **where)
        backup.add("forum", f"{at}4", text("intro", f"words {vector}"), **where)
        plugin = backups.answers(
            "multichoice", (f"a {vector}", "1"), (f"b {vector}", "0"),
            more="<multichoice><single>1</single></multichoice>",
        )  # fmt: skip
        questions.append(backups.question(str(at), "multichoice", plugin, words=f"words {vector}"))
        slot = (
            f"<question_instances><question_instance><slot>1</slot><questionid>{at}</questionid>"
            "<maxmark>1</maxmark></question_instance></question_instances>"
        )
        backup.add("quiz", f"{at}5", text("intro", vector) + slot, **where)
    backup.questions = backups.category("1", *questions)
    tree = backup.tree()
    tree["moodle_backup.xml"] = tree["moodle_backup.xml"].replace(">site<", f">{run[-16:]}<")
    return archives.zip_of(*((path, each.encode()) for path, each in tree.items()))


def evil_archive(run: str, folder: Path) -> bytes:
    """An archive of ours with every vector in every HTML."""
    chapters = []
    for at, vector in enumerate(SAFE):
        question = PackageQuestion(
            external_id=f"q{at}", kind="multiple_choice", html=f"words {vector}",
            explanation_html=vector,
            choices=(
                PackageChoice(html=f"a {vector}", is_correct=True, feedback_html=vector),
                PackageChoice(html=f"b {vector}", is_correct=False, unchosen_feedback_html=vector),
            ),
        )  # fmt: skip
        short = PackageQuestion(
            external_id=f"s{at}", kind="short_answer", html=f"words {vector}",
            answers=(PackageAnswer(text="oil", feedback_html=vector),),
        )  # fmt: skip
        lectures = (
            PackageLecture(
                external_id=f"t{at}", kind="text", title="Text", html=f"words {vector}",
                media_url="javascript:alert(1)",
            ),
            PackageLecture(
                external_id=f"z{at}", kind="quiz", title="Quiz", questions=(question, short)
            ),
        )  # fmt: skip
        chapters.append(PackageChapter(external_id=f"c{at}", title="Chapter", lectures=lectures))
    course = PackageCourse(
        external_id=run, title="Lanterns at sea", chapters=tuple(chapters),
        description_html=f"<p>All about lanterns</p>{''.join(SAFE[:9])}",
    )  # fmt: skip
    path = folder / "evil.lyceum.zip"
    lyceum_archive.write_archive(path, course, [])
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["cartridge", "backup", "archive"])
async def test_nothing_of_an_author_runs_at_a_learner(
    engines: Engines, client: httpx.AsyncClient, tmp_path: Path, kind: str
) -> None:
    run = exports.unique_run()
    make = {"cartridge": evil_cartridge, "backup": evil_backup}
    package = make[kind](run) if kind in make else evil_archive(run, tmp_path)
    author, learner, report = await import_and_publish(engines, client, package)
    seen = await walk_through(author, learner, report["courseId"])
    assert report["taken"]["questions"] == len(SAFE) * (2 if kind == "archive" else 1)
    assert len(seen) > len(SAFE) * 2
    for text in texts([*seen, report if kind != "archive" else None]):
        check_harmless(text)


@pytest.mark.skipif(not REAL, reason="../shared/data is not here")
@pytest.mark.parametrize("package", REAL, ids=lambda path: path.stem)
async def test_a_real_package_is_stored_once(
    engines: Engines, client: httpx.AsyncClient, package: Path
) -> None:
    person = await exports.person(engines.database)
    headers = await exports.headers_of(engines, person)
    content = await asyncio.to_thread(package.read_bytes)
    first = await exports.import_over_http(engines, client, headers, content)
    again = await exports.import_over_http(engines, client, headers, content)
    assert (first["isNew"], again["isNew"]) == (True, False)
    assert again["courseId"] == first["courseId"]
    assert msgspec.json.encode(again["taken"]) == msgspec.json.encode(first["taken"])
    for kind, found in first["found"].items():
        left = first["leftOutCounts"].get(kind, 0)
        assert found == first["taken"].get(kind, 0) + left, kind
    outline = await client.get(f"/api/v1/courses/{first['courseId']}/chapters", headers=headers)
    lectures = [each for chapter in outline.json()["data"] for each in chapter["lectures"]]
    assert len(lectures) == first["taken"]["lectures"]
