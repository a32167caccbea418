"""The point of the Errors page: click a cell, see exactly those images."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.datasets.dataset import DatasetInfo
from core.evaluation.metrics import confusion_matrix
from core.evaluation.predictions import Predictions, load_split
from core.plots.matrix import MatrixInfo, matrix_info
from core.records import RunRecord
from core.store import Store
from tests.browser.clicking import click_cell, find_grid, shown_files, wait_for_matrix
from tests.browser.conftest import Server
from tests.pages.making import HOSTILE, make_dataset, make_run, many_classes

pytestmark = pytest.mark.browser


def dataset(store: Store, name: str, classes: tuple[str, ...]) -> DatasetInfo:
    """Made by the first test that wants it."""
    file = store.paths.dataset(name).info
    if file.is_file():
        return DatasetInfo.model_validate_json(file.read_bytes())
    return make_dataset(store.paths, name, classes, rows={"val": 20 * len(classes)})


def matrix_of(store: Store, run: RunRecord) -> tuple[Predictions, MatrixInfo]:
    found = load_split(store.paths.run(run.id).predictions, "val")
    matrix = confusion_matrix(found.y_true, found.y_pred, len(run.class_names))
    return found, matrix_info(matrix, run.class_names)


def files_of(found: Predictions, true: int, pred: int) -> list[str]:
    rows = np.flatnonzero((found.y_true == true) & (found.y_pred == pred))
    ordered = rows[np.argsort(-found.confidence[rows])]
    return [f"val-{row}.png" for row in found.rows[ordered]]


def mistakes_of(found: Predictions, true: int) -> list[str]:
    rows = np.flatnonzero((found.y_true == true) & (found.y_pred != true))
    ordered = rows[np.argsort(-found.confidence[rows], kind="stable")]
    return [f"val-{row}.png" for row in found.rows[ordered]]


def expect_files(page: Page, files: list[str]) -> None:
    expect(page.locator(".lz-gallery figure")).to_have_count(len(files))
    page.wait_for_function(
        "name => document.querySelector('.lz-gallery figure').title.startsWith(name + ':')",
        arg=files[0],
        polling=50,
    )
    assert shown_files(page) == files


@pytest.mark.parametrize(
    ("name", "classes"),
    [("hostile", HOSTILE), ("ten", many_classes(10)), ("hundred", many_classes(100))],
)
def test_a_click_on_a_cell_shows_exactly_its_images(
    page: Page, server: Server, store: Store, name: str, classes: tuple[str, ...]
) -> None:
    run = make_run(store, dataset=dataset(store, name, classes))
    found, info = matrix_of(store, run)
    page.goto(server.page("errors", run=run.id))
    wait_for_matrix(page)
    grid = find_grid(page, len(classes))
    mistakes = [(t, p) for t, p in zip(info.true, info.pred, strict=True) if t != p]
    for true, pred in (mistakes[0], mistakes[-1], (1, 1)):
        click_cell(page, grid, true, pred)
        expect_files(page, files_of(found, true, pred))
    click_cell(page, grid, 1, 1)
    expect(page.locator(".lz-gallery")).to_have_count(0)
    # The column of sums, right of the last class.
    click_cell(page, grid, 1, len(classes))
    expect_files(page, mistakes_of(found, 1)[:24])


def test_pairs_selectboxes_and_clicks_agree(page: Page, server: Server, store: Store) -> None:
    run = make_run(store, dataset=dataset(store, "ten", many_classes(10)))
    found, info = matrix_of(store, run)
    page.goto(server.page("errors", run=run.id))
    wait_for_matrix(page)
    grid = find_grid(page, 10)
    # The list of pairs is a canvas: the box of its first row.
    page.locator("[data-testid=stDataFrame]").click(position={"x": 18, "y": 52})
    expect(page.locator(".lz-gallery figure").first).to_be_visible()
    boxes = [page.get_by_role("combobox", name=name) for name in ("True class", "Predicted class")]
    names = [box.input_value() for box in boxes]
    expect_files(page, files_of(found, *map(run.class_names.index, names)))
    wait_for_matrix(page)
    true, pred = next((t, p) for t, p in zip(info.true, info.pred, strict=True) if t != p)
    click_cell(page, grid, true, pred)
    expect_files(page, files_of(found, true, pred))
    # By keyboard, to the right ones of the same class.
    boxes[1].fill(run.class_names[true])
    boxes[1].press("Enter")
    expect_files(page, files_of(found, true, true))
    wait_for_matrix(page)
    click_cell(page, grid, true, pred)
    expect_files(page, files_of(found, true, pred))
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".lz-gallery")).to_have_count(0)


def tab_to(page: Page, script: str, key: str = "Tab") -> None:
    """With one key, until the script holds for the element ``e`` that has the focus."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.evaluate(f"() => {{ const e = document.activeElement; return !!({script}); }}"):
            return
    pytest.fail(f"not within 60 steps: {script}")


def test_from_the_matrix_to_predict_without_a_mouse(
    page: Page, server: Server, store: Store
) -> None:
    run = make_run(store, dataset=dataset(store, "ten", many_classes(10)))
    found, info = matrix_of(store, run)
    true = next(t for t, p in zip(info.true, info.pred, strict=True) if t != p)
    page.goto(server.page("errors", run=run.id))
    wait_for_matrix(page)
    tab_to(page, "e.getAttribute('aria-label') === 'True class'")
    page.keyboard.type(run.class_names[true])
    page.keyboard.press("Enter")
    expect_files(page, mistakes_of(found, true)[:24])
    picture = "e.closest('.lz-gallery button')"
    tab_to(page, picture)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "e.role === 'tab'")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Heat map")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate(f"() => {{ const e = document.activeElement; return !!({picture}); }}")
    tab_to(page, "e.pathname === '/predict'", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("saved no network")).to_be_visible()
