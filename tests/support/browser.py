"""A headless Chromium, driven through its DevTools pipe: one process for all pages, no driver to install."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: The accessibility engine axe-core 4.14.1 (Mozilla Public License 2.0), as its makers ship it.
AXE = Path(__file__).parent / "axe" / "axe.min.js"
#: Patience for one answer, in seconds; a shared machine can be slow.
PATIENCE = 120
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    # Frames of files may be looked into, and all share one process.
    "--allow-file-access-from-files",
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process",
    "--renderer-process-limit=1",
    "--remote-debugging-pipe",
)
#: Chromium wants its pipe as the descriptors 3 and 4, which a child gets only by moving them there.
_LAUNCH = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One tab of one Chromium, as wide and as dark as is wanted."""

    def __init__(self, profile: Path) -> None:
        self._number = 0
        self._events = []
        self._received = b""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), CHROMIUM, *_OPTIONS]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._session = None
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self.call("Page.enable")
        except (AssertionError, OSError):
            self._process.kill()
            self._end()
            raise

    def open(self, page: Path | str, width: int = 1000, *, dark: bool | None = False) -> None:
        """Load a file or an address, shown as ``show`` says."""
        self.show(width, dark=dark)
        self._events.clear()
        self.call("Page.navigate", url=page.as_uri() if isinstance(page, Path) else page)
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def click(self, selector: str) -> None:
        """Click on the first element that `selector` finds, and wait for the page that it leads to."""
        self._events.clear()
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def show(self, width: int, *, dark: bool | None) -> None:
        """Make the tab `width` CSS pixels wide, and prefer dark or light pages, or what pages prefer."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        preferred = {None: "", True: "dark", False: "light"}[dark]
        self.call(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": preferred}]
        )

    def evaluate(self, script: str):
        """Run `script` in the page and return its value; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, width: int) -> bytes:
        """Return the whole page as a PNG, from its top to its bottom."""
        height = self.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(taken["data"])

    def violations(self, *rules: str) -> list[str]:
        """Return what axe finds wrong with the page by `rules`, by all that it has on when none are named."""
        if not self.evaluate("typeof axe === 'object'"):
            self.evaluate(f"{AXE.read_text(encoding='utf-8')};null")
        options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
        found = self.evaluate(
            f"axe.run(document, {json.dumps(options)}).then(found => found.violations.map("
            "rule => [rule.id, rule.nodes.map(node => [node.html, node.failureSummary])]))"
        )
        return [f"{rule}: {html} {why}" for rule, nodes in found for html, why in nodes]

    def close(self) -> None:
        """End the browser."""
        with suppress(AssertionError, OSError):
            self._session = None
            self.call("Browser.close")
        self._end()

    def _end(self) -> None:
        self._process.wait(PATIENCE)
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **parameters):
        """Send one DevTools command and return its result."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        answer = self._until(lambda message: message.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    def _until(self, wanted):
        for message in self._events:
            if wanted(message):
                return message
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self._next(deadline)
            if wanted(message):
                return message
            if "id" not in message:
                self._events.append(message)

    def _next(self, deadline: float):
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            data = os.read(self._in, 1 << 20)
            assert data, "Chromium has ended"
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for the whole suite; without a Chromium that can be driven the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: pages are not looked at in a browser")
    try:
        opened = Browser(tmp_path_factory.mktemp("chromium"))
    except (AssertionError, OSError) as problem:
        pytest.skip(f"{CHROMIUM} cannot be driven here: {problem}")
    yield opened
    opened.close()
