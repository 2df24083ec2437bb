"""The mails that people get in tests, in a mailbox of the test's own."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from lyceum.app import services
from lyceum.platform import runner
from lyceum.platform.engines import Engines
from lyceum.platform.mailbox import MailboxMailer, ReadMail
from lyceum.users import api as users

Post = Callable[[str], Awaitable[list[ReadMail]]]


def open_post(engines: Engines, folder: Path) -> Post:
    """Return what delivers every mail that is due, and gives those to one address, oldest first."""
    mailbox = MailboxMailer(folder, "Academy <academy@people.test>")
    ours = msgspec.structs.replace(engines, mailer=mailbox)
    services.load_handlers("all")

    async def post(address: str) -> list[ReadMail]:
        await runner.drain(ours, users.actor_for)
        lines = [line for line in await mailbox.list_mails(1000) if line.to == address]
        return [await mailbox.read_mail(line.id) for line in reversed(lines)]

    return post


def token_in(mail: ReadMail) -> str:
    """Return the token of the link in a mail."""
    [token] = re.findall(r"\?token=(\S+)", mail.text)
    return str(token)
