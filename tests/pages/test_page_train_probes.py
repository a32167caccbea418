"""Before the launch: the schedule drawn, the rate finder, the time per epoch."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.errors import Text
from core.jobs.probes import Kind, ProbeState, RateResult, SpeedResult
from core.lab import Lab
from tests.pages.conftest import OpenPage, plain
from ui.forms import key

LAYERS = [("pixels", "InputLayer", (8, 8, 1), 0, 0), ("logits", "Dense", (10,), 650, 640)]
RATE = RateResult(
    rates=[0.001, 0.01, 0.1], losses=[3, 1, 2], smoothed=[3, 2, 2.5], valley=0.01234,
    steepest=0.02, seconds=3,
)  # fmt: skip
SPEED = SpeedResult(
    seconds_per_step=0.1,
    seconds_per_validation_step=0.1,
    seconds_per_epoch=4,
    images_per_second=640,
)


class FakeProbes:
    """Probes that are as far as a test says."""

    def __init__(self) -> None:
        self.started: list[tuple[Kind, RunConfig]] = []
        self.stopped: list[str] = []
        self.state = ProbeState()

    def start(self, kind: Kind, config: RunConfig) -> str:
        self.started.append((kind, config))
        return kind

    def read(self, _probe_id: str) -> ProbeState:
        return self.state

    def stop(self, probe_id: str) -> None:
        self.stopped.append(probe_id)


@pytest.fixture
def probes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> FakeProbes:
    monkeypatch.setattr(lab.compute, "layer_table", lambda *_: LAYERS)
    monkeypatch.setattr(lab.compute, "ready", True)
    made = FakeProbes()
    monkeypatch.setattr(lab, "probes", made)
    return made


def charts(page: AppTest) -> list[str]:
    return [chart.proto.alt for chart in page.get("echarts_chart")]


def test_a_schedule_is_drawn(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train")
    assert charts(page) == []  # a rate that stays needs no drawing
    page.selectbox(key=key("optimizer", "schedule")).set_value("cosine").run()
    assert not page.exception
    assert len(charts(page)) == 1
    page.toggle(key="advanced").set_value(True).run()
    page.number_input(key=key("optimizer", "warmup_epochs")).set_value(3).run()
    assert not page.exception


def test_a_plateau_is_said_in_words(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train")
    page.selectbox(key=key("optimizer", "schedule")).set_value("plateau").run()
    assert charts(page) == []
    assert any("3 epochs" in caption.value for caption in page.caption)


def test_what_the_network_costs_is_said(app: OpenPage, probes: FakeProbes) -> None:
    figures = {m.label: m.value for m in app("train").metric}
    assert figures["Multiply-adds"] == "640"
    assert figures["Memory"] == "1 MB"


def test_beginners_see_three_settings_of_the_optimizer(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train")

    def shown() -> set[str]:
        widgets = [*page.selectbox, *page.number_input, *page.slider, *page.toggle]
        keys = {str(widget.key) for widget in widgets}
        return {k.split(".")[2] for k in keys if k.startswith("form.optimizer.")}

    assert shown() == {"name", "learning_rate", "schedule"}
    page.toggle(key="advanced").set_value(True).run()
    assert {"beta_1", "clipping", "ema"} < shown()
    assert not {"momentum", "clip_at", "restart_epochs"} & shown()


def test_the_finder_tries_what_the_form_says_and_fills_it(
    app: OpenPage, probes: FakeProbes
) -> None:
    page = app("train")
    page.number_input(key=key("train", "batch_size")).set_value(32).run()
    page.button(key="find_rate").click().run()
    ((kind, config),) = probes.started
    assert (kind, config.train.batch_size) == ("rate", 32)
    assert page.button(key="find_rate").disabled
    probes.state = ProbeState(status="finished", result=RATE)
    page.run()
    assert charts(page) == ["Loss by learning rate; suggested: 0.012"]
    page.button(key="take_rate").click().run()
    assert page.number_input(key=key("optimizer", "learning_rate")).value == 0.012
    assert page.button(key="take_rate").disabled
    assert not any("changed since" in caption.value for caption in page.caption)
    page.number_input(key=key("train", "batch_size")).set_value(64).run()
    assert any("changed since" in caption.value for caption in page.caption)


def test_a_search_under_way_can_be_cancelled(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train").button(key="find_rate").click().run()
    probes.state = ProbeState(status="running", done=0.5, eta_seconds=9)
    page.run()
    page.button(key="cancel.rate").click().run()
    assert probes.stopped == ["rate"]
    probes.state = ProbeState(status="stopped")
    page.run()
    assert not page.button(key="find_rate").disabled
    assert not page.exception


def test_a_download_before_it_is_told(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train").button(key="find_rate").click().run()
    probes.state = ProbeState(status="running", done=0.3, megabytes=(3, 9))
    page.run()
    (bar,) = page.get("progress")
    assert "Downloading the pretrained weights" in plain(bar.proto.text)
    assert "3 of some 9 MB" in bar.proto.text


def test_no_suggestion_is_said(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train").button(key="find_rate").click().run()
    nothing = RATE.model_copy(update={"valley": None, "steepest": None})
    probes.state = ProbeState(status="finished", result=nothing)
    page.run()
    assert any("did not fall" in warning.value for warning in page.warning)


def test_what_went_wrong_is_said(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train").button(key="measure_speed").click().run()
    probes.state = ProbeState(status="failed", message=Text(msgid="No luck."))
    page.run()
    assert [plain(error.value) for error in page.error] == ["No luck."]


def test_a_network_that_does_not_fit_is_not_tried(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train")
    page.slider(key=key("model", "blocks")).set_value(5).run()
    page.button(key="find_rate").click().run()
    assert probes.started == []
    assert any("would fit" in plain(error.value) for error in page.error)


def test_the_time_per_epoch_and_of_all(app: OpenPage, probes: FakeProbes) -> None:
    page = app("train").button(key="measure_speed").click().run()
    probes.state = ProbeState(status="finished", result=SPEED)
    page.number_input(key=key("train", "epochs")).set_value(20).run()
    figures = {m.label: m.value for m in page.metric}
    assert (figures["Time per epoch"], figures["All epochs"]) == ("4.0 s", "1 min 20 s")
    page.number_input(key=key("train", "batch_size")).set_value(32).run()
    assert "Time per epoch" not in {m.label for m in page.metric}
    assert any("since the time was measured" in caption.value for caption in page.caption)


def test_a_server_started_anew_has_forgotten_it(app: OpenPage, lab: Lab) -> None:
    page = app("train")
    page.session_state["_probe.rate"] = "20260101-000000-00000000"
    page.run()
    assert any("start it again" in plain(warning.value) for warning in page.warning)
    assert not page.button(key="find_rate").disabled
