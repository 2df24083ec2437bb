"""Mail: what a message is, and the two ways it leaves: SMTP, or a mailbox that a developer reads.

One message goes to one address. Call `send` outside a transaction, from a job, with a key that is
the same on every try: the Message-ID is made of it, so a receiver can tell a second copy.
Not here: what is said (each domain's templates), the page that shows the mailbox, retries.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib
import msgspec

from lyceum.platform.clock import utc_now

# What `str.splitlines` breaks at, and NUL: all that could end a header early.
_BREAKS: Final = re.compile(r"[\x00-\x08\n-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_ATOM: Final = r"[^\s@<>()\[\]\\,;:\".]+"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_ATOM}(?:\.{_ATOM})*")
_NAMED: Final = re.compile(r'"?([^"<>]*?)"? *<([^<>]*)>')
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_OURS: Final = frozenset(
    {"from", "to", "cc", "bcc", "sender", "subject", "date", "message-id", "reply-to"}
    | {"return-path", "received", "mime-version"}
)


class MailRefused(ValueError):
    """A message that cannot be one: a line break in a header, an address that is none."""


class MailUndeliverable(Exception):
    """The server did not take it; `permanent` says that trying again cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Message(msgspec.Struct, frozen=True):
    """A mail to one address; `text` is always there, `html` may stand beside it."""

    to: str
    subject: str
    text: str
    html: str | None = None
    reply_to: str | None = None
    headers: Mapping[str, str] = {}


class Mailer(Protocol):
    """What a job may ask, whichever way the mail leaves."""

    async def send(self, message: Message, *, key: str) -> str:
        """Hand over a mail and return its Message-ID, the same for the same `key`.

        Raises `MailRefused` for a wrong message, `MailUndeliverable` for a server's no.
        """


class Sender(msgspec.Struct, frozen=True):
    """Who mails come from."""

    address: Address

    @classmethod
    def parse(cls, text: str) -> "Sender":
        """Read `address` or `Name <address>`; raises `MailRefused`."""
        named = _NAMED.fullmatch(_line(text))
        found = _address(named[2] if named else text)
        return cls(Address(named[1] if named else "", found.username, found.domain))


def compose(message: Message, *, sender: Sender, key: str) -> EmailMessage:
    """Make the mail that goes out; raises `MailRefused`."""
    to, origin = _address(message.to), sender.address
    is_plain = to.addr_spec.isascii() and origin.addr_spec.isascii()
    mail = EmailMessage(policy=SMTP if is_plain else SMTPUTF8)
    mail["From"] = origin
    mail["To"] = to
    mail["Subject"] = _line(message.subject)
    mail["Date"] = format_datetime(utc_now())
    mail["Message-ID"] = message_id(key, sender)
    if message.reply_to is not None:
        mail["Reply-To"] = _address(message.reply_to)
    for name, value in message.headers.items():
        is_ours = name.lower() in _OURS or name.lower().startswith("content-")
        if is_ours or not _HEADER_NAME.fullmatch(name):
            raise MailRefused("a header that a message may not set")
        mail[name] = _line(value)
    text = _body(message.text)
    mail.set_content(text, cte=_encoding_of(text))
    if message.html is not None:
        html = _body(message.html)
        mail.add_alternative(html, subtype="html", cte=_encoding_of(html))
    return mail


def message_id(key: str, sender: Sender) -> str:
    """Return the Message-ID of what is sent under `key`."""
    digest = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"<{digest}@{sender.address.domain}>"


class SmtpMailer:
    """Sends each mail on a connection of its own to the server of `url`.

    `smtp://user:password@host:port?tls=…` or `smtps://…`; `tls` is `starttls` (refuses to go on
    without), `smtps`, `none`, or missing: starttls where there is a password, else if offered.
    `sender` is `address` or `Name <address>`. Raises `ValueError` on an address that is none.
    """

    def __init__(self, url: str, sender: str, *, timeout: float = 20.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError(
                "mail is smtp://[user:password@]host[:port][?tls=starttls] or smtps://"
            )
        self._host = parts.hostname
        self._port = parts.port
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._implicit, self._start = _tls_of(parts)
        self._sender = Sender.parse(sender)
        self._timeout = timeout

    async def send(self, message: Message, *, key: str) -> str:
        """Hand the mail to the server, within `timeout` seconds in all."""
        mail = compose(message, sender=self._sender, key=key)
        try:
            async with asyncio.timeout(self._timeout):
                await aiosmtplib.send(
                    mail,
                    sender=self._sender.address.addr_spec,
                    recipients=[_address(message.to).addr_spec],
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    timeout=self._timeout,
                    use_tls=self._implicit,
                    start_tls=self._start,
                )
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise _undeliverable(fault) from fault
        return str(mail["Message-ID"])


def _tls_of(parts: SplitResult) -> tuple[bool, bool | None]:
    wanted = parse_qs(parts.query).get("tls", [""])[0]
    if parts.scheme == "smtps" or wanted == "smtps":
        return True, None
    if wanted == "none":
        return False, False
    if wanted == "starttls" or (wanted == "" and parts.password):
        return False, True
    if wanted == "":
        return False, None
    raise ValueError("tls is starttls, smtps or none")


def _undeliverable(fault: BaseException) -> MailUndeliverable:
    """Sort a fault: 5xx about this mail is final; what the operator can mend is not."""
    if isinstance(fault, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in fault.recipients]
        final = all(500 <= code < 600 for code in codes)
        return MailUndeliverable(f"the recipient was refused ({codes[0]})", permanent=final)
    if isinstance(fault, aiosmtplib.SMTPAuthenticationError):
        return MailUndeliverable("the mail server refused our password", permanent=False)
    if isinstance(fault, aiosmtplib.SMTPDataError | aiosmtplib.SMTPSenderRefused):
        final = 500 <= fault.code < 600
        return MailUndeliverable(f"the mail was refused ({fault.code})", permanent=final)
    if isinstance(fault, aiosmtplib.SMTPNotSupported):
        is_address = "SMTPUTF8" in str(fault)
        reason = "the mail server takes no such address" if is_address else "no TLS or no login"
        return MailUndeliverable(reason, permanent=is_address)
    return MailUndeliverable("the mail server does not answer as it should", permanent=False)


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    if len(text) > 320 or len(local) > 64 or not _ADDRESS.fullmatch(_line(text)):
        raise MailRefused("not an address that mail can go to")
    if not domain.isascii():
        with contextlib.suppress(UnicodeError):
            domain = domain.encode("idna").decode()
    try:
        return Address(username=local, domain=domain)
    except ValueError as fault:
        raise MailRefused("not an address that mail can go to") from fault


def _line(text: str) -> str:
    if _BREAKS.search(text):
        raise MailRefused("a header holds a line break or a control character")
    return text


def _encoding_of(text: str) -> str | None:
    """Return how a body travels: as it is where it can, so that no link in it is broken over two
    lines for whoever looks at the source (RFC 5322: 998 characters a line)."""
    is_plain = text.isascii() and max(map(len, text.splitlines()), default=0) <= 990
    return "7bit" if is_plain else None


def _body(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
