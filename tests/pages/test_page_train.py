"""The training form, the network before launch, and the run that is watched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.config import ARCHITECTURES, CNNConfig, MLPConfig
from core.datasets.registry import delete_dataset
from core.errors import ConfigError, Text
from core.lab import Lab
from core.records import Progress, RunRecord, RunStatus, write_progress
from tests.pages.conftest import OpenPage, plain
from ui.forms import NEXT_TO, key

MakeRun = Callable[..., RunRecord]
LAYERS = [("pixels", "InputLayer", (8, 8, 1), 0, 0), ("logits", "Dense", (10,), 650, 640)]


@pytest.fixture(autouse=True)
def _network(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.compute, "layer_table", lambda *_: LAYERS)
    monkeypatch.setattr(lab.compute, "ready", True)


def test_without_a_run_the_form_opens_with_a_preset_that_fits(app: OpenPage) -> None:
    page = app("train")
    assert page.segmented_control(key="train_view").value == "setup"
    assert page.selectbox(key=key("data", "dataset")).value == "digits"
    assert {m.label: m.value for m in page.metric}["Parameters"] == "650"
    assert not page.button(key="launch").disabled


def test_launch_queues_exactly_what_the_form_says(app: OpenPage, lab: Lab) -> None:
    page = app("train")
    page.segmented_control(key=key("model", "architecture")).set_value("mlp").run()
    page.number_input(key=key("model", "units")).set_value(48).run()
    page.toggle(key=key("model", "batch_norm")).set_value(False).run()
    page.number_input(key=key("optimizer", "learning_rate")).set_value(0.01).run()
    # In a browser a field is left by the click itself: what it holds is not in what was drawn.
    page.number_input(key=key("train", "epochs")).set_value(3)
    page.button(key="launch").click().run()
    assert not page.exception
    (record,) = lab.store.runs()
    assert record.config.model == MLPConfig(units=48)
    assert record.config.optimizer.learning_rate == 0.01
    assert record.config.train.epochs == 3
    assert record.owner == "server"


def test_basic_hides_and_advanced_shows_every_setting(app: OpenPage) -> None:
    page = app("train")
    hidden = key("model", "kernel")
    assert hidden not in {box.key for box in page.selectbox}
    page.toggle(key="advanced").set_value(True).run()
    assert hidden in {box.key for box in page.selectbox}
    page.selectbox(key=hidden).set_value(5).run()
    page.toggle(key="advanced").set_value(False).run()
    page.button(key="launch").click().run()
    assert not page.exception


def test_a_setting_without_effect_is_not_offered(app: OpenPage) -> None:
    page = app("train")
    page.toggle(key="advanced").set_value(True).run()
    nesterov = key("optimizer", "nesterov")
    assert nesterov not in {toggle.key for toggle in page.toggle}
    page.selectbox(key=key("optimizer", "name")).set_value("sgd").run()
    assert nesterov in {toggle.key for toggle in page.toggle}


def test_five_blocks_on_digits_are_refused_with_what_would_fit(app: OpenPage, lab: Lab) -> None:
    page = app("train")
    page.slider(key=key("model", "blocks")).set_value(5).run()
    (error,) = page.error
    assert "At most 3 blocks would fit" in plain(error.value)
    assert page.button(key="launch").disabled
    assert lab.store.runs() == []


def test_what_the_computing_process_refuses_is_said(
    app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConfigError("The network cannot be built.")

    monkeypatch.setattr(lab.compute, "layer_table", refuse)
    page = app("train")
    assert [plain(e.value) for e in page.error] == ["The network cannot be built."]


def test_the_form_can_be_used_before_keras_is_loaded(
    app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.compute, "ready", False)
    page = app("train")
    assert any("as soon as Keras" in caption.value for caption in page.caption)
    assert not page.button(key="launch").disabled
    monkeypatch.setattr(lab.compute, "ready", True)
    page.run()
    assert "Parameters" in {metric.label for metric in page.metric}


def test_a_preset_fills_the_form(app: OpenPage) -> None:
    page = app("train").button(key="preset.mlp").click().run()
    assert page.segmented_control(key=key("model", "architecture")).value == "mlp"
    page.button(key="preset.digits-quick").click().run()
    assert page.slider(key=key("model", "blocks")).value == 2


def test_a_running_run_shows_where_it_is_and_can_be_stopped(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    record = make_run(RunStatus.RUNNING)
    files = lab.paths.run(record.id)
    progress = Progress(
        phase="training", epoch=3, epochs=20, step=5, steps=10, loss=0.5, accuracy=0.25,
        images_per_second=1234.0, eta_seconds=80.0,
    )  # fmt: skip
    write_progress(files, progress)
    page = app("train", record)
    figures = {m.label: m.value for m in page.metric}
    assert figures["Accuracy"] == "25.0 %"
    assert figures["Time left"] == "1 min 20 s"
    assert figures["Images per second"] == "1,234"
    assert len(page.get("echarts_chart")) == 2
    page.button(key="stop").click().run()
    assert files.stop.exists()
    assert page.button(key="stop").disabled


def test_spanish_numbers_have_a_decimal_comma(app: OpenPage, make_run: MakeRun) -> None:
    page = app("train", make_run(RunStatus.FINISHED, accuracy=0.8), lang="es")
    figures = [m.value for m in page.metric]
    assert any("," in value and value.endswith(" %") for value in figures)
    assert not any("." in value for value in figures if value.endswith(" %"))


def test_a_finished_run_shows_its_figures_and_where_to_go(app: OpenPage, make_run: MakeRun) -> None:
    page = app("train", make_run(RunStatus.FINISHED))
    assert "Test accuracy" in {m.label for m in page.metric}
    links = [link.proto.page for link in page.get("page_link")]
    assert {"errors", "predict"} <= set(links)
    assert not [b for b in page.button if b.key in ("stop", "resume")]


def test_a_failed_run_says_why_and_what_to_do(app: OpenPage, make_run: MakeRun) -> None:
    page = app("train", make_run(RunStatus.FAILED))
    assert [plain(e.value) for e in page.error] == ["The loss became NaN in epoch 2."]
    assert [plain(i.value) for i in page.info] == ["Lower the learning rate."]


def test_an_interrupted_run_can_be_resumed(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = make_run(RunStatus.INTERRUPTED)
    page = app("train", record).button(key="resume").click().run()
    assert not page.exception
    assert lab.store.read(record.id).status is RunStatus.QUEUED


def test_a_run_is_cloned_into_the_form(app: OpenPage, make_run: MakeRun) -> None:
    record = make_run(RunStatus.FINISHED, model__filters=24, train__seed=7)
    page = app("train", record).button(key="clone").click().run()
    assert not page.exception
    assert page.segmented_control(key="train_view").value == "setup"
    assert isinstance(record.config.model, CNNConfig)
    assert page.number_input(key=key("model", "filters")).value == 24


def test_a_mistyped_address_is_told(app: OpenPage) -> None:
    page = app("start")
    page.query_params["run"] = "../../etc/passwd"
    page.run()
    assert any("../../etc/passwd" in plain(w.value) for w in page.sidebar.warning)
    assert not page.exception


def test_an_address_is_never_markdown(app: OpenPage) -> None:
    """The browser would fetch the picture."""
    page = app("start")
    page.query_params["run"] = "![x](http://evil.example/p.png)"
    page.run()
    (warning,) = page.sidebar.warning
    assert "![" not in warning.value
    assert "![x](http://evil.example/p.png)" in plain(warning.value)


def test_choices_survive_a_change_of_language(app: OpenPage) -> None:
    page = app("train")
    page.toggle(key="advanced").set_value(True).run()
    page.selectbox(key=key("augment", "flip")).set_value("horizontal").run()
    page.sidebar.selectbox(key="lang").set_value("es").run()
    assert page.selectbox(key=key("augment", "flip")).value == "horizontal"


def test_small_learning_rates_are_shown_and_zero_cannot_be_set(
    app: OpenPage, make_run: MakeRun
) -> None:
    record = make_run(RunStatus.FINISHED, optimizer__learning_rate=1e-8, optimizer__name="sgd")
    page = app("train")
    rate = page.number_input(key=key("optimizer", "learning_rate"))
    assert (rate.proto.format, rate.min, rate.max) == ("%.7g", NEXT_TO, 10)
    page.toggle(key="advanced").set_value(True).run()
    page.selectbox(key=key("optimizer", "name")).set_value("sgd").run()
    assert page.number_input(key=key("optimizer", "momentum")).max == 1 - NEXT_TO
    # What the command line has set may be smaller still.
    page = app("train", record).button(key="clone").click().run()
    assert not page.exception
    assert page.number_input(key=key("optimizer", "learning_rate")).value == 1e-8


def test_a_cloned_run_without_its_dataset_says_so(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    record = make_run(RunStatus.FINISHED)
    delete_dataset(lab.paths, "pets")
    page = app("train", record).button(key="clone").click().run()
    assert page.selectbox(key=key("data", "dataset")).value == "digits"
    assert ["“pets” is no longer here" in w.value for w in page.warning] == [True]
    assert len(page.run().warning) == 1
    page.button(key="preset.mlp").click().run()
    assert not page.warning


def test_a_resumed_run_waits_for_the_one_that_runs(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    older, _running = make_run(RunStatus.QUEUED), make_run(RunStatus.RUNNING)
    lab.store.save(make_run(RunStatus.RUNNING).changed(owner="cli"))
    # The one at work has measured 1.5 s an epoch, and 15 of its 20 epochs are left.
    place = "Next in the queue · starts in about 30 s"
    assert [i.value for i in app("train", older).info] == [place]


def test_an_evaluation_keeps_the_figures(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = make_run(RunStatus.RUNNING)
    progress = Progress(
        phase="evaluating", epoch=7, epochs=20, step=2, steps=9, loss=0.5, accuracy=0.25
    )
    write_progress(lab.paths.run(record.id), progress)
    page = app("train", record)
    (bar,) = page.get("progress")
    assert (bar.proto.value, bar.proto.text) == (100, "Evaluating · epoch 7 of 20 · step 2 of 9")
    assert {m.label: m.value for m in page.metric}["Accuracy"] == "25.0 %"


def test_a_run_stopped_at_once_says_so(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = make_run(RunStatus.RUNNING, epochs=0).changed(status=RunStatus.STOPPED)
    lab.store.save(record)
    page = app("train", record)
    assert ["before its first epoch had ended" in i.value for i in page.info] == [True]
    assert page.button(key="clone")


def test_steps_are_called_steps(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = make_run(RunStatus.RUNNING, epochs=0)
    lab.paths.run(record.id).steps.write_text('{"buckets": [[0, 1, 2, 1], [1, 1, 2, 1]]}')
    (chart,) = app("train", record).get("echarts_chart")
    assert chart.proto.alt == "Loss by step"


def test_why_a_training_ended_is_said(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    note = Text(msgid="Ended by its time limit of {minutes} min.", params={"minutes": 3})
    record = make_run(RunStatus.FINISHED).changed(note=note)
    lab.store.save(record)
    page = app("train", record)
    assert plain(page.info[0].value) == "Ended by its time limit of 3 min."


def test_another_architecture_begins_with_its_own_settings(app: OpenPage) -> None:
    """… where they are called the same without meaning the same; what is shared stays."""
    page = app("train")
    page.slider(key=key("model", "dropout")).set_value(0.55).run()
    page.segmented_control(key=key("model", "architecture")).set_value("resnet").run()
    page.selectbox(key=key("model", "depth")).set_value(56).run()
    page.segmented_control(key=key("model", "architecture")).set_value("wide_resnet").run()
    assert page.selectbox(key=key("model", "depth")).value == 16
    assert page.slider(key=key("model", "dropout")).value == 0.55
    assert not page.button(key="launch").disabled


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_can_be_set_up(app: OpenPage, lab: Lab, architecture: str) -> None:
    page = app("train")
    page.toggle(key="advanced").set_value(True).run()
    page.segmented_control(key=key("model", "architecture")).set_value(architecture).run()
    assert any(ARCHITECTURES[architecture].about in plain(c.value) for c in page.caption)
    page.button(key="launch").click().run()
    assert not page.exception
    (record,) = lab.store.runs()
    assert record.config.model.architecture == architecture


def test_a_backbone_without_pretraining_has_nothing_to_freeze(app: OpenPage) -> None:
    page = app("train").button(key="preset.mobilenet-transfer").click().run()
    assert any("MobileNetV2: Small and quick" in plain(c.value) for c in page.caption)
    frozen = key("model", "frozen_epochs")
    assert frozen in {box.key for box in page.number_input}
    page.selectbox(key=key("model", "weights")).set_value("none").run()
    assert frozen not in {box.key for box in page.number_input}


def test_a_download_is_told_in_megabytes(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = make_run(RunStatus.RUNNING)
    write_progress(
        lab.paths.run(record.id), Progress(phase="downloading", epochs=9, step=3, steps=80)
    )
    (bar,) = app("train", record).get("progress")
    assert bar.proto.text == "Downloading the pretrained weights · 3 of some 80 MB"
