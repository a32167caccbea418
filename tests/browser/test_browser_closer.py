"""From an image of the Errors page to its heat map, by mouse and by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from core.models import build_model
from core.records import RunRecord
from core.store import Store
from tests.browser.conftest import Server
from tests.pages.making import make_run

pytestmark = pytest.mark.browser


@pytest.fixture
def run(store: Store) -> RunRecord:
    """With a real, if untrained, network."""
    record = make_run(store)
    assert record.image_shape is not None
    model = build_model(record.config.model, record.image_shape, len(record.class_names))
    model.save(store.paths.run(record.id).model)
    return record


def open_images(page: Page, server: Server, run: RunRecord) -> Locator:
    page.goto(server.page("errors", run=run.id))
    views = page.get_by_role("radiogroup", name="View")
    views.get_by_role("radio", name="Images").click()
    # A press before the gallery listens is lost; the pointer shows it.
    images = page.locator("[data-lz-listens] .lz-gallery button")
    expect(images.first).to_be_visible()
    return images


def test_an_image_opens_by_mouse_and_keyboard_with_its_heat_map(
    page: Page, server: Server, run: RunRecord
) -> None:
    images, dialog = open_images(page, server, run), page.get_by_role("dialog")
    name = page.locator(".st-key-pictures figure").nth(1).get_attribute("title") or ""
    images.nth(1).focus()
    page.keyboard.press("Enter")
    expect(dialog.get_by_text(name.partition(":")[0]).first).to_be_visible()
    dialog.get_by_role("tab", name="Heat map").click()
    maps = dialog.locator(".st-key-closer-heat img")
    expect(maps).to_have_count(3)  # the picture, the predicted and the true class
    assert len({maps.nth(i).get_attribute("src") for i in range(3)}) == 3
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    images.nth(1).click()  # the same one again
    expect(dialog).to_be_visible()


def test_a_comment_marks_its_image(page: Page, server: Server, store: Store) -> None:
    images, dialog = open_images(page, server, make_run(store)), page.get_by_role("dialog")
    images.nth(0).click()
    dialog.get_by_role("tab", name="Comment").click()
    dialog.get_by_role("textbox").fill("looks like a fox")
    dialog.get_by_role("button", name="Save and close").click()
    expect(dialog).to_have_count(0)
    caption = page.locator(".st-key-pictures figcaption").first
    expect(caption).to_contain_text("✎")
    images.nth(0).click()
    dialog.get_by_role("tab", name="Comment").click()
    expect(dialog.get_by_role("textbox")).to_have_value("looks like a fox")
