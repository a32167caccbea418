"""The label check as a person uses it: letters on a picture, ticks with the mouse, a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core.store import Store
from tests.browser.conftest import PATIENCE, Server
from tests.pages.making import make_dataset, make_run

pytestmark = pytest.mark.browser


def test_labels_are_decided_by_keyboard_and_mouse(page: Page, server: Server, store: Store) -> None:
    doubtful = make_dataset(store.paths, "doubtful", rows={"test": 120})
    run = make_run(store, dataset=doubtful)
    page.goto(server.page("errors", run=run.id))
    page.get_by_text("Labels", exact=True).click()
    boxes = page.locator("li input[type=checkbox]")
    expect(boxes.first).to_be_visible(timeout=PATIENCE)
    first = boxes.first.get_attribute("value")
    boxes.first.focus()
    page.keyboard.press("r")
    expect(page.get_by_text("1 relabelled · 0 left out · 0 kept")).to_be_visible()
    expect(boxes.first).not_to_have_value(str(first))
    # The next picture has taken the place and the focus.
    expect(boxes.first).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("1 relabelled · 1 left out · 0 kept")).to_be_visible()
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.get_by_text("3 pictures ticked.")).to_be_visible()
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("1 relabelled · 1 left out · 3 kept")).to_be_visible()
    expect(page.locator("li input:checked")).to_have_count(0)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("1 relabelled · 1 left out · 0 kept")).to_be_visible()
    page.reload()
    page.get_by_text("Labels", exact=True).click()
    expect(page.get_by_text("1 relabelled · 1 left out · 0 kept")).to_be_visible()
