"""The page for guests: one network, and nothing else; and the link that leads there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.lab import Lab
from core.records import RunRecord, RunStatus
from tests.pages.conftest import ROOT, OpenPage
from tests.pages.making import make_predictions
from tests.pages.test_predict import drawn, picture, said, upload
from ui.predict_share import code_html, demo_link, own_address

MakeRun = Callable[..., RunRecord]


def guest(run_id: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60)
    page.run()
    page.switch_page("pages/demo.py")
    page.query_params["run"] = run_id
    page.run()
    assert not page.exception, page.exception
    return page


def test_a_guest_tries_the_network_and_meets_nothing_else(
    lab: Lab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _other = make_run(), make_run()
    lab.paths.run(run.id).model.touch()
    answers = make_predictions(np.zeros(9, np.int32), 3).proba
    monkeypatch.setattr(
        lab.compute, "predict", lambda _run, images, _varied: answers[: len(images)]
    )
    page = guest(run.id)
    logos: list[str] = []
    monkeypatch.setattr(st, "logo", lambda image, **_how: logos.append(image))
    page = upload(page, ("cat.png", picture(9)))
    assert not logos  # a click on it leads home
    assert "cat, dog, bird" in said(page)
    assert len(page.get("plotly_chart")) == 1
    assert "as the network sees it" in drawn(page)
    assert len(page.sidebar) == 0
    assert not page.get("page_link")
    assert not page.multiselect
    assert not page.button
    uploader = page.file_uploader(key="pictures").proto
    assert ".zip" not in uploader.type


@pytest.mark.parametrize(
    ("status", "expected"),
    [(RunStatus.RUNNING, "still training"), (RunStatus.FINISHED, "saved no network")],
)
def test_without_a_network_a_guest_is_told(
    lab: Lab, make_run: MakeRun, status: RunStatus, expected: str
) -> None:
    page = guest(make_run(status).id)
    assert expected in said(page)
    assert not page.get("page_link")
    assert not page.file_uploader


def test_a_link_to_no_run_says_so(lab: Lab) -> None:
    assert "There is no run nothing" in guest("nothing").error[0].value


def test_the_link_is_beside_the_page_that_the_browser_shows() -> None:
    for url, expected in {
        "http://localhost:8501/predict": "http://localhost:8501/demo?run=r",
        "https://lab.org/lienzo/predict?x=1": "https://lab.org/lienzo/demo?run=r",
        "https://lab.org/lienzo/predict/": "https://lab.org/lienzo/demo?run=r",
        "http://[::1]:80/predict": "http://[::1]:80/demo?run=r",
    }.items():
        assert demo_link(url, "r") == expected
    assert demo_link("http://localhost:8501/predict", "r", "10.0.0.7") == (
        "http://10.0.0.7:8501/demo?run=r"
    )


def test_the_address_that_others_can_reach() -> None:
    assert own_address(["127.0.0.1", "169.254.3.4", "192.168.1.5", "10.0.0.1"]) == "192.168.1.5"
    assert own_address(["127.0.0.1"]) is None


def test_the_code_is_dark_on_white_and_made_here(lab: Lab) -> None:
    html = code_html("http://localhost:8501/demo?run=r")
    assert html.count("data:image/svg+xml") == 1
    assert "fill='#fff'" in html.replace("%22", "'").replace("%23", "#") or "%23fff" in html


def test_the_popover_tells_who_can_open_it(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    lab.paths.run(run.id).model.touch()
    page = app("predict", run)
    page.session_state["predict_share"] = True
    page.run()
    assert page.code[0].value.endswith(f"/demo?run={run.id}")
    assert "Only this computer" in said(page)
