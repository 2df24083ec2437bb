import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyceum.platform import mail, mailbox

HELLO = mail.Message("anna@example.org", "Welcome", "Hello Anna\n")
SENDER = "academy@lyceum.example"
PARSED = mail.Sender.parse(f"Académie <{SENDER}>")


def composed(message: mail.Message, key: str = "k") -> EmailMessage:
    made = mail.compose(message, sender=PARSED, key=key)
    return message_from_bytes(made.as_bytes(), policy=default)


def test_mail_has_what_a_mail_needs() -> None:
    message = mail.Message(
        "anna@example.org",
        "Grüße, 学习 🎓",
        "plain ü\n",
        html="<p>ü</p>\n",
        reply_to="teacher@example.org",
        headers={"List-Unsubscribe": "<https://lyceum.example/u/1>"},
    )
    found = composed(message)
    assert found["From"].addresses[0].display_name == "Académie"
    assert found["From"].addresses[0].addr_spec == SENDER
    assert found["To"] == "anna@example.org"
    assert found["Subject"] == "Grüße, 学习 🎓"
    assert found["Reply-To"] == "teacher@example.org"
    assert found["List-Unsubscribe"] == "<https://lyceum.example/u/1>"
    assert found["Date"].datetime.tzinfo is not None
    text, html = found.get_body(("plain",)), found.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content() == "plain ü\r\n"
    assert html.get_content() == "<p>ü</p>\r\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a@b.org", "a@b.org"),
        ("Lyceum <no-reply@localhost>", "Lyceum <no-reply@localhost>"),
        ('"Lyceum, the academy" <a@b.org>', '"Lyceum, the academy" <a@b.org>'),
    ],
)
def test_sender_is_an_address_with_or_without_a_name(text: str, shown: str) -> None:
    assert str(mail.Sender.parse(text).address) == shown


@pytest.mark.parametrize("text", ["", "Lyceum", "Lyceum <>", "a@b.org, c@d.org"])
def test_sender_that_is_none(text: str) -> None:
    with pytest.raises(mail.MailRefused):
        mail.Sender.parse(text)


def test_message_id_is_made_of_the_key() -> None:
    assert composed(HELLO, "a")["Message-ID"] == composed(HELLO, "a")["Message-ID"]
    assert composed(HELLO, "a")["Message-ID"] != composed(HELLO, "b")["Message-ID"]
    assert composed(HELLO, "a")["Message-ID"].endswith("@lyceum.example>")


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=2000))
def test_subject_comes_through_or_is_refused(subject: str, name: str, text: str) -> None:
    message = mail.Message("a@example.org", subject, text, headers={"X-Course": name})
    try:
        made = mail.compose(message, sender=PARSED, key="k")
    except mail.MailRefused:
        return
    raw = made.as_bytes()
    head = raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    lines = head.split(b"\r\n")
    names = [line.partition(b":")[0] for line in lines]
    assert sorted(names) == sorted(set(names)), "no header came in through a value"
    assert {b"From", b"To", b"Subject", b"X-Course"} <= set(names)
    assert not any(b"\n" in line or b"\r" in line for line in lines)


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\x00", "\x0b", "\x1c", "\x85", "\u2028"])
def test_line_break_in_any_header_is_refused(break_: str) -> None:
    evil = f"x{break_}Bcc: everyone@example.org"
    for message in (
        msgspec.structs.replace(HELLO, subject=evil),
        msgspec.structs.replace(HELLO, to=f"a@example.org{break_}"),
        msgspec.structs.replace(HELLO, to=f"{break_}a@example.org"),
        msgspec.structs.replace(HELLO, reply_to=f"a{break_}@example.org"),
        msgspec.structs.replace(HELLO, headers={"X-A": evil}),
        msgspec.structs.replace(HELLO, headers={evil: "x"}),
    ):
        with pytest.raises(mail.MailRefused):
            composed(message)
    with pytest.raises(mail.MailRefused):
        mail.Sender.parse(f"{evil} <{SENDER}>")


@pytest.mark.parametrize(
    "address",
    ["", "anna", "anna@", "@example.org", "a b@example.org", "a@b, c@d", "a@b;c@d", "<a@b>",
     "Anna <a@b.org>", "a@b@c", "a@example..org", "a@.org", "x" * 65 + "@example.org",
     "a@" + "b" * 330, ".a@example.org", "a..b@example.org", '"a"@example.org', "a@b\\c"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(mail.MailRefused):
        composed(msgspec.structs.replace(HELLO, to=address))


@pytest.mark.parametrize(
    "name", ["Bcc", "FROM", "content-type", "Content-Length", "Subject", "X A", "X:", "", "Ü"]
)
def test_header_that_a_message_may_not_set(name: str) -> None:
    with pytest.raises(mail.MailRefused):
        composed(msgspec.structs.replace(HELLO, headers={name: "x"}))


class FakeServer:
    """A mail server that keeps what it gets and answers as told, by the command's first word."""

    def __init__(self, **answers: str) -> None:
        self.answers = {"RCPT": "250 ok", "MAIL": "250 ok", "BODY": "250 ok"} | answers
        self.lines: list[str] = []
        self.body = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")

        say(self.answers.get("GREETING", "220 here"))
        while line := (await reader.readline()).decode().strip():
            self.lines.append(line)
            word = line.split()[0].upper()
            if word == "EHLO":
                say(self.answers.get("EHLO", "250-here\r\n250-8BITMIME\r\n250 SMTPUTF8"))
            elif word == "DATA":
                say("354 go on")
                self.body = await reader.readuntil(b"\r\n.\r\n")
                say(self.answers["BODY"])
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say(self.answers.get(word, "250 ok"))


@asynccontextmanager
async def server_at(fake: FakeServer) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await fake.serve(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def mailer_at(port: int, query: str = "", timeout: float = 5) -> mail.SmtpMailer:
    return mail.SmtpMailer(f"smtp://127.0.0.1:{port}{query}", SENDER, timeout=timeout)


async def test_mail_is_handed_to_the_server() -> None:
    fake = FakeServer()
    async with server_at(fake) as port:
        message = msgspec.structs.replace(HELLO, to="jürgen@bücher.example", html="<p>ü</p>")
        sent = await mailer_at(port).send(message, key="job:1")
    assert f"MAIL FROM:<{SENDER}>" in fake.lines[1]
    assert fake.lines[2].startswith("RCPT TO:<jürgen@xn--bcher-kva.example>")
    found = message_from_bytes(fake.body, policy=default)
    assert found["Message-ID"] == sent == mail.message_id("job:1", PARSED)
    assert found["To"] == "jürgen@xn--bcher-kva.example"


async def test_password_is_not_said_without_tls() -> None:
    fake = FakeServer(EHLO="250-here\r\n250 AUTH PLAIN")
    async with server_at(fake) as port:
        mailer = mail.SmtpMailer(f"smtp://user:p%40ss@127.0.0.1:{port}", SENDER)
        with pytest.raises(mail.MailUndeliverable) as undeliverable:
            await mailer.send(HELLO, key="k")
    assert not undeliverable.value.permanent
    assert not any(line.startswith("AUTH") for line in fake.lines)


async def test_password_is_said_where_the_address_allows_it() -> None:
    fake = FakeServer(EHLO="250-here\r\n250 AUTH PLAIN", AUTH="235 yes")
    async with server_at(fake) as port:
        url = f"smtp://user:p%40ss@127.0.0.1:{port}?tls=none"
        await mail.SmtpMailer(url, SENDER).send(HELLO, key="k")
    assert any(line.startswith("AUTH PLAIN") for line in fake.lines)


@pytest.mark.parametrize(
    ("answers", "permanent"),
    [
        ({"RCPT": "550 no such user anna@example.org"}, True),
        ({"RCPT": "450 later"}, False),
        ({"MAIL": "553 not you"}, True),
        ({"MAIL": "451 later"}, False),
        ({"BODY": "554 spam"}, True),
        ({"BODY": "452 full"}, False),
        ({"GREETING": "554 go away"}, False),
        ({"EHLO": "421 closing"}, False),
        ({"BODY": "nonsense"}, False),
        ({"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 wrong"}, False),
    ],
)
async def test_no_of_a_server(answers: dict[str, str], permanent: bool) -> None:
    async with server_at(FakeServer(**answers)) as port:
        login = "user:pass@" if "AUTH" in answers else ""
        url = f"smtp://{login}127.0.0.1:{port}?tls=none"
        with pytest.raises(mail.MailUndeliverable) as undeliverable:
            await mail.SmtpMailer(url, SENDER).send(HELLO, key="k")
    assert undeliverable.value.permanent is permanent
    assert "anna" not in str(undeliverable.value)


async def test_address_that_the_server_cannot_take_is_final() -> None:
    async with server_at(FakeServer(EHLO="250 here")) as port:
        with pytest.raises(mail.MailUndeliverable) as undeliverable:
            await mailer_at(port).send(msgspec.structs.replace(HELLO, to="ü@example.org"), key="k")
    assert undeliverable.value.permanent


async def test_server_that_is_silent_or_away_is_tried_again() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for where in (port, 1):
        with pytest.raises(mail.MailUndeliverable) as undeliverable:
            await mailer_at(where, timeout=0.1).send(HELLO, key="k")
        assert not undeliverable.value.permanent
    server.close()


@pytest.mark.parametrize("url", ["", "http://x", "smtp://", "smtp://x?tls=maybe"])
def test_wrong_addresses_of_a_server(url: str) -> None:
    with pytest.raises(ValueError, match="smtp"):
        mail.SmtpMailer(url, SENDER)


async def test_mailbox_keeps_lists_and_opens(tmp_path: Path) -> None:
    box = mailbox.MailboxMailer(tmp_path / "mail", SENDER)
    assert await box.list_mails() == []
    for number in range(5):
        message = msgspec.structs.replace(HELLO, subject=f"Grüße {number}", html="<b>hi</b>")
        await box.send(message, key=f"job:{number}")
    lines = await box.list_mails(limit=2)
    assert [line.subject for line in lines] == ["Grüße 4", "Grüße 3"]
    opened = await box.read_mail(lines[0].id)
    assert (opened.to, opened.subject) == ("anna@example.org", "Grüße 4")
    assert (opened.text, opened.html) == ("Hello Anna\n", "<b>hi</b>\n")
    assert ("Message-ID", mail.message_id("job:4", PARSED)) in opened.headers
    assert (await box.read_raw(lines[0].id)).startswith(b"From: ")
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700


async def test_mailbox_keeps_one_mail_a_key(tmp_path: Path) -> None:
    one = mailbox.MailboxMailer(tmp_path, SENDER)
    other = mailbox.MailboxMailer(tmp_path, SENDER)
    await asyncio.gather(*(box.send(HELLO, key="k") for box in [one, other] * 20))
    await asyncio.gather(*(one.send(HELLO, key=str(number)) for number in range(30)))
    assert len(await other.list_mails()) == 31
    assert len(os.listdir(tmp_path)) == 32  # noqa: PTH208 - a listing, in an async test


@pytest.mark.parametrize("mail_id", ["", "../../etc/passwd", "a" * 40, "A" * 40, "a" * 40 + "\n"])
async def test_mail_that_is_not_there(tmp_path: Path, mail_id: str) -> None:
    with pytest.raises(mailbox.MailMissing):
        await mailbox.MailboxMailer(tmp_path, SENDER).read_mail(mail_id)


async def test_half_a_line_of_a_killed_process_is_skipped(tmp_path: Path) -> None:
    box = mailbox.MailboxMailer(tmp_path, SENDER)
    await box.send(HELLO, key="k")
    with (tmp_path / "index.jsonl").open("ab") as index:
        index.write(b'{"id":"12')
    assert len(await box.list_mails()) == 1


def test_a_link_is_whole_in_the_source() -> None:
    """Where a developer, or a test, takes it from."""
    link = f"https://academy.test/verify-email?token={'x' * 43}"
    message = msgspec.structs.replace(HELLO, text=f"Open this:\n\n{link}\n", html=f"<p>{link}</p>")
    source = mail.compose(message, sender=PARSED, key="k").as_bytes().decode()
    assert source.count(link) == 2
    long = msgspec.structs.replace(HELLO, text="y" * 2000)
    assert max(map(len, mail.compose(long, sender=PARSED, key="k").as_bytes().splitlines())) < 998
