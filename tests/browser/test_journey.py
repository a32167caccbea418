"""The main job as a new user does it, in a real browser, with real trainings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from core.records import RunStatus
from core.store import Store
from tests.browser.conftest import PATIENCE, ROOT, Server
from ui.i18n import catalogue

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RUN = re.compile(r"run=(\d{8}-\d{6}-\d{3}-[0-9a-f]{4})")


@pytest.fixture
def second(browser: Browser, server: Server) -> Iterator[Page]:
    """Somebody else's browser, in Spanish."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="es-ES")
    yield context.new_page()
    context.close()


def spanish(message: str) -> str:
    return catalogue("es").gettext(message)


def run_in_address(page: Page) -> str:
    found = RUN.search(page.url)
    assert found, page.url
    return found.group(1)


def test_one_click_trains_and_ends_on_the_errors_page(
    page: Page, second: Page, server: Server, store: Store
) -> None:
    page.goto(server.page(""))
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(RUN, timeout=PATIENCE)
    run_id = run_in_address(page)
    # Somebody else finds it by its address while it trains, in their own language …
    second.goto(server.page("train", run=run_id))
    expect(second.get_by_text(spanish("Validation accuracy"))).to_be_visible(timeout=PATIENCE)
    # … and it goes on while this browser reloads.
    second.reload()
    expect(second.locator("[class*=st-key-curve] canvas").first).to_be_visible(timeout=PATIENCE)
    # The one who has started it need not do anything.
    page.wait_for_url(re.compile(r"/errors.*run="), timeout=PATIENCE)
    assert run_in_address(page) == run_id
    record = store.refresh(run_id)
    assert record.status is RunStatus.FINISHED
    assert record.summary is not None
    assert record.summary.test_accuracy is not None
    assert record.summary.test_accuracy > 0.95
    # Who has only looked on stays, and has a link there.
    stop = second.get_by_role("button", name=spanish("Stop"), exact=True)
    expect(stop).to_have_count(0, timeout=PATIENCE)
    second.get_by_role("link", name=spanish("See what it gets wrong")).click()
    second.wait_for_url(re.compile("/errors"))
    assert run_in_address(second) == run_id
    for browser in (page, second):
        expect(browser.get_by_text("Traceback")).to_have_count(0)


def test_a_training_is_set_up_launched_and_stopped(
    page: Page, server: Server, store: Store
) -> None:
    page.goto(server.page("train"))
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("5000")
    epochs.press("Enter")
    page.get_by_role("button", name="Launch training").click()
    page.wait_for_url(RUN)
    run_id = run_in_address(page)
    # Epochs are shorter than a tick of the page: any but the first will do.
    later = page.get_by_text(re.compile(r"epoch ([2-9]|\d\d+|\d,\d+) of 5,000"))
    expect(later.first).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Test accuracy")).to_be_visible(timeout=PATIENCE)
    assert store.refresh(run_id).status is RunStatus.STOPPED


def test_two_browsers_have_forms_of_their_own(page: Page, second: Page, server: Server) -> None:
    page.goto(server.page("train"))
    second.goto(server.page("train"))
    mine = page.get_by_role("spinbutton", name="Filters")
    theirs = second.get_by_role("spinbutton", name=spanish("Filters"))
    expect(theirs).to_have_value("32", timeout=PATIENCE)
    mine.fill("16")
    mine.press("Enter")
    page.wait_for_timeout(500)
    second.get_by_text(spanish("Advanced settings")).click()  # makes the page run again
    expect(second.get_by_text(spanish("Kernel"), exact=True)).to_be_visible()
    expect(theirs).to_have_value("32")
    expect(mine).to_have_value("16")


def test_the_choice_of_a_language_stays_and_keeps_the_form(page: Page, server: Server) -> None:
    page.goto(server.page("train"))
    units = page.get_by_role("spinbutton", name="Units", exact=True)
    page.get_by_role("radio", name="MLP").or_(
        page.get_by_test_id("stButtonGroup").get_by_text("MLP", exact=True)
    ).first.click()
    expect(units).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_role("combobox").last.click()
    page.get_by_role("option", name="Español").click()
    expect(page.get_by_role("button", name=spanish("Launch training"))).to_be_visible()
    expect(page.get_by_role("spinbutton", name=spanish("Units"), exact=True)).to_be_visible()
    assert "lang=es" in page.url
    page.get_by_role("link", name=spanish("Runs")).click()
    page.wait_for_url(re.compile("/runs.*lang=es"))


def test_a_deep_link_to_a_fresh_server_opens_in_its_frame(server: Server) -> None:
    assert "Launch training" in server.first_sight
    assert "Predict" in server.first_sight  # of the frame's menu


@pytest.fixture
def digits_run(server: Server, store: Store) -> str:
    """A run on the digits: the one of the first test, or a short one if that has not run."""
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
    expect(chart).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_test_id("stMarkdown").locator("strong").last).to_have_text("1")
    page.get_by_role("button", name="Undo").click()
    expect(chart).to_have_count(0)
