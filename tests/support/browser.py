"""
Chromium without a screen, driven by its DevTools protocol: what a page looks like and asks for.

    async with Browser() as browser:
        page = await browser.open(url, width=390, dark=True)
        path.write_bytes(await page.picture())
        assert page.requests == [url, …]

Debian's package `chromium` has it; `program` says whether it is there. No name but loopback's is
resolved for it, so that nothing can come from elsewhere; `Page.requests` tells what was tried.
"""

import asyncio
import base64
import itertools
import os
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from support import polling
from support.polling import patience

Json = dict[str, Any]

MISSING = "there is no Chromium: apt-get install chromium"

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_START_SECONDS = 20.0
_ANSWER_SECONDS = 20.0


def program() -> str | None:
    """Find Chromium; None if it is not installed."""
    return next((found for each in _NAMES if (found := shutil.which(each))), None)


class Page:
    """A page in a tab of its own, loaded."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser, self._session = browser, session
        self.requests: list[str] = []
        """URLs that it has asked for, in their order."""
        self.complaints: list[str] = []
        """What the browser says of it: refused by its policy, not found, a script's error."""
        self._loaded = asyncio.Event()

    def hear(self, method: str, told: Json) -> None:
        """Take note of an event."""
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Page.loadEventFired":
            self._loaded.set()

    async def load(self, url: str) -> None:
        """Go there, and wait until all of it is there."""
        self._loaded.clear()
        await self.do("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), patience(_ANSWER_SECONDS))

    async def do(self, method: str, /, **parameters: object) -> Json:
        """Call a method of the protocol."""
        return await self._browser.call(method, parameters, self._session)

    async def value(self, expression: str) -> Any:  # noqa: ANN401  # JSON.
        """Compute JavaScript in the page, and give its value."""
        found = await self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def picture(self, *, most: int = 16000) -> bytes:
        """Take a PNG of the whole page, or of its first *most* pixels."""
        size = (await self.do("Page.getLayoutMetrics"))["cssContentSize"]
        height = min(most, size["height"])
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
        found = await self.do(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
        )
        return base64.b64decode(found["data"])


class Browser:
    """A Chromium process of its own, with an empty profile; ends with the block."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._pages: dict[str, Page] = {}

    async def __aenter__(self) -> Self:
        found = program()
        if found is None:
            raise FileNotFoundError(MISSING)
        self._profile = Path(tempfile.mkdtemp(prefix="rds-ssl-browser-"))
        self._process = await asyncio.create_subprocess_exec(
            found,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            f"--user-data-dir={self._profile}",
            "--remote-debugging-port=0",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._http = aiohttp.ClientSession()
        try:
            self._socket = await self._http.ws_connect(
                await asyncio.to_thread(self._address), max_msg_size=0
            )
        except BaseException:
            await self._end()
            raise
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listening.cancel()
        await self._socket.close()
        await self._end()

    async def open(
        self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> Page:
        """Open a page in which no script of its own runs, as wide as told."""
        target = await self.call("Target.createTarget", {"url": "about:blank"})
        attached = await self.call(
            "Target.attachToTarget", {"targetId": target["targetId"], "flatten": True}
        )
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for each in ("Page", "Network", "Log", "Runtime"):
            await page.do(f"{each}.enable")
        await page.do("Emulation.setScriptExecutionDisabled", value=True)
        await page.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await page.do("Emulation.setEmulatedMedia", features=[scheme])
        await page.load(url)
        return page

    async def call(self, method: str, parameters: Json, session: str = "") -> Json:
        """Call a method of the protocol, of the browser or of a page."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        sent = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json({**sent, **({"sessionId": session} if session else {})})
        return await asyncio.wait_for(answer, patience(_ANSWER_SECONDS))

    async def _listen(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                answer = self._answers.pop(told["id"])
                if "error" in told:
                    answer.set_exception(RuntimeError(str(told["error"])))
                else:
                    answer.set_result(told["result"])
            elif page := self._pages.get(told.get("sessionId", "")):
                page.hear(told["method"], told["params"])

    def _address(self) -> str:
        file = self._profile / "DevToolsActivePort"

        def lines() -> list[str]:
            return file.read_text().splitlines() if file.exists() else []

        polling.wait(
            lambda: None if len(lines()) == 2 else "Chromium does not listen yet",
            seconds=_START_SECONDS,
        )
        port, path = lines()
        return f"ws://127.0.0.1:{port}{path}"

    async def _end(self) -> None:
        await self._http.close()
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # With its helpers.
            await self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)
