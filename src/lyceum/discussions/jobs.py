"""What the worker does about discussions: mails to those who follow a thread.

Not here: notifications that people choose by channel (`notifications`).
"""

from uuid import UUID

from lyceum.discussions.events import QuestionAnswered, QuestionAsked
from lyceum.discussions.service import news
from lyceum.platform import jobs
from lyceum.platform.access import system_actor
from lyceum.platform.database import Writer
from lyceum.platform.events import handles
from lyceum.platform.jobs import JobContext, job
from lyceum.platform.mail import Message

_ACTOR = system_actor("discussions")


@handles(QuestionAnswered)
async def tell_followers(tx: Writer, event: QuestionAnswered) -> None:
    """Have a mail written to everybody who follows the thread and has read what was there."""
    await _tell(tx, event.thread_id, event.author_id)


@handles(QuestionAsked)
async def tell_mentioned(tx: Writer, event: QuestionAsked) -> None:
    """Have a mail written to those whom a new question mentions: they follow it."""
    await _tell(tx, event.thread_id, event.author_id)


@job(queue="email")
async def mail_follower(context: JobContext, *, thread_id: UUID, user_id: UUID) -> None:
    """Tell one person that there is news in a thread."""
    async with context.transaction() as tx:
        letter = await news.prepare_letter(tx, context.actor, thread_id, user_id)
    if letter is None:
        return
    settings = context.engines.settings
    message = Message(
        to=letter.to,
        subject=f"{settings.academy_name}: news in “{letter.title}”",
        text=(
            f"Somebody has written in “{letter.title}”:\n\n"
            f"{settings.base_url}/threads/{thread_id}\n\n"
            "You will hear of this thread again once you have read it. To hear no more of it,"
            " stop following it there.\n"
        ),
    )
    await context.engines.mailer.send(message, key=str(context.job_id))


async def _tell(tx: Writer, thread_id: UUID, author_id: UUID) -> None:
    for user_id in await news.claim_followers(tx, _ACTOR, thread_id, author_id):
        await jobs.enqueue(tx, _ACTOR, mail_follower, thread_id=thread_id, user_id=user_id)
