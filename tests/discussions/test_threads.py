"""Threads: who sees them, who may do what, and what is counted."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from lyceum.courses.service import courses, structure
from lyceum.discussions import errors as facts
from lyceum.discussions.schemas.contributions import (
    NewPost,
    NewThread,
    ThreadChanges,
    ThreadQuery,
    ThreadView,
    WholeThread,
)
from lyceum.discussions.service import posts, threads
from lyceum.platform import errors, ids
from lyceum.platform.access import ANONYMOUS, Actor
from lyceum.platform.database import Writer
from lyceum.platform.paging import PageQuery
from tests.courses import factories
from tests.discussions.conftest import Classroom


async def ask(tx: Writer, room: Classroom, actor: Actor, **changes: Any) -> UUID:
    new = NewThread(**{"title": "Why a lantern?", "body": "<p>And why at sea?</p>", **changes})
    return await threads.ask_question(tx, actor, room.outline.course_id, new)


async def shown(tx: Writer, actor: Actor, thread_id: UUID) -> WholeThread:
    found, _ = await threads.get_thread(tx, actor, thread_id)
    return msgspec.json.decode(found, type=WholeThread)


async def listed(tx: Writer, room: Classroom, actor: Actor, **query: Any) -> list[ThreadView]:
    page = await threads.list_threads(tx, actor, room.outline.course_id, ThreadQuery(**query))
    found = msgspec.json.decode(page.items, type=list[ThreadView])
    assert page.total == len(found)
    return found


async def test_a_question_is_asked_and_read(tx: Writer, room: Classroom) -> None:
    lecture = room.outline.lectures[1]
    thread_id = await ask(tx, room, room.ada, lecture_id=lecture.id)
    thread = await shown(tx, room.ben, thread_id)
    assert (thread.title, thread.body) == ("Why a lantern?", "<p>And why at sea?</p>")
    assert (thread.author.user_id, thread.lecture_id) == (room.ada.user_id, lecture.id)
    assert not thread.is_subscribed
    assert (await shown(tx, room.ada, thread_id)).is_subscribed
    assert await factories.events_of(tx, thread_id) == ["question.asked"]


async def test_only_learners_and_staff_take_part(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    assert (await shown(tx, room.owner, thread_id)).id == thread_id
    with pytest.raises(errors.NotFound):
        await threads.get_thread(tx, room.stranger, thread_id)
    with pytest.raises(errors.NotFound):
        await threads.get_thread(tx, room.stranger, ids.new_id())
    for what in (ask(tx, room, room.stranger), listed(tx, room, room.stranger)):
        with pytest.raises(facts.NotParticipant):
            await what
    for what in (ask(tx, room, ANONYMOUS), listed(tx, room, ANONYMOUS)):
        with pytest.raises(errors.Unauthorized):
            await what
    await courses.archive_course(tx, room.owner, room.outline.course_id)
    with pytest.raises(errors.NotFound):
        await listed(tx, room, room.stranger)
    assert len(await listed(tx, room, room.ada)) == 1


async def test_a_thread_goes_with_its_lecture(tx: Writer, room: Classroom) -> None:
    lecture = room.outline.lectures[0]
    thread_id = await ask(tx, room, room.ada, lecture_id=lecture.id)
    await structure.delete_lecture(tx, room.owner, lecture.id, None)
    assert await listed(tx, room, room.ada) == []
    with pytest.raises(errors.NotFound):
        await threads.get_thread(tx, room.ada, thread_id)
    assert [t.id for t in await listed(tx, room, room.owner)] == [thread_id]
    for lecture_id in (lecture.id, ids.new_id()):
        with pytest.raises(errors.ValidationFailed):
            await ask(tx, room, room.ben, lecture_id=lecture_id)


async def test_what_is_written_is_cleaned(tx: Writer, room: Classroom) -> None:
    body = '<p onclick="x()">Hi<script>alert(1)</script><img src=x onerror=alert(1)></p>'
    thread = await shown(
        tx, room.ben, await ask(tx, room, room.ada, title=" a\u202e b ", body=body)
    )
    assert thread.title == "a b"
    assert "script" not in thread.body
    assert "onerror" not in thread.body
    for wrong in ({"body": "<script>x</script>"}, {"title": "  a  "}):
        with pytest.raises(errors.ValidationFailed):
            await ask(tx, room, room.ada, **wrong)


async def test_lists_filter_and_sort(tx: Writer, room: Classroom) -> None:
    lecture = room.outline.lectures[0]
    first = await ask(tx, room, room.ada, lecture_id=lecture.id)
    second = await ask(tx, room, room.ben, title="Where is the anchor?")
    third = await ask(tx, room, room.ben, title="Whales")
    post_id = await posts.answer_thread(tx, room.ben, first, NewPost(body="Because"))
    await posts.accept_post(tx, room.ada, post_id)
    await threads.vote_for_thread(tx, room.ada, second, up=True)
    await threads.update_thread(tx, room.owner, third, ThreadChanges(is_pinned=True), None)

    async def order(**query: Any) -> list[UUID]:
        return [t.id for t in await listed(tx, room, room.ada, **query)]

    assert (await order())[:2] == [third, first]
    assert (await order(sort="votes"))[:2] == [third, second]
    assert await order(lecture_id=lecture.id) == [first]
    assert await order(is_answered=True) == [first]
    assert set(await order(is_answered=False)) == {second, third}
    assert await order(mine=True) == [first]
    assert await order(search="anchor") == [second]
    assert await order(search="') OR 1=1 --") == []


async def test_the_author_changes_the_text_and_staff_the_state(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    await threads.update_thread(tx, room.ada, thread_id, ThreadChanges(title="Why lamps?"), 1)
    assert (await shown(tx, room.ben, thread_id)).title == "Why lamps?"
    with pytest.raises(errors.PreconditionFailed):
        await threads.update_thread(tx, room.ada, thread_id, ThreadChanges(title="Old"), 1)
    for actor in (room.ben, room.owner):
        with pytest.raises(errors.Forbidden):
            await threads.update_thread(tx, actor, thread_id, ThreadChanges(body="Mine"), None)
    for actor in (room.ada, room.ben):
        with pytest.raises(errors.Forbidden):
            await threads.update_thread(tx, actor, thread_id, ThreadChanges(is_pinned=True), None)
    await threads.update_thread(tx, room.owner, thread_id, ThreadChanges(is_locked=True), None)
    with pytest.raises(facts.ThreadLocked):
        await threads.update_thread(tx, room.ada, thread_id, ThreadChanges(title="Late"), None)
    with pytest.raises(facts.ThreadLocked):
        await posts.answer_thread(tx, room.ben, thread_id, NewPost(body="Late"))
    await posts.answer_thread(tx, room.owner, thread_id, NewPost(body="That is all."))


async def test_a_hidden_thread_is_for_its_author_and_staff(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    await threads.update_thread(tx, room.owner, thread_id, ThreadChanges(is_hidden=True), None)
    assert await listed(tx, room, room.ben) == []
    with pytest.raises(errors.NotFound):
        await threads.get_thread(tx, room.ben, thread_id)
    for actor in (room.ada, room.owner):
        assert [t.is_hidden for t in await listed(tx, room, actor)] == [True]


async def test_who_deletes_a_thread(tx: Writer, room: Classroom) -> None:
    lonely, answered = await ask(tx, room, room.ada), await ask(tx, room, room.ada)
    await posts.answer_thread(tx, room.ben, answered, NewPost(body="Because"))
    with pytest.raises(errors.Forbidden):
        await threads.delete_thread(tx, room.ben, lonely, None)
    with pytest.raises(facts.ThreadAnswered):
        await threads.delete_thread(tx, room.ada, answered, None)
    await threads.delete_thread(tx, room.ada, lonely, 1)
    await threads.delete_thread(tx, room.owner, answered, None)
    assert await listed(tx, room, room.owner) == []


async def test_followed_threads_have_news_until_read(tx: Writer, room: Classroom) -> None:
    async def news(actor: Actor) -> list[bool]:
        page = await threads.list_followed(tx, actor, PageQuery())
        return [t.has_news for t in msgspec.json.decode(page.items, type=list[ThreadView])]

    thread_id = await ask(tx, room, room.ada, mentions=(room.owner.user_id,))
    assert (await news(room.ada), await news(room.owner), await news(room.ben)) == (
        [False],
        [True],
        [],
    )
    await posts.answer_thread(tx, room.ben, thread_id, NewPost(body="Because"))
    assert (await news(room.ada), await news(room.ben)) == ([True], [False])
    await threads.mark_read(tx, room.ada, thread_id)
    assert await news(room.ada) == [False]
    await threads.unfollow_thread(tx, room.ada, thread_id)
    assert await news(room.ada) == []
    await threads.follow_thread(tx, room.ada, thread_id)
    await threads.follow_thread(tx, room.ada, thread_id)
    assert len(await news(room.ada)) == 1
    await courses.delete_course(tx, room.owner, str(room.outline.course_id), None)
    assert await news(room.ada) == []


async def test_only_people_of_the_course_are_mentioned(tx: Writer, room: Classroom) -> None:
    for mentions in ((room.stranger.user_id,), (room.ben.user_id, ids.new_id())):
        with pytest.raises(errors.ValidationFailed):
            await ask(tx, room, room.ada, mentions=mentions)
    thread = await shown(
        tx, room.ada, await ask(tx, room, room.ada, mentions=(room.ben.user_id, room.ben.user_id))
    )
    assert thread.mentions == [room.ben.user_id]
