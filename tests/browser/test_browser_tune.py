"""A search in a browser: set up on the form, conducted by the server, ended with a best trial."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from core.search.results import trials_of
from core.store import Store
from tests.browser.conftest import PATIENCE, Server


def test_a_search_is_set_up_conducted_and_its_best_taken(
    page: Page, server: Server, store: Store
) -> None:
    page.goto(server.page("tune"))
    page.get_by_role("button", name="MLP", exact=True).click()
    # What is typed before the preset has arrived is the preset's in the same run of the script.
    expect(page.get_by_role("spinbutton", name="Units")).to_be_visible()
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("2")
    epochs.press("Enter")
    page.locator(".st-key-search-on-train-batch_size").get_by_role("button").click()
    expect(page.get_by_text("4 combinations.")).to_be_visible()
    trials = page.get_by_role("spinbutton", name="Trials")
    trials.fill("3")
    trials.press("Enter")
    page.get_by_role("button", name="Launch the search").click()
    # Found again by whoever has the address; the end comes by itself.
    expect(page.get_by_text("All of its 3 trials are done.")).to_be_visible(timeout=PATIENCE)
    assert "study=" in page.url
    study_id = page.url.split("study=")[1][:24]
    assert [row.state for row in trials_of(store, study_id)].count("complete") >= 1
    expect(page.get_by_text("Best so far:")).to_be_visible()
    page.get_by_role("button", name="Take the best into the form").click()
    expect(page.get_by_role("button", name="Launch training")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value("2")
