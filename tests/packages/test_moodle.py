"""Moodle backups of several versions: activities, files, quizzes in every shape, and the rest."""

from pathlib import Path

import pytest

from lyceum.packages.adapters import assets, faults, formats, moodle
from lyceum.packages.records import NumberRange, PackageCourse, PackageLecture, PackageQuestion
from tests.packages import archives, exports, olx_trees
from tests.packages.backups import Backup, answers, category, question, text, versions

CHOICES = answers(
    "multichoice", ("<p>Oil</p>", "1.0000000"), ("Water", "0.0000000"),
    more="<multichoice><single>1</single></multichoice>",
)  # fmt: skip
TRUE = answers("truefalse", ("True", "0"), ("False", "1"))
OLD = "<question_instance><question>{}</question><grade>{}</grade></question_instance>"
SLOT = (
    "<question_instance><slot>{}</slot><questionid>{}</questionid><maxmark>{}</maxmark>"
    "</question_instance>"
)
REFERENCE = (
    "<question_instance><slot>1</slot><maxmark>1.0</maxmark><question_reference>"
    "<questionbankentryid>{}</questionbankentryid><version>{}</version></question_reference>"
    "</question_instance>"
)
DRAWN = (
    "<question_instance><slot>1</slot><maxmark>1.0</maxmark><question_set_reference>"
    "<filtercondition>{}</filtercondition></question_set_reference></question_instance>"
)


def instances(*given: str) -> str:
    return f"<question_instances>{''.join(given)}</question_instances>"


def of_titles(course: PackageCourse) -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [
        (chapter.title, [(each.kind, each.section, each.title) for each in chapter.lectures])
        for chapter in course.chapters
    ]


def one(folder: Path, backup: Backup) -> PackageLecture:
    course, report = backup.read(folder)
    exports.check_sums_of(report)
    (lecture,) = olx_trees.lectures(course)
    return lecture


def asked(folder: Path, made: str) -> tuple[PackageQuestion, ...]:
    backup = Backup().add("quiz", "5", instances(SLOT.format(1, 9, "3.0")))
    backup.questions = category("1", made)
    return one(folder, backup).questions


def everything() -> Backup:
    """A backup with one of every activity that is read, and of some that are not."""
    return (
        Backup()
        .section("1", "Week 1", '<p>Hello <img src="@@PLUGINFILE@@/s.png" alt="s"></p>')
        .section("2", "Hidden", visible="0")
        .section("3", "$@NULL@$")
        .file("course", "section", "s.png", "png", context="", item="1")
        .add("label", "10", text("intro", "<h4>Part one</h4>"))
        .add("page", "11", text("content", '<img src="@@PLUGINFILE@@/a%20b.png?x=1">'), name="Page")
        .file("mod_page", "content", "a b.png", "png", context="c11")
        .add("label", "12", text("intro", '<a href="https://e.org">here</a>'), name="Lab")
        .add("url", "13", "<externalurl>https://e.org/?a=1&amp;b</externalurl>", name="Link")
        .add("url", "14", "<externalurl>https://youtu.be/abcdefghijk</externalurl>", name="Clip")
        .add("resource", "15", text("intro", ""), name="File")
        .file("mod_resource", "content", "a.pdf", "pdf", context="c15")
        .add("folder", "16", text("intro", "Files"), name="Folder")
        .file("mod_folder", "content", "x.txt", "x", context="c16")
        .add(
            "book", "17",
            "<chapters><chapter id='2'><pagenum>2</pagenum><title>Two</title>"
            f"{text('content', '<p>2</p>')}</chapter><chapter id='1'><pagenum>1</pagenum>"
            f"<title>One</title>{text('content', '<p>1</p>')}</chapter>"
            f"<chapter id='3'><pagenum>3</pagenum><hidden>1</hidden>{text('content', 'x')}"
            "</chapter></chapters>", name="Book",
        )
        .add("forum", "18", f"<type>general</type>{text('intro', '<p>Why?</p>')}", name="Forum")
        .add("forum", "19", f"<type>news</type>{text('intro', 'News')}", name="News")
        .add("assign", "20", text("intro", "Do it"), name="Homework")
        .file("mod_assign", "introattachment", "sheet.doc", "doc", context="c20")
        .file("assignsubmission_file", "submission_files", "mine.doc", "mine", context="c20")
        .add("page", "21", text("content", "secret"), visible="0", name="Draft")
        .add("scorm", "22", "", name="Scorm")
        .add("page", "23", text("content", "x"), section="2", name="In hidden")
        .add("page", "24", text("content", "<p>3</p>"), section="3", name="Third")
    )  # fmt: skip


def test_a_course_of_all_activities(tmp_path: Path) -> None:
    backup = everything()
    backup.files["users.xml"] = "<users><user><email>a@b.test</email></user></users>"
    course, report = backup.read(tmp_path)
    exports.check_sums_of(report)
    assert (course.title, course.language) == ("Lanterns at sea", "pt-br")
    assert course.description_html == "<p>All about lanterns</p>"
    assert course.external_id == "moodle/site/7"
    assert of_titles(course) == [
        ("Week 1", [
            ("text", "", "Week 1"), ("text", "Part one", "Page"), ("text", "Part one", "Lab"),
            ("embed", "Part one", "Link"), ("video", "Part one", "Clip"),
            ("file", "Part one", "File"), ("file", "Part one", "Folder"),
            ("text", "Book", "One"), ("text", "Book", "Two"), ("text", "Part one", "Forum"),
            ("assignment", "Part one", "Homework"),
        ]),
        ("Section 3", [("text", "", "Third")]),
    ]  # fmt: skip
    page = olx_trees.lectures(course)[1]
    assert page.html == f'<img src="{assets.reference("mod_page/content/c11/0/a b.png")}">'
    assert {asset.path for asset in course.assets} == {
        "course/section//1/s.png", "mod_page/content/c11/0/a b.png",
        "mod_resource/content/c15/0/a.pdf", "mod_folder/content/c16/0/x.txt",
        "mod_assign/introattachment/c20/0/sheet.doc",
    }  # fmt: skip
    assert (report.found["files"], report.taken["files"]) == (6, 5)
    assert report.left_out_counts["people"] == 1
    assert "a@b.test" not in str(course) + str(report)
    assert "secret" not in str(course)
    reasons = {entry.title: entry.reason for entry in report.left_out if entry.title}
    assert reasons["Draft"] == reasons["Hidden"] == reasons["In hidden"] == "it was hidden"
    assert "scorm" in reasons["Scorm"]


@pytest.mark.parametrize(
    ("shape", "bank"),
    [
        (
            "<questions>8,0,9,0</questions>"
            + instances(OLD.format(9, "1.0"), OLD.format(8, "3.0")),
            category("1", question("8", "multichoice", CHOICES), question("9", "truefalse", TRUE)),
        ),
        (
            instances(SLOT.format(2, 9, "1.0"), SLOT.format(1, 8, "3.0")),
            category("1", question("8", "multichoice", CHOICES), question("9", "truefalse", TRUE)),
        ),
        (
            instances(
                REFERENCE.format(2, "$@NULL@$").replace("<slot>1", "<slot>2"),
                REFERENCE.format(1, "$@NULL@$").replace("1.0", "3.0"),
            ),
            versions(
                "1",
                e1=[question("7", "essay"), question("8", "multichoice", CHOICES)],
                e2=[question("9", "truefalse", TRUE)],
            ),
        ),
    ],
    ids=["2.0 to 2.6", "2.7 to 3.x", "4.0 and newer"],
)
def test_a_quiz_in_every_shape(tmp_path: Path, shape: str, bank: str) -> None:
    rules = "<timelimit>600</timelimit><attempts_number>2</attempts_number>"
    backup = Backup().add("quiz", "5", text("intro", "<p>Try</p>") + rules + shape, name="Quiz")
    backup.files["activities/quiz_5/grades.xml"] = (
        "<activity_gradebook><grade_items><grade_item><grademax>10.0</grademax>"
        "<gradepass>6.0</gradepass></grade_item></grade_items></activity_gradebook>"
    )
    backup.questions = bank
    lecture = one(tmp_path, backup)
    assert (lecture.kind, lecture.html) == ("quiz", "<p>Try</p>")
    assert [(each.kind, each.points) for each in lecture.questions] == [
        ("multiple_choice", 3.0), ("true_false", 1.0),
    ]  # fmt: skip
    assert lecture.rules is not None
    assert (lecture.rules.passing_percent, lecture.rules.attempts_allowed) == (60, 2)
    assert lecture.rules.time_limit_seconds == 600


@pytest.mark.parametrize(
    ("shape", "extra"),
    [
        (instances(OLD.format(4, "1.0")), question("4", "random", words="1")),
        (instances(DRAWN.format('{"questioncategoryid":"1","includingsubcategories":"1"}')), ""),
        (instances(DRAWN.format('{"filter":{"category":{"values":[1]}}}')), ""),
        (
            "<question_instances><question_instance><slot>1</slot><questionid>0</questionid>"
            "<questioncategoryid>1</questioncategoryid></question_instance></question_instances>",
            "",
        ),
    ],
    ids=["2.x", "4.0", "4.3", "3.x"],
)
def test_questions_drawn_at_random_are_all_asked(tmp_path: Path, shape: str, extra: str) -> None:
    backup = Backup().add("quiz", "5", shape)
    backup.questions = category(
        "1", question("8", "multichoice", CHOICES), question("9", "truefalse", TRUE), extra
    )
    course, report = backup.read(tmp_path)
    (lecture,) = olx_trees.lectures(course)
    assert len(lecture.questions) == 2
    assert report.left_out_counts["random-question"] == 1


def test_questions_that_no_quiz_asks_are_a_bank(tmp_path: Path) -> None:
    backup = Backup().add("quiz", "5", instances(SLOT.format(1, 8, "1.0")))
    inner = question("10", "shortanswer", answers("shortanswer", ("x", "1")), parent="11")
    backup.questions = category(
        "1", question("8", "multichoice", CHOICES), question("9", "truefalse", TRUE), inner
    )
    course, report = backup.read(tmp_path)
    assert of_titles(course)[1] == ("Question banks", [("quiz", "", "Bank")])
    assert report.found["quiz-items"] == 2


def test_kinds_of_questions(tmp_path: Path) -> None:
    several = answers(
        "multichoice", ("A", "0.5"), ("B", "-0.5"), ("C", "0.5"),
        more="<multichoice><single>0</single></multichoice>",
    )  # fmt: skip
    (question_,) = asked(tmp_path / "several", question("9", "multichoice", several))
    assert question_.kind == "multiple_response"
    assert [choice.is_correct for choice in question_.choices] == [True, False, True]
    assert question_.explanation_html == "Because"
    short = answers(
        "shortanswer", ("oil", "1"), ("wax*candle", "1"), ("water", "0"), ("fat", "0.5"),
        more="<shortanswer><usecase>1</usecase></shortanswer>",
    )  # fmt: skip
    (question_,) = asked(tmp_path / "short", question("9", "shortanswer", short))
    assert [(answer.text, answer.is_pattern) for answer in question_.answers] == [
        ("oil", False), ("wax.*candle", True),
    ]  # fmt: skip
    assert question_.is_case_sensitive
    number = answers(
        "numerical", ("12.5", "1"), ("*", "0"),
        more="<numerical_records><numerical_record><answer>a0</answer><tolerance>0.5</tolerance>"
        "</numerical_record></numerical_records>",
    )  # fmt: skip
    (question_,) = asked(tmp_path / "number", question("9", "numerical", number))
    assert question_.answers[0].number == NumberRange(lowest=12.0, highest=13.0)
    pair = "<match id='{0}'>{1}<answertext>{2}</answertext></match>"
    matches = (
        "<plugin_qtype_match_question><matches>"
        + pair.format("1", text("questiontext", "Toyota"), "Corolla")
        + pair.format("2", text("questiontext", "Honda"), "Civic")
        + pair.format("3", text("questiontext", ""), "Lancer")
        + "</matches></plugin_qtype_match_question>"
    )
    made = asked(tmp_path / "match", question("9", "match", matches))
    assert [(each.points, len(each.choices)) for each in made] == [(1.5, 3), (1.5, 3)]


def test_blanks_in_a_text(tmp_path: Path) -> None:
    cloze = (
        "<plugin_qtype_multianswer_question><multianswer><sequence>21,22</sequence></multianswer>"
        "</plugin_qtype_multianswer_question>"
    )
    backup = Backup().add("quiz", "5", instances(SLOT.format(1, 9, "2.0")))
    backup.questions = category(
        "1",
        question("9", "multianswer", cloze, words="<p>Oil {#1} and water {#2}.</p>"),
        question("21", "shortanswer", answers("shortanswer", ("burns", "1")), parent="9"),
        question("22", "multichoice", CHOICES, parent="9"),
    )
    first, second = one(tmp_path, backup).questions
    assert first.html == "<p>Oil <strong>[1]</strong> and water [2].</p>"
    assert (first.kind, second.kind) == ("short_answer", "multiple_choice")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (question("9", "essay"), "essay"),
        (question("9", "calculated"), "formula"),
        (question("9", "ddmarker"), "drag"),
        (question("9", "gapselect"), "words to choose"),
        (question("9", "description"), "asks nothing"),
        (question("9", "coderunner"), "not known"),
        (question("9", "multichoice", answers("multichoice", ("a", "0"), ("b", "0"))), "marked"),
        (question("9", "numerical", answers("numerical", ("x+1", "1"))), "plain number"),
        (question("9", "multianswer"), "no blanks"),
        (question("9", "match"), "no pairs"),
        (question("8", "essay"), "does not have it"),
    ],
)
def test_what_cannot_be_graded(tmp_path: Path, made: str, reason: str) -> None:
    backup = Backup().add("quiz", "5", text("intro", "x") + instances(SLOT.format(1, 9, "1.0")))
    backup.questions = category("1", made)
    _, report = backup.read(tmp_path)
    exports.check_sums_of(report)
    reasons = [entry.reason for entry in report.left_out if entry.kind == "quiz-item"]
    assert any(reason in each for each in reasons)


def test_a_lesson_is_reading_and_a_quiz(tmp_path: Path) -> None:
    page = (
        "<page id='{}'><prevpageid>{}</prevpageid><nextpageid>{}</nextpageid><qtype>{}</qtype>"
        "<qoption>0</qoption><title>T{}</title>{}<answers>{}</answers></page>"
    )
    answer = "<answer><jumpto>{}</jumpto><score>{}</score><answer_text>{}</answer_text></answer>"
    asked_ = answer.format("-1", 1, "Oil") + answer.format("0", 0, "Water")
    pages = page.format(2, 1, 0, 3, 2, text("contents", "<p>Which?</p>"), asked_) + page.format(
        1, 0, 2, 20, 1, text("contents", "<p>Read</p>"), answer.format("-1", 0, "Go")
    )
    course, report = Backup().add("lesson", "5", f"<pages>{pages}</pages>", name="L").read(tmp_path)
    assert [(each.kind, each.title) for each in olx_trees.lectures(course)] == [
        ("text", "L"), ("quiz", "L (quiz)"),
    ]  # fmt: skip
    assert olx_trees.lectures(course)[0].html == "<h3>T1</h3><p>Read</p>"
    assert olx_trees.lectures(course)[1].questions[0].choices[0].is_correct
    assert report.taken["lessons"] == 1


@pytest.mark.parametrize("wrapped", ["", "backup/"])
def test_a_zip_is_read_as_a_tar_is(tmp_path: Path, wrapped: str) -> None:
    backup = Backup().add("page", "5", text("content", "<p>x</p>"))
    files = [(f"{wrapped}{path}", each.encode()) for path, each in backup.tree().items()]
    for make in (archives.zip_of, archives.tar_of):
        path = archives.write(tmp_path / "a.mbz", make(*files))
        course, report = exports.read(path)
        assert (course.title, report.format) == ("Lanterns at sea", "moodle")


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"moodle.xml": "<MOODLE_BACKUP/>"}, faults.NotMoodle),
        ({"moodle_backup.xml": "<other/>"}, faults.NotMoodle),
        ({"moodle_backup.xml": "<moodle_backup"}, faults.XmlMalformed),
        (
            {"moodle_backup.xml": '<!DOCTYPE m [<!ENTITY a "b">]><m>&a;</m>'},
            faults.XmlEntities,
        ),
    ],
)
def test_what_is_no_backup(
    tmp_path: Path, files: dict[str, str], fault: type[faults.PackageFault]
) -> None:
    pairs = [(path, content.encode()) for path, content in files.items()]
    path = archives.write(tmp_path / "a.mbz", archives.zip_of(*pairs))
    with pytest.raises(fault), formats.open_package(path, lambda share: None):
        pass


def test_no_path_of_the_backup_leads_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    olx_trees.write_files(secret, {"page.xml": "<activity><page/></activity>", "x": "secret"})
    backup = Backup().add("page", "5", text("content", "<p>x</p>"))
    tree = backup.tree()
    tree["moodle_backup.xml"] = tree["moodle_backup.xml"].replace(
        "activities/page_5", "../secret/page_5"
    )
    tree["files.xml"] = (
        "<files><file><contenthash>../../secret/x</contenthash><component>mod_page</component>"
        "<filearea>content</filearea><filename>../../x</filename></file></files>"
    )
    inside = olx_trees.write_files(tmp_path / "backup", tree)
    course, _ = moodle.read_backup(inside)
    assert course.assets == ()
    assert "secret" not in str(course)


def test_parts_without_end_do_not_multiply(tmp_path: Path) -> None:
    pairs = "".join(
        f"<match>{text('questiontext', 'w' * 100)}<answertext>{at % 5}</answertext></match>"
        for at in range(3000)
    )
    plugin = (
        f"<plugin_qtype_match_question><matches>{pairs}</matches></plugin_qtype_match_question>"
    )
    lesson_answers = "".join(
        f"<answer><score>1</score><answer_text>{at}</answer_text></answer>" for at in range(3000)
    )
    page = (
        "<pages><page id='1'><prevpageid>0</prevpageid><qtype>3</qtype><title>T</title>"
        f"{text('contents', 'Which?')}<answers>{lesson_answers}</answers></page></pages>"
    )
    drawn = DRAWN.format('{"questioncategoryid":"1"}')
    backup = Backup().add("quiz", "5", instances(*[drawn] * 3000)).add("lesson", "6", page)
    backup.questions = category("1", question("9", "match", plugin))
    _, report = backup.read(tmp_path)
    reasons = {entry.reason for entry in report.left_out if entry.kind == "quiz-item"}
    assert reasons == {"it has too many parts", "it has more than 100 answers"}
    assert report.left_out_counts["random-question"] == 3000
