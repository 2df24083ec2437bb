"""Schemathesis over the OpenAPI document, against a web process, as somebody and as nobody."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lyceum.app import services
from lyceum.platform.database import Database
from lyceum.platform.engines import Engines
from lyceum.platform.settings import Settings
from tests.app.academy import make_academy, make_people
from tests.app.servers import WebProcess, web_process
from tests.users import factories

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def web(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with web_process(dsn, tmp_path_factory.mktemp("web"), LYCEUM_ACCESS_LOG="off") as web:
        yield web


@pytest.fixture
async def bearer(web: WebProcess, database: Database, settings: Settings) -> str:
    admin = await factories.store_user(database, roles=("super_admin",))
    token = (await factories.open_session(database, settings, admin)).access_token
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}) as client:
        assert (await client.get(f"{web.url}/api/v1/me")).status_code == 200
    return f"Bearer {token}"


# 412: an If-Match that is no ETag; 413, 414: a list so long that the body, or the address, is.
# Rules beyond a schema may refuse what the schema allows.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 422, 428, 429, 503]
[checks.positive_data_acceptance]
enabled = false
"""
ENDS_A_SESSION = (
    "^(logout|revokeMySession|changeRoles|suspendUser|changePassword|deactivateMe|eraseMe)$"
)
# Streams would each go on for minutes; jobs that failed in other tests would fail again.
LEFT_OUT = f"{ENDS_A_SESSION}|^(watchQueues|watchPage|watchJob|retryFailedJobs)$"


def schemathesis(web: WebProcess, folder: Path, *options: str, more: str = "") -> None:
    """Run Schemathesis and fail with what it complains about; `more` is configuration."""
    document = folder / "openapi.json"
    document.write_bytes(httpx.get(f"{web.url}/openapi.json").content)
    (folder / "schemathesis.toml").write_text(CONFIGURATION + more)
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(document),
        "--url", web.url, "--seed", "1", "--generation-deterministic", "--workers", "1",
        "--continue-on-failure", "--no-color", "--suppress-health-check", "all", *options,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_as_somebody(web: WebProcess, tmp_path: Path, bearer: str) -> None:
    """What the schemas bound, from both sides; at random it is tried on what there is."""
    schemathesis(
        web, tmp_path, "--header", f"Authorization: {bearer}", "--phases", "coverage",
        "--exclude-operation-id-regex", LEFT_OUT,
    )  # fmt: skip


async def test_on_what_there_is(
    web: WebProcess, tmp_path: Path, bearer: str, engines: Engines
) -> None:
    """Each operation on objects of its own, so that requests get past their addresses."""
    people = await make_people(engines.database)
    places = []
    for route in services.routes_of("all"):
        if route.path_names:
            academy = await make_academy(engines, people, route.operation_id)
            values = [f'"path.{name}" = "{academy.in_path[name]}"' for name in route.path_names]
            places += ["[[operations]]", f'include-operation-id = "{route.operation_id}"']
            places += [f"parameters = {{ {', '.join(values)} }}"]
    schemathesis(
        web, tmp_path, "--header", f"Authorization: {bearer}", "--max-examples", "15",
        "--phases", "fuzzing", "--exclude-operation-id-regex", LEFT_OUT,
        more="\n".join(places),
    )  # fmt: skip


def test_what_may_end_the_session(web: WebProcess, tmp_path: Path, bearer: str) -> None:
    schemathesis(
        web, tmp_path, "--header", f"Authorization: {bearer}", "--max-examples", "10",
        "--phases", "coverage,fuzzing", "--include-operation-id-regex", ENDS_A_SESSION,
    )  # fmt: skip


def test_as_nobody(web: WebProcess, tmp_path: Path) -> None:
    schemathesis(web, tmp_path, "--max-examples", "5", "--phases", "fuzzing")
