"""Bringing one's own images, and trying a picture, in Chromium."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.datasets.registry import open_dataset
from core.store import Store
from tests.browser.conftest import PATIENCE, Server
from tests.pages.making import make_run

pytestmark = pytest.mark.browser
UPLOAD = "[data-testid=stFileUploader] input"


def pack(file: Path, seed: int) -> Path:
    """A zip as a Mac makes it, of two classes of eight pictures."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("shapes/.DS_Store", b"x")
        archive.writestr("shapes/round <b>/notes.txt", b"not a picture")
        for i, name in enumerate(("round <b>", "square 🟦")):
            for j in range(8):
                pixels = np.random.default_rng([seed, i, j]).integers(0, 256, (20, 30, 3), np.uint8)
                out = io.BytesIO()
                Image.fromarray(pixels).save(out, "PNG")
                archive.writestr(f"shapes/{name}/{j}.png", out.getvalue())
    return file


def open_import(page: Page, server: Server) -> None:
    page.goto(server.page("data"))
    page.get_by_text("Add a dataset").click()
    expect(page.get_by_text("Each of these is understood")).to_be_visible()


def test_a_zip_is_uploaded_imported_and_looked_at(
    page: Page, server: Server, tmp_path: Path
) -> None:
    open_import(page, server)
    page.locator(UPLOAD).set_input_files(pack(tmp_path / "shapes.zip", 1))
    expect(page.get_by_label("Name of the dataset")).to_have_value("shapes")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("“shapes” is ready")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".lz-strip-head").first).to_have_text("round <b>6 images")
    assert page.locator(".st-key-samples img").count() == 12
    expect(page.get_by_text("16 of 18 files imported")).to_be_visible()
    assert "dataset=shapes" in page.url
    info = open_dataset(server.paths, "shapes").info
    assert (info.image_shape, info.skipped) == ((20, 30, 3), 2)
    # A link to the dataset, opened by somebody else.
    page.goto(server.page("data", dataset="shapes"))
    expect(page.locator(".lz-strip-head").first).to_contain_text("round <b>")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    report = download.value.path().read_text(encoding="utf-8")
    assert "shapes/round <b>/notes.txt" in report


def test_a_bad_zip_is_explained_after_a_reload_too(
    page: Page, server: Server, tmp_path: Path
) -> None:
    open_import(page, server)
    letter = tmp_path / "letter.zip"
    letter.write_text("this is no archive")
    page.locator(UPLOAD).set_input_files(letter)
    expect(page.get_by_label("Name of the dataset")).to_have_value("letter")
    message = page.get_by_text("is not a zip archive")
    expect(message).to_be_visible(timeout=PATIENCE)  # a look at the file says so, too
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("button", name="Dismiss")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_label("Name of the dataset")).to_have_value("letter")
    page.reload()
    expect(message).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(message).to_have_count(0)


def test_the_augmentation_is_drawn_by_the_worker(page: Page, server: Server) -> None:
    page.goto(server.page("data"))
    page.get_by_text("Augment", exact=True).click()
    expect(page.get_by_text("Nothing is switched on").first).to_be_visible()
    page.get_by_text("Light and colour").click()
    slider = page.get_by_role("slider", name="Contrast")
    slider.focus()
    slider.press("ArrowRight")
    pictures = page.locator("[class*=st-key-augmented] img")
    # The first answer waits until the worker has loaded Keras.
    expect(pictures).to_have_count(2 * 12, timeout=PATIENCE)
    before = pictures.nth(1).get_attribute("src")
    page.get_by_role("button", name="Draw again").click()
    expect(pictures.nth(1)).not_to_have_attribute("src", str(before))


def test_bad_and_unusable_pictures_are_told_apart(
    page: Page, server: Server, store: Store, tmp_path: Path
) -> None:
    run = make_run(store)
    page.goto(server.page("predict", run=run.id))
    expect(page.get_by_text("saved no network")).to_be_visible()
    store.paths.run(run.id).model.write_bytes(b"not a model")
    page.reload()
    picture = tmp_path / "torn.png"
    picture.write_bytes(b"\x89PNG no more")
    page.locator(UPLOAD).set_input_files(picture)
    expect(page.get_by_text("torn.png").last).to_be_visible()
    expect(page.locator("[data-testid=stAlert]")).to_contain_text("not a picture")
