"""Choosing, deleting and cloning on the Runs page, with clicks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core.store import Store
from tests.browser.conftest import PATIENCE, Server
from tests.pages.making import make_run
from ui.frame import short_name

pytestmark = pytest.mark.browser


def tick(page: Page, row: int) -> None:
    """The box of a row; the table is a canvas."""
    page.locator("[data-testid=stDataFrame]").first.click(position={"x": 18, "y": 52 + 35 * row})


def test_delete_asks_and_other_peoples_runs_appear(
    page: Page, server: Server, store: Store
) -> None:
    first, second = make_run(store), make_run(store)
    page.goto(server.page("runs"))
    tick(page, 0)
    expect(page.get_by_role("button", name="Curves")).to_be_visible()
    third = make_run(store)
    # The table begins anew with the new run on top, and the same run ticked one row lower.
    count = f"{store.count()} runs"
    expect(page.get_by_role("region", name=count)).to_be_visible(timeout=PATIENCE)
    tick(page, 2)
    page.get_by_role("button", name="Delete 2 runs").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(short_name(first))
    expect(dialog).to_contain_text(short_name(second))
    dialog.get_by_role("button", name="Delete 2 runs").click()
    expect(dialog).to_have_count(0)
    left = {run.id for run in store.runs()}
    assert third.id in left
    assert not {first.id, second.id} & left


def test_clone_opens_the_form(page: Page, server: Server, store: Store) -> None:
    make_run(store, train__epochs=7)
    page.goto(server.page("runs"))
    tick(page, 0)
    page.get_by_role("button", name="Change something and train again").click()
    # The network is built first, by a process that may still be loading Keras.
    expect(page.get_by_role("button", name="Launch training")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("7")


def test_a_run_on_the_home_page_opens(page: Page, server: Server, store: Store) -> None:
    run = make_run(store)
    page.goto(server.url)
    page.locator("[data-testid=stDataFrame]").last.click(position={"x": 18, "y": 52})
    page.wait_for_url(f"**/train?run={run.id}**")
