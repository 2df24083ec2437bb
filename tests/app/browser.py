"""A headless Chromium that a test drives over the DevTools protocol, through two pipes.

Not here: any claim about a page.
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_SECONDS = 60.0


class Browser:
    """One browser with one page; for `async with`."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        """What the page's console had to say: errors, and what the page's policy forbade."""
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._session = ""

    async def __aenter__(self) -> "Browser":
        binary = shutil.which("chromium")
        if binary is None:
            pytest.skip("Chromium is not installed (make services)")
        self._folder = Path(tempfile.mkdtemp(prefix="lyceum-browser-"))
        to_browser, commands = os.pipe()
        answers, from_browser = os.pipe()
        # Chromium reads from file 3 and writes to file 4, which the shell puts in place.
        command = (
            f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser} {to_browser}<&- {from_browser}>&-'
        )
        self._process = await asyncio.create_subprocess_exec(
            "/bin/bash", "-c", command, binary, *FLAGS, f"--user-data-dir={self._folder}",
            pass_fds=(to_browser, from_browser), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        loop = asyncio.get_running_loop()
        self._commands = os.fdopen(commands, "wb", buffering=0)
        reader = asyncio.StreamReader(limit=1 << 26)
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(answers, "rb", buffering=0)
        )
        self._hearing = asyncio.create_task(self._hear(reader))
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._commands.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._hearing.cancel()
        await asyncio.gather(self._hearing, return_exceptions=True)
        self._transport.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def call(self, method: str, **parameters: Any) -> Any:
        """Send a command of the protocol and return its result."""
        number = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answer

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self.call("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """Return what an expression is in the page."""
        done = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def until(self, script: str) -> None:
        """Return when the expression is true in the page."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._holds(script):  # noqa: ASYNC110 - pages set no events
                await asyncio.sleep(0.05)

    async def _holds(self, script: str) -> bool:
        """Tell whether the expression is true; in a page that is just going nothing is."""
        try:
            done = await self.call("Runtime.evaluate", expression=f"!!({script})")
        except RuntimeError:
            return False
        return done["result"].get("value") is True

    async def look(self, path: Path, *, width: int, is_dark: bool) -> None:
        """Take a picture of the whole page, so wide, in light or dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
            mobile=width < 600,
        )  # fmt: skip
        height = await self.run("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = await self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(taken["data"]))

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        while True:
            message = json.loads((await reader.readuntil(b"\0"))[:-1])
            answer = self._waiting.pop(message.get("id", 0), None)
            if answer is not None and not answer.done():
                if "error" in message:
                    answer.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    answer.set_result(message["result"])
            elif message.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(message["params"]["exceptionDetails"]))
            elif message.get("method") == "Log.entryAdded":
                entry = message["params"]["entry"]
                if entry["level"] == "error":
                    self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
