"""An imported course as a learner meets it: harmless, and to be completed."""

from collections.abc import Awaitable, Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from lyceum.platform.engines import Engines
from tests.packages import exports

API = "/api/v1"
PACKAGE = Path(__file__).parents[3] / "shared" / "data" / "openedx" / "demo-course.olx.tar.gz"
Drain = Callable[[], Awaitable[int]]


class Person:
    """Somebody signed in."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Return the data of an answer of that status."""
        answer = await self._client.request(method, API + path, json=body, headers=self._headers)
        assert answer.status_code == status, (method, path, answer.text)
        return answer.json()["data"] if answer.content else None


async def somebody(engines: Engines, client: httpx.AsyncClient, role: str) -> Person:
    actor = await exports.person(engines.database, role)
    return Person(client, await exports.headers_of(engines, actor))


def right_answer(question: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The answer that is right by the key, in the form of an attempt."""
    if question["kind"] != "short_answer":
        right = [choice["html"] for choice in question["choices"] if choice["isCorrect"]]
        right = right if question["kind"] == "multiple_response" else right[:1]
        return {"choiceIds": [each["id"] for each in asked["choices"] if each["html"] in right]}
    answer = question["answers"][0]
    if answer["number"] is not None:
        return {"value": (answer["number"]["lowest"] + answer["number"]["highest"]) / 2}
    # The patterns of the real course take a word of dots for what it is.
    return {"text": answer["text"].replace("..", "bu") if answer["isPattern"] else answer["text"]}


async def take_quiz(author: Person, learner: Person, lecture_id: str) -> dict[str, Any]:
    """Answer a quiz by its key; return the submitted attempt."""
    quiz = await author.ask("GET", f"/lectures/{lecture_id}/quiz")
    keys = {question["id"]: question for question in quiz["questions"]}
    attempt = await learner.ask("POST", f"/quizzes/{quiz['id']}/attempts", status=201)
    answers = [
        {"questionId": asked["questionId"], **right_answer(keys[asked["questionId"]], asked)}
        for asked in attempt["questions"]
    ]
    await learner.ask("PUT", f"/attempts/{attempt['id']}/answers", {"answers": answers})
    submitted: dict[str, Any] = await learner.ask("POST", f"/attempts/{attempt['id']}/submit")
    return submitted


async def walk_through(author: Person, learner: Person, course_id: str) -> list[Any]:
    """Complete every lecture of a course, and return all that was seen on the way."""
    course = await learner.ask("GET", f"/courses/{course_id}")
    seen = [course]
    for lecture in (each for chapter in course["outline"] for each in chapter["lectures"]):
        shown = await learner.ask("GET", f"/lectures/{lecture['id']}")
        seen.append(shown)
        if lecture["type"] == "quiz":
            attempt = await take_quiz(author, learner, lecture["id"])
            assert attempt["result"]["isPassed"], lecture
            assert attempt["result"]["percent"] == 100.0, lecture
            seen.append(attempt)
            continue
        assert shown["content"] or shown["mediaUrl"], lecture
        done = {"lectureId": lecture["id"], "completed": True, "timeSpentSeconds": 1}
        await learner.ask("PUT", f"/courses/{course_id}/progress", done)
    return seen


async def import_and_publish(
    engines: Engines, client: httpx.AsyncClient, package: bytes
) -> tuple[Person, Person, dict[str, Any]]:
    """Return the author of an imported course, a learner of it, and the report."""
    owner = await exports.person(engines.database)
    headers = await exports.headers_of(engines, owner)
    report = await exports.import_over_http(engines, client, headers, package)
    author = Person(client, headers)
    learner = await somebody(engines, client, "student")
    await author.ask("POST", f"/courses/{report['courseId']}/publish")
    await learner.ask("POST", f"/courses/{report['courseId']}/enroll", status=201)
    return author, learner, report


async def certificates_of(learner: Person, course_id: str) -> list[Any]:
    found = await learner.ask("GET", "/me/certificates")
    return [each for each in found if each["courseId"] == course_id]


@pytest.mark.skipif(not PACKAGE.exists(), reason="../shared/data is not here")
async def test_the_demo_course_is_taught_and_completed(
    engines: Engines, client: httpx.AsyncClient, drain: Drain
) -> None:
    package = PACKAGE.read_bytes()
    author, learner, report = await import_and_publish(engines, client, package)
    assert report["found"] == {
        "chapters": 6, "sequentials": 17, "verticals": 58,
        "html": 266, "problems": 29, "videos": 11, "files": 124,
    }  # fmt: skip
    for kind, found in report["found"].items():
        assert found == report["taken"][kind] + report["leftOutCounts"].get(kind, 0)
    course_id = report["courseId"]
    await walk_through(author, learner, course_id)
    progress = await learner.ask("GET", f"/courses/{course_id}/progress")
    assert (progress["status"], progress["progressPercent"]) == ("completed", 100)
    await drain()
    (certificate,) = await certificates_of(learner, course_id)
    verified = await learner.ask("GET", f"/certificates/{certificate['code']}")
    assert verified["courseTitle"] == "Open edX Demo Course"


async def test_what_was_learnt_stays_when_the_course_comes_again(
    engines: Engines, client: httpx.AsyncClient, drain: Drain
) -> None:
    run = exports.unique_run()
    author, learner, first = await import_and_publish(engines, client, exports.export(run))
    course_id = first["courseId"]
    before = await walk_through(author, learner, course_id)
    await drain()
    changed = exports.UNITS.replace("Light the lantern", "Put it out")
    headers = author._headers  # noqa: SLF001 - the same person at another door
    again = await exports.import_over_http(
        engines, client, headers, exports.export(run, changed + '<html url_name="new">new</html>')
    )
    assert (again["courseId"], again["isNew"]) == (course_id, False)
    course = await learner.ask("GET", f"/courses/{course_id}")
    assert course["status"] == "published"
    assert [each["id"] for each in course["outline"][0]["lectures"]] == [
        each["id"] for each in before[0]["outline"][0]["lectures"]
    ]
    text = await learner.ask("GET", f"/lectures/{course['outline'][0]['lectures'][0]['id']}")
    assert text["content"] == "<p>Put it out.</p>\nnew"
    progress = await learner.ask("GET", f"/courses/{course_id}/progress")
    assert (progress["status"], progress["progressPercent"]) == ("completed", 100)
    assert len(await certificates_of(learner, course_id)) == 1


VECTORS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    '<a href="javascript:alert(1)">a</a>',
    '<a href="jav&#x09;ascript:alert(1)">a</a>',
    '<a href=" &#14; javascript:alert(1)">a</a>',
    '<a href="vbscript:x">a</a>',
    '<a href="data:text/html,<script>alert(1)</script>">a</a>',
    '<iframe src="javascript:alert(1)"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="javascript:alert(1)"></object>',
    '<embed src="javascript:alert(1)">',
    '<video src="javascript:alert(1)"><source onerror=alert(1)></video>',
    "<body onload=alert(1)>",
    '<form action="javascript:alert(1)"><button formaction="javascript:alert(1)">b</button></form>',
    '<input autofocus onfocus="alert(1)">',
    "<details open ontoggle=alert(1)>d</details>",
    '<math><mtext><table><mglyph><style><img src=x onerror="alert(1)"></style></table></mtext>'
    "</math>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
    '<style>@import "javascript:alert(1)";</style><link rel=stylesheet href="javascript:alert(1)">',
    '<div style="background:url(javascript:alert(1))">d</div>',
    '<base href="javascript:/a/"><meta http-equiv=refresh content="0;javascript:alert(1)">',
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1)//<</script>",
    '"><script>alert(1)</script>',
    "\u202e<script\x0c>alert(1)</script >",
    "<!--><script>alert(1)</script>-->",
    '<a href="https://e.org" onclick="alert(1)" onmouseover=alert(1)>e</a>',
    '<x/onclick=alert(1)>x</x>',
    "<template><script>alert(1)</script></template>",
    "<plaintext><script>alert(1)</script>",
    '<p xmlns:x="http://www.w3.org/1999/xhtml"><x:script>alert(1)</x:script></p>',
)  # fmt: skip


def evil_course(run: str, vector: str) -> bytes:
    """A course with the vector wherever an author may write."""
    said = escape(vector.replace("\x0c", " ")).replace("\u202e", "")
    html = vector.replace("\x0c", " ").replace("]]>", "")
    question = (
        f'<problem url_name="q" display_name="{said}"><multiplechoiceresponse>'
        f"<label>{said}</label><p>Q <b>{said}</b></p><description>{said}</description>"
        f'<choicegroup><choice correct="true">a {said}<choicehint>{said}</choicehint></choice>'
        f'<choice correct="false">b {said}<choicehint selected="false">{said}</choicehint></choice>'
        f"</choicegroup><solution><div>{said}</div></solution></multiplechoiceresponse>"
        f"<demandhint><hint>{said}</hint></demandhint></problem>"
    )
    course = (
        f'<course url_name="{run}" org="O" course="C" display_name="Course {said}" '
        f'language="{said}" learning_info="[&quot;{run}&quot;]">'
        f'<chapter url_name="c" display_name="{said}"><sequential url_name="s" '
        f'display_name="{said}"><vertical url_name="v" display_name="{said}">'
        f'<html url_name="h" display_name="{said}"><![CDATA[<p>words</p>{html}]]></html>'
        f'<html url_name="e">{said} words</html>'
        f'<video url_name="w" display_name="{said}" youtube_id_1_0="abcdefghijk" sub="{said}" '
        f'html5_sources="[&quot;javascript:alert(1)&quot;, &quot;https://e.org/{said}&quot;]"/>'
        f"{question}<annotatable>{said} words</annotatable></vertical></sequential></chapter>"
        "</course>"
    )
    about = {f"about/{page}.html": html for page in ("overview", "short_description", "title")}
    return exports.archive({"course.xml": course, **about})


def texts(found: Any) -> Iterator[str]:
    """Every text in an answer."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict):
        for each in found.values():
            yield from texts(each)
    elif isinstance(found, list):
        for each in found:
            yield from texts(each)


ACTIVE = {
    "script", "style", "iframe", "object", "embed", "svg", "math", "link", "meta", "base", "form",
    "input", "button", "template", "video", "audio", "plaintext",
}  # fmt: skip


def check_harmless(text: str) -> None:
    """Assert that a browser that is given the text as HTML runs nothing."""
    if not text.strip():
        return
    root = etree.fromstring(f"<div>{text}</div>".encode(), etree.HTMLParser(encoding="utf-8"))
    for element in root.iter():
        assert element.tag not in ACTIVE, text
        for name, value in element.items():
            assert not str(name).startswith("on"), text
            assert name not in {"style", "srcdoc", "formaction", "action"}, text
            if name in {"href", "src", "cite"}:
                scheme, _, rest = str(value).partition(":")
                assert not rest or scheme in {"https", "http", "mailto", "tel"}, text


@pytest.mark.parametrize("vector", VECTORS)
async def test_nothing_of_an_author_runs_at_a_learner(
    engines: Engines, client: httpx.AsyncClient, vector: str
) -> None:
    package = evil_course(exports.unique_run(), vector)
    author, learner, report = await import_and_publish(engines, client, package)
    seen = await walk_through(author, learner, report["courseId"])
    listed = await learner.ask("GET", "/me/enrollments")
    outline = await author.ask("GET", f"/courses/{report['courseId']}")
    assert report["taken"]["questions"] == 1
    for text in texts([*seen, listed, outline, report]):
        check_harmless(text)
