"""Posts: writing, accepting, voting, reporting; and announcements."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.discussions import errors as facts
from lyceum.discussions.schemas.announcements import AnnouncementChanges, NewAnnouncement
from lyceum.discussions.schemas.contributions import (
    NewPost,
    PostChanges,
    PostView,
    ReportQuery,
    ReportView,
    Resolution,
)
from lyceum.discussions.service import announcements, posts, reports
from lyceum.platform import errors, ids
from lyceum.platform.access import Actor
from lyceum.platform.database import Writer
from lyceum.platform.paging import PageQuery
from tests.courses import factories
from tests.discussions.conftest import Classroom
from tests.discussions.test_threads import ask, shown


async def answer(tx: Writer, actor: Actor, thread_id: UUID, body: str = "Because") -> UUID:
    return await posts.answer_thread(tx, actor, thread_id, NewPost(body=body))


async def listed(tx: Writer, actor: Actor, thread_id: UUID) -> list[PostView]:
    page = await posts.list_posts(tx, actor, thread_id, PageQuery())
    found = msgspec.json.decode(page.items, type=list[PostView])
    assert page.total == len(found)
    return found


async def test_the_accepted_answer_comes_first(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    first = await answer(tx, room.ben, thread_id)
    second = await answer(tx, room.owner, thread_id)
    assert [(p.id, p.is_by_staff) for p in await listed(tx, room.ada, thread_id)] == [
        (first, False),
        (second, True),
    ]
    with pytest.raises(errors.Forbidden):
        await posts.accept_post(tx, room.ben, first)
    for _ in range(2):
        await posts.accept_post(tx, room.ada, second)
    assert [(p.id, p.is_accepted) for p in await listed(tx, room.ben, thread_id)] == [
        (second, True),
        (first, False),
    ]
    await posts.accept_post(tx, room.owner, first)
    assert (await shown(tx, room.ada, thread_id)).accepted_post_id == first
    await posts.withdraw_acceptance(tx, room.ada, second)
    await posts.withdraw_acceptance(tx, room.ada, first)
    assert (await shown(tx, room.ada, thread_id)).accepted_post_id is None
    told = await factories.events_of(tx, thread_id)
    assert told.count("answer.accepted") == 2


async def test_changing_and_deleting_posts(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    post_id = await answer(tx, room.ben, thread_id)
    await posts.accept_post(tx, room.ada, post_id)
    await posts.update_post(tx, room.ben, post_id, PostChanges(body="<b>Light</b>"), 1)
    assert [p.body for p in await listed(tx, room.ada, thread_id)] == ["<b>Light</b>"]
    with pytest.raises(errors.PreconditionFailed):
        await posts.update_post(tx, room.ben, post_id, PostChanges(body="Stale"), 1)
    for actor in (room.ada, room.owner):
        with pytest.raises(errors.Forbidden):
            await posts.update_post(tx, actor, post_id, PostChanges(body="Mine"), None)
    with pytest.raises(errors.Forbidden):
        await posts.delete_post(tx, room.ada, post_id, None)
    with pytest.raises(errors.NotFound):
        await posts.delete_post(tx, room.stranger, post_id, None)
    await posts.delete_post(tx, room.ben, post_id, None)
    thread = await shown(tx, room.ada, thread_id)
    assert (thread.post_count, thread.accepted_post_id) == (0, None)
    assert await listed(tx, room.ada, thread_id) == []
    with pytest.raises(errors.NotFound):
        await posts.show_post(tx, room.ada, post_id)


async def test_a_hidden_post_says_nothing(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    post_id = await answer(tx, room.ben, thread_id, "Rude words")
    with pytest.raises(errors.Forbidden):
        await posts.update_post(tx, room.ben, post_id, PostChanges(is_hidden=True), None)
    await posts.update_post(tx, room.owner, post_id, PostChanges(is_hidden=True), None)
    assert [(p.body, p.is_hidden) for p in await listed(tx, room.ada, thread_id)] == [(None, True)]
    for actor in (room.ben, room.owner):
        assert [p.body for p in await listed(tx, actor, thread_id)] == ["Rude words"]
    with pytest.raises(errors.NotFound):
        await posts.vote_for_post(tx, room.ada, post_id, up=True)


async def test_one_vote_each_and_none_for_oneself(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    post_id = await answer(tx, room.ben, thread_id)

    async def votes() -> list[tuple[int, bool]]:
        return [(p.vote_count, p.has_voted) for p in await listed(tx, room.ada, thread_id)]

    for _ in range(2):
        await posts.vote_for_post(tx, room.ada, post_id, up=True)
    await posts.vote_for_post(tx, room.owner, post_id, up=True)
    assert await votes() == [(2, True)]
    for _ in range(2):
        await posts.vote_for_post(tx, room.ada, post_id, up=False)
    assert await votes() == [(1, False)]
    with pytest.raises(facts.OwnContribution):
        await posts.vote_for_post(tx, room.ben, post_id, up=True)


async def test_reports_are_decided_once(tx: Writer, room: Classroom) -> None:
    course_id = room.outline.course_id
    thread_id = await ask(tx, room, room.ada)
    post_id = await answer(tx, room.ben, thread_id, "Rude words")
    report_id = await reports.report_post(tx, room.ada, post_id, "Rude")
    also = await reports.report_post(tx, room.owner, post_id, "Very rude")
    with pytest.raises(facts.ReportedAlready):
        await reports.report_post(tx, room.ada, post_id, "Still rude")
    with pytest.raises(facts.OwnContribution):
        await reports.report_post(tx, room.ben, post_id, "Mine")
    with pytest.raises(errors.NotFound):
        await reports.report_thread(tx, room.stranger, thread_id, "Rude")
    for actor, refusal in ((room.ada, errors.Forbidden), (room.stranger, errors.Forbidden)):
        with pytest.raises(refusal):
            await reports.list_reports(tx, actor, course_id, ReportQuery())

    async def waiting(**query: Any) -> list[ReportView]:
        page = await reports.list_reports(tx, room.owner, course_id, ReportQuery(**query))
        return msgspec.json.decode(page.items, type=list[ReportView])

    assert [(r.id, r.body, r.reason) for r in await waiting()] == [
        (report_id, "Rude words", "Rude"),
        (also, "Rude words", "Very rude"),
    ]
    with pytest.raises(errors.Forbidden):
        await reports.resolve_report(tx, room.ada, report_id, Resolution(resolution="dismissed"))
    await reports.resolve_report(tx, room.owner, report_id, Resolution(resolution="hidden"))
    with pytest.raises(facts.ReportResolved):
        await reports.resolve_report(tx, room.owner, also, Resolution(resolution="dismissed"))
    assert await waiting() == []
    assert {r.resolution for r in await waiting(resolved=True)} == {"hidden"}
    assert [p.body for p in await listed(tx, room.ada, thread_id)] == [None]
    with pytest.raises(errors.NotFound):
        await reports.resolve_report(tx, room.owner, ids.new_id(), Resolution(resolution="hidden"))


async def test_announcements(tx: Writer, room: Classroom) -> None:
    course_id = room.outline.course_id
    new = NewAnnouncement(title="Storm", body="<p>No class<script>x</script></p>")
    with pytest.raises(errors.Forbidden):
        await announcements.post_announcement(tx, room.ada, course_id, new)
    made = await announcements.post_announcement(tx, room.owner, course_id, new)
    found, total = await announcements.list_announcements(tx, room.ada, course_id, PageQuery())
    assert ([a.body for a in found], total) == (["<p>No class</p>"], 1)
    with pytest.raises(facts.NotParticipant):
        await announcements.list_announcements(tx, room.stranger, course_id, PageQuery())
    with pytest.raises(errors.NotFound):
        await announcements.get_announcement(tx, room.stranger, made.id)
    changes = AnnouncementChanges(title="Storm over")
    changed = await announcements.update_announcement(tx, room.owner, made.id, changes, 1)
    assert (changed.title, changed.version) == ("Storm over", 2)
    with pytest.raises(errors.PreconditionFailed):
        await announcements.update_announcement(tx, room.owner, made.id, changes, 1)
    with pytest.raises(errors.Forbidden):
        await announcements.delete_announcement(tx, room.ada, made.id, None)
    await announcements.delete_announcement(tx, room.owner, made.id, 2)
    with pytest.raises(errors.NotFound):
        await announcements.get_announcement(tx, room.ada, made.id)
