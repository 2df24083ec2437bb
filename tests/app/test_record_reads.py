"""Every route that shows a record of people tells so, and those that show none say why."""

import functools
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from lyceum.app import services
from lyceum.app.http import build_app
from lyceum.platform import ids
from lyceum.platform.access import Actor
from lyceum.platform.engines import Engines
from lyceum.platform.http import RequestInfo
from lyceum.platform.record_reads import Record, Shown, find_shown
from lyceum.platform.routing import IN_PERSON, PUBLIC, Route
from lyceum.platform.wire import Answer, Content
from lyceum.users import api as users
from lyceum.users.records import Account
from lyceum.users.schemas.acting import ActingReason
from lyceum.users.service import acting
from tests.app.academy import Academy, make_academy, make_people
from tests.users import factories

ROUTES = services.routes_of("all")
SHOWING = [(route, route.shows) for route in ROUTES if route.shows is not None]
OF_A_COURSE = "what is taught, and no record of who learns"
WRITTEN_FOR_ALL = "what people wrote for everybody in the course to read"
OF_THE_PROGRAM = "the program's own work, without people's records"
NO_RECORD = {
    "listFollowers": "names that people show to everybody",
    "listFollowing": "names that people show to everybody",
    "downloadExport": "the link alone opens it, and its owner made that",
    "listPermissions": "the same for everybody",
    "listRoles": "no people",
    "getRole": "no people",
    "listCustomerGroups": "groups, not who is in them",
    "getCustomerGroup": "groups, not who is in them",
    "getCustomerStatistics": "counts alone",
    "listMyCourses": OF_A_COURSE,
    "getCourseReadiness": OF_A_COURSE,
    "listDeletedParts": OF_A_COURSE,
    "listStaff": "who teaches, as the course itself shows",
    "listCohorts": "cohorts, not who is in them",
    "getImport": OF_A_COURSE,
    "getCourseExport": OF_A_COURSE,
    "listThreads": WRITTEN_FOR_ALL,
    "getThread": WRITTEN_FOR_ALL,
    "listPosts": WRITTEN_FOR_ALL,
    "getPost": WRITTEN_FOR_ALL,
    "listAnnouncements": WRITTEN_FOR_ALL,
    "getAnnouncement": WRITTEN_FOR_ALL,
    "listEventTypes": OF_THE_PROGRAM,
    "listWebhooks": OF_THE_PROGRAM,
    "getWebhook": OF_THE_PROGRAM,
    "listDeliveries": OF_THE_PROGRAM,
    "getDelivery": "an event as it was sent: ids alone",
    "listRetention": OF_THE_PROGRAM,
    "getJob": OF_THE_PROGRAM,
    "watchJob": OF_THE_PROGRAM,
    "getQueues": OF_THE_PROGRAM,
    "watchQueues": OF_THE_PROGRAM,
    "listQueueJobs": OF_THE_PROGRAM,
    "getQueueJob": OF_THE_PROGRAM,
    "listSchedules": OF_THE_PROGRAM,
    "watchPage": OF_THE_PROGRAM,
    "listDeadEvents": OF_THE_PROGRAM,
    "getDeadEvent": "an event that failed: ids alone",
}
"""Why a route that only reads has no marker. What is public is for everybody; what is in person is
for the person alone, even when somebody acts as them."""
BY_NOBODY = ("listAuditEntries", "getAuditEntry")
"""Routes whose samples name no person; tests of their own show that they are noted."""
READER = Actor(user_id=ids.new_id())


def of(route: Route) -> str:
    return route.operation_id


def test_each_reading_route_has_a_marker_or_a_reason() -> None:
    silent = {
        of(route)
        for route in ROUTES
        if route.method == "GET" and route.access not in (PUBLIC, IN_PERSON) and not route.shows
    }
    assert silent - set(NO_RECORD) == set(), "say shows=Record(…) at the route, or why not here"
    assert set(NO_RECORD) - silent - {"downloadExport", "listFollowers", "listFollowing"} == set()


@pytest.fixture(scope="session")
async def strangers(engines: Engines) -> dict[str, Account]:
    return await make_people(engines.database)


class Watched:
    """The whole application, and what it said that it showed."""

    def __init__(self, engines: Engines, authenticator: users.Authenticator) -> None:
        self.shown: list[Shown] = []
        self.edge = build_app(
            engines, ROUTES, authenticator=authenticator, watch=None, witness=self._note
        )

    def _note(self, _: RequestInfo, shown: Shown) -> None:
        self.shown.append(shown)

    async def get(self, route: Route, academy: Academy, token: str) -> httpx.Response:
        transport = httpx.ASGITransport(cast(Any, self.edge))
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://academy.test") as client:
            return await client.get(route.path.format(**academy.in_path), headers=headers)


@pytest.fixture(scope="session")
def watched(engines: Engines, authenticator: users.Authenticator) -> Watched:
    return Watched(engines, authenticator)


@pytest.mark.parametrize("route", [r for r, record in SHOWING if not record.is_own], ids=of)
async def test_what_staff_read_is_noted(
    engines: Engines, watched: Watched, strangers: dict[str, Account], route: Route
) -> None:
    academy = await make_academy(engines, strangers, of(route))
    staff = strangers["super_admin"]
    token = (await factories.open_session(engines.database, engines.settings, staff)).access_token
    watched.shown.clear()
    answer = await watched.get(route, academy, token)
    assert answer.status_code == 200, answer.text
    is_of_nobody = answer.content.startswith(b'{"data":[]') or of(route) in BY_NOBODY
    assert len(watched.shown) == 1 or is_of_nobody


@pytest.mark.parametrize("route", [r for r, record in SHOWING if record.is_own], ids=of)
async def test_ones_own_is_noted_when_somebody_acts_as_one(
    engines: Engines, watched: Watched, strangers: dict[str, Account], route: Route
) -> None:
    academy = await make_academy(engines, strangers, of(route))
    learner = academy.people["learner"]
    async with engines.database.transaction() as tx:
        admin = await factories.fresh_actor(tx, strangers["super_admin"])
        opened = await acting.act_as(
            tx, admin, engines.settings, learner.id, reason=ActingReason(reason="to see").reason
        )
    own = await factories.open_session(engines.database, engines.settings, learner)
    watched.shown.clear()
    assert (await watched.get(route, academy, own.access_token)).status_code == 200
    assert watched.shown == []
    assert (await watched.get(route, academy, opened.access_token)).status_code == 200
    assert [shown.ids for shown in watched.shown] == [(learner.id,)]


class Asked:
    """A request, as far as it matters here."""

    def __init__(self, actor: Actor, *values: str) -> None:
        self.actor = actor
        self.path_values = values


find: Callable[..., Shown | None] = functools.partial(find_shown, path_names=())


def test_a_list_names_each_person_once_without_the_reader() -> None:
    other = ids.new_id()
    rows = [{"userId": str(other)}, {"userId": str(READER.user_id)}, {"userId": str(other)}]
    record = Record("enrolment", people="user_id")
    shown = find(record, Asked(READER), result=Answer(data=rows))
    assert shown == Shown("enrolment", "user", (other,), 1, None)
    assert find(record, Asked(READER), result=Answer(data=rows[1:2])) is None
    assert find(record, Asked(Actor()), result=Answer(data=rows)) is None


def test_many_people_are_counted_and_some_named() -> None:
    content = Content(b"", "text/csv", people=tuple(ids.new_id() for _ in range(500)))
    shown = find(Record("roster"), Asked(READER), result=content)
    assert shown is not None
    assert (len(shown.ids), shown.total) == (200, 500)


def test_what_is_in_an_answer_of_the_database_is_found() -> None:
    data = b'[{"reporter":{"userId":"0190a2b4-7c31-7d0e-9f6a-3c5b8e1d2f40"}},{"reporter":null}]'
    shown = find(
        Record("report", people="reporter.user_id"), Asked(READER), result=Answer(data=data)
    )
    assert shown is not None
    assert shown.total == 1


def test_what_is_shown_to_everybody_is_no_record() -> None:
    record = Record("account", people="user_id", only_with="email")
    asked = Asked(READER, str(ids.new_id()))
    public, whole = {"id": "x"}, {"id": "x", "email": "a@people.test"}
    assert find_shown(record, asked, ["user_id"], Answer(data=public)) is None
    assert find_shown(record, asked, ["user_id"], Answer(data=whole)) is not None
