"""Mails to those who follow a thread: one until they have read it, and none to strangers."""

from pathlib import Path

import msgspec
import pytest

from lyceum.discussions import jobs
from lyceum.discussions.schemas.contributions import NewPost
from lyceum.discussions.service import news, posts, threads
from lyceum.platform import ids
from lyceum.platform.access import Actor, system_actor
from lyceum.platform.database import Database, Writer
from lyceum.platform.engines import Engines
from lyceum.platform.jobs import JobContext
from lyceum.platform.mailbox import MailboxMailer
from tests.courses import factories
from tests.discussions.conftest import Classroom
from tests.discussions.test_threads import ask

SYSTEM = system_actor("tests")


async def test_one_mail_until_they_read(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ada)
    assert room.ben.user_id is not None

    async def told() -> list[object]:
        await posts.answer_thread(tx, room.ben, thread_id, NewPost(body="A bowline"))
        return list(await news.claim_followers(tx, SYSTEM, thread_id, room.ben.require_user()))

    assert await told() == [room.ada.user_id]
    assert await told() == []
    await threads.mark_read(tx, room.ada, thread_id)
    assert await told() == [room.ada.user_id]
    await threads.unfollow_thread(tx, room.ada, thread_id)
    assert await told() == []


@pytest.mark.parametrize("who", ["ada", "stranger"])
async def test_only_who_may_see_the_thread_gets_the_mail(
    who: str, database: Database, engines: Engines, stored: Classroom, tmp_path: Path
) -> None:
    async with database.transaction() as tx:
        thread_id = await ask(tx, stored, stored.ben, title="Which knot?")
    mailbox = MailboxMailer(tmp_path, "Academy <academy@academy.test>")
    ours = msgspec.structs.replace(engines, mailer=mailbox)
    follower: Actor = getattr(stored, who)
    context = JobContext(ours, ids.new_id(), 1, SYSTEM)
    await jobs.mail_follower(context, thread_id=thread_id, user_id=follower.require_user())
    mails = [await mailbox.read_mail(line.id) for line in await mailbox.list_mails()]
    assert [("Which knot?" in mail.subject) for mail in mails] == [True] * (who == "ada")


async def test_who_has_left_the_course_gets_no_mail(tx: Writer, room: Classroom) -> None:
    thread_id = await ask(tx, room, room.ben)
    left = await factories.make_person(tx)
    await factories.enrol(tx, room.outline.course_id, left, status="dropped")
    assert await news.prepare_letter(tx, SYSTEM, thread_id, left.require_user()) is None
