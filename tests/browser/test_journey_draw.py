"""A digit drawn by hand, judged by a real network, on the page for whoever was given a link.

After ``test_journey`` in the alphabet, which leaves a trained network.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from core.records import RunStatus
from core.store import Store
from tests.browser.conftest import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def digits_run(server: Server, store: Store) -> str:
    """A run on the digits: one that another test has left, or a short one."""
    for record in store.runs(limit=50):
        accuracy = record.summary.test_accuracy if record.summary else None
        trained = store.paths.run(record.id).model.is_file() and record.config.data.dataset
        if record.status is RunStatus.FINISHED and trained == "digits" and (accuracy or 0) > 0.9:
            return record.id
    words = ("train", "--preset", "digits-quick", "--set", "train.epochs=4", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "core", "--artifacts", str(server.paths.root), *words],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        check=True,
    )
    return str(json.loads(done.stdout)["run_id"])


def test_a_one_is_drawn_and_recognised(page: Page, server: Server, digits_run: str) -> None:
    # The page for guests, which begins with drawing where that is what the network knows.
    page.goto(server.page("demo", run=digits_run))
    sheet = page.locator("canvas")
    expect(sheet).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    box = sheet.bounding_box()
    assert box
    # With a serif, not in the middle: it is centred as the digits of the set are.
    x, y = box["x"] + 60, box["y"] + 30
    page.mouse.move(x - 25, y + 35)
    page.mouse.down()
    for right, down in ((0, 0), (0, 100), (0, 200)):
        page.mouse.move(x + right, y + down, steps=5)
    page.mouse.up()
    chart = page.locator("[class*=st-key-top-own] [role=img], [class*=st-key-top-own]").first
    expect(chart).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stMarkdown").locator("strong").last).to_have_text("1")
    page.get_by_role("button", name="Undo").click()
    expect(chart).to_have_count(0)
