"""A real server with a store of its own, and Chromium looking at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from core.datasets.digits import ensure_digits
from core.paths import Paths
from core.store import Store

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
START_SECONDS = 60.0
PATIENCE = 240_000
"""Milliseconds for what a worker does: it is niced, and beside the other tests' processes it gets a
tenth of a core."""
# The other tests use the same cores: Playwright's 5 s would judge the machine, not the page.
expect.set_options(timeout=20_000)


class Server(NamedTuple):
    """A running app; tests put runs and datasets into its store through ``paths``."""

    url: str
    paths: Paths
    first_sight: str
    """What its very first visitor saw, who came to the page Train by a deep link."""

    def page(self, name: str, **query: str) -> str:
        found = "&".join(f"{key}={value}" for key, value in query.items())
        return f"{self.url}/{name}?{found}"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("browser")
    paths = Paths(folder / "artifacts").create()
    ensure_digits(paths)
    port = free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        process = start_server(paths, port, output.fileno())
    try:
        wait_until_up(process, port, log)
        url = f"http://127.0.0.1:{port}"
        yield Server(url, paths, first_sight(browser, f"{url}/train"))
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def first_sight(browser: Browser, url: str) -> str:
    """The words of a page of a server that has drawn none yet; a test judges them."""
    page = browser.new_page(locale="en-US")
    page.goto(url)
    with suppress(PlaywrightTimeoutError):
        page.get_by_role("button", name="Launch training").wait_for(timeout=START_SECONDS * 1000)
    words = page.locator("body").inner_text()
    page.close()
    return words


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start_server(paths: Paths, port: int, output: int) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIENZO_")}
    return subprocess.Popen(
        [sys.executable, "-m", "serve", f"--server.port={port}"],
        cwd=ROOT,
        env={**environment, "LIENZO_ARTIFACTS": str(paths.root)},
        stdout=output,
        stderr=output,
    )


def wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    """The server's runs, as another process sees and makes them."""
    store = Store(server.paths)
    yield store
    store.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        words = "no chromium in PATH: install it (Debian: apt install chromium) for these tests"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A new visitor on a small laptop; an error in a script or a call to the outside fails."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
    page = context.new_page()
    problems: list[str] = []

    def on_request(request: Request) -> None:
        if request.url.startswith(("http:", "https:")) and not request.url.startswith(server.url):
            problems.append(f"asked for {request.url}")

    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", on_request)
    page.set_default_timeout(20_000)
    yield page
    context.close()
    assert not problems
