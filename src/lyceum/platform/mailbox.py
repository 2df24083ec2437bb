"""The development mailbox: every mail as a file that can be read, none leaves the machine.

One `.eml` a mail and one line in `index.jsonl`. For development and tests: nothing bounds it.
Not here: real delivery (`mail`), the page that shows it.
"""

import asyncio
import re
import secrets
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.message import MIMEPart
from email.policy import default
from pathlib import Path
from typing import Final

import msgspec

from lyceum.platform import mail
from lyceum.platform.clock import utc_now

_ID: Final = re.compile(r"[0-9a-f]{40}")
_TAIL: Final = 8 << 20


class MailMissing(LookupError):
    """No mail under this id."""


class MailLine(msgspec.Struct, frozen=True):
    """A mail as the list shows it."""

    id: str
    sent_at: datetime
    to: str
    subject: str


class ReadMail(msgspec.Struct, frozen=True):
    """A mail opened."""

    id: str
    to: str
    subject: str
    text: str
    html: str | None
    headers: tuple[tuple[str, str], ...]


class MailboxMailer:
    """Keeps mails in `folder`, which it makes, private; safe for several processes."""

    def __init__(self, folder: Path, sender: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._folder = folder
        self._index = folder / "index.jsonl"
        self._sender = mail.Sender.parse(sender)

    async def send(self, message: mail.Message, *, key: str) -> str:
        """Keep a mail; a second one under the same `key` changes nothing."""
        made = mail.compose(message, sender=self._sender, key=key)
        message_id = str(made["Message-ID"])
        line = MailLine(message_id[1:41], utc_now(), message.to, message.subject[:200])
        await asyncio.to_thread(self._keep, line, made.as_bytes())
        return message_id

    async def list_mails(self, limit: int = 100) -> list[MailLine]:
        """Return the last mails, the latest first."""
        return await asyncio.to_thread(self._last_lines, limit)

    async def read_mail(self, mail_id: str) -> ReadMail:
        """Open a mail; raises `MailMissing`."""
        raw = await self.read_raw(mail_id)
        found = message_from_bytes(raw, policy=default)
        text, html = found.get_body(("plain",)), found.get_body(("html",))
        return ReadMail(
            mail_id,
            str(found["To"]),
            str(found["Subject"]),
            _content(text) if text else "",
            _content(html) if html else None,
            tuple((name, str(value)) for name, value in found.items()),
        )

    async def read_raw(self, mail_id: str) -> bytes:
        """Return a mail as it would have gone out; raises `MailMissing`."""
        if not _ID.fullmatch(mail_id):
            raise MailMissing("there is no such mail")
        try:
            return await asyncio.to_thread((self._folder / f"{mail_id}.eml").read_bytes)
        except FileNotFoundError as fault:
            raise MailMissing("there is no such mail") from fault

    def _keep(self, line: MailLine, raw: bytes) -> None:
        final = self._folder / f"{line.id}.eml"
        begun = self._folder / f"{line.id}.{secrets.token_hex(4)}.tmp"
        begun.write_bytes(raw)
        try:
            final.hardlink_to(begun)
        except FileExistsError:
            return
        finally:
            begun.unlink()
        # One write to a file opened for appending: lines of several processes do not mix.
        with self._index.open("ab", buffering=0) as index:
            index.write(msgspec.json.encode(line) + b"\n")

    def _last_lines(self, limit: int) -> list[MailLine]:
        if not self._index.exists():
            return []
        with self._index.open("rb") as index:
            index.seek(max(0, self._index.stat().st_size - _TAIL))
            lines = index.read().splitlines()
        return list(_decoded(lines[::-1][:limit]))


def _content(part: MIMEPart) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def _decoded(lines: list[bytes]) -> Iterator[MailLine]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=MailLine)
        except msgspec.DecodeError:
            continue  # half a line, of a process that was killed
