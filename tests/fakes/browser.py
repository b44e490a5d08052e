"""A real browser without a window, told what to do over a pipe (Chrome DevTools Protocol)."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["BROWSER", "Page", "browser_page"]

BROWSER: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
"""None where there is none."""

_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
)


class Refused(Exception):
    """The browser could not do it, for instance because it went on to another page meanwhile."""


class Page:
    """One tab. Its methods raise Refused."""

    def __init__(self, writing: int, reading: int) -> None:
        self._writing, self._reading = writing, reading
        self._left = b""
        self._number = 0
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def open(self, url: str) -> None:
        """Go there."""
        self._call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page, once its promise is kept."""
        found = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise Refused(found["exceptionDetails"])
        return found["result"].get("value")

    def until(self, script: str, timeout_s: float = 20.0) -> None:
        """Return once the expression is true; AssertionError when it is not in time."""
        end = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(Refused):
                if self.run(script):
                    return
            assert time.monotonic() < end, f"{script}: never; the page: {self.run('document.body.innerText')}"
            time.sleep(0.05)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise Refused(answer["error"])
                found: dict[str, Any] = answer["result"]
                return found

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            part = os.read(self._reading, 1 << 20)
            assert part, "the browser ended"
            self._left += part
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextlib.contextmanager
def browser_page(*options: str) -> Iterator[Page]:
    """An empty tab of a browser of its own, with nothing remembered; `options`: further ones of its command line."""
    assert BROWSER is not None
    to_browser, from_browser = os.pipe(), os.pipe()
    ours = f'exec "$0" "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'  # where the browser expects them
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [BROWSER, *_OPTIONS, *options, f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
        with subprocess.Popen(
            ["bash", "-c", ours, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(to_browser[0], from_browser[1]),
        ) as process:
            os.close(to_browser[0])
            os.close(from_browser[1])
            try:
                yield Page(to_browser[1], from_browser[0])
            finally:
                process.kill()
                os.close(to_browser[1])
                os.close(from_browser[0])
