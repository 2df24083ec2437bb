"""The other side of webhooks: a server that keeps what it is sent and answers as it is told."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Receiver:
    """What has come, and what is answered."""

    def __init__(self) -> None:
        self.answer = OK
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
        found = {name: value for name, _, value in lines}
        self.heads.append(found)
        self.bodies.append(await reader.readexactly(int(found["content-length"])))
        writer.write(self.answer)
        await writer.drain()
        writer.close()

    def is_signed_by(self, secret: str, index: int = -1) -> bool:
        """Verify a message as the specification tells a receiver to."""
        head, body = self.heads[index], self.bodies[index]
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return f"v1,{wanted}" in head["webhook-signature"].split(" ")


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Give a receiver on this machine that listens."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"
    yield receiver
    server.close()
    await server.wait_closed()
