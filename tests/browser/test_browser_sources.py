"""Datasets without a file, in a browser: drawn figures, and pictures of Chromium's false camera."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core.datasets.registry import open_dataset
from tests.browser.conftest import PATIENCE, Server

pytestmark = pytest.mark.browser
TAKEN = ".st-key-webcam_pictures img"


def open_source(page: Page, server: Server, name: str) -> None:
    page.goto(server.page("data"))
    page.get_by_text("Add a dataset", exact=True).click()
    page.get_by_role("radio", name=name).click()


def name_class(page: Page, name: str) -> None:
    box = page.locator(".st-key-webcam_class input")
    box.fill(name)
    box.press("Enter")
    expect(page.get_by_role("button", name="Take Photo")).to_be_enabled()


def take(page: Page, count: int) -> None:
    """One click a picture: the camera is ready again by itself, some moments later."""
    for _ in range(count):
        before = page.locator(TAKEN).count()
        page.wait_for_timeout(500)  # the camera of the last picture gives way to a new one
        page.wait_for_function(
            "() => (document.querySelector('[data-testid=stCameraInput] video') || {}).videoWidth",
            polling=50,
        )
        page.get_by_role("button", name="Take Photo").click()
        try:
            expect(page.locator(TAKEN)).to_have_count(before + 1, timeout=10_000)
        except AssertionError:  # the camera had been made anew under the click: as a person would
            page.get_by_role("button", name="Take Photo").click()
            expect(page.locator(TAKEN)).to_have_count(before + 1)


def test_shapes_are_drawn_and_looked_at(page: Page, server: Server) -> None:
    open_source(page, server, "Shapes")
    expect(page.locator(".st-key-shapes_preview img")).to_have_count(8 * 4)
    expect(page.get_by_label("Name of the dataset")).to_have_value(re.compile("^Shapes"))
    page.get_by_label("Name of the dataset").fill("figures")
    page.get_by_label("Name of the dataset").press("Enter")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("“figures” is ready")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".lz-strip-head").first).to_contain_text("circle")
    assert open_dataset(server.paths, "figures").info.vocabulary == "shapes"


def test_a_camera_fills_classes_over_a_reload(page: Page, server: Server) -> None:
    page.context.grant_permissions(["camera"])
    open_source(page, server, "Webcam")
    name_class(page, "cup")
    take(page, 5)
    open_source(page, server, "Webcam")
    expect(page.locator(TAKEN)).to_have_count(5)
    name_class(page, "pen")
    take(page, 6)
    page.get_by_role("button", name="Undo the last picture").click()
    expect(page.locator(TAKEN)).to_have_count(10)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("“Webcam” is ready")).to_be_visible(timeout=PATIENCE)
    info = open_dataset(server.paths, "Webcam").info
    assert (info.class_names, info.imported) == (("cup", "pen"), 10)
