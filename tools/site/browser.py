"""Runs JavaScript in a page of the built site, in a headless Chromium that is spoken to over two pipes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def found() -> str | None:
    """The browser of this machine, if there is one."""
    return next((name for name in BROWSERS if shutil.which(name)), None)


class SilentError(Exception):
    """The browser ended or ran out of time, so nothing is known about the page."""


class Page:
    """A page that is open in the browser."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to_browser = to_browser
        self._from_browser = from_browser
        self._ids = itertools.count(1)
        self._session: dict[str, str] = {}
        self._rest = b""

    def open(self, address: str) -> None:
        """Load an address, to the end of its scripts."""
        target = self._command("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self._command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        self._command("Page.enable")
        self._command("Page.navigate", url=address)
        while self._message().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """What the script, an expression, evaluates to; a promise is waited for."""
        done = self._command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise SystemExit(f"the page raised {json.dumps(done['exceptionDetails'])}")
        return done["result"].get("value")

    def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == number:
                if "error" in answer:
                    raise SystemExit(f"Chromium refused {method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._from_browser, 1 << 16)
            if not part:
                raise SilentError
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read


@contextlib.contextmanager
def page(browser: str, address: str, *, seconds: int = 300) -> Generator[Page]:
    """Open an address; the browser ends with the block, and after so many seconds in any case."""
    # Chromium reads commands from descriptor 3 and answers on 4.
    commands, to_browser = os.pipe()
    from_browser, answers = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,900", f"--user-data-dir={profile}"]
        command = f'exec timeout {seconds} "$@" 3<&{commands} 4>&{answers}'
        running = subprocess.Popen(
            ["sh", "-c", command, "sh", browser, *options, "--remote-debugging-pipe"],
            pass_fds=(commands, answers), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        try:
            opened = Page(to_browser, from_browser)
            opened.open(address)
            yield opened
        finally:
            os.close(to_browser)
            running.terminate()
            running.wait()
            os.close(from_browser)
