"""Names, the queue and its moves, the machine, limits, files and memory, as pages show them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.failures import out_of_memory
from core.jobs.machine import Gpu, Machine
from core.lab import Lab
from core.paths import RunPaths
from core.records import RunRecord, RunStatus
from tests.pages.conftest import OpenPage, plain
from ui import device_panel, people, run_files
from ui.forms import key
from ui.people import PIN
from ui.state import NAME

MakeRun = Callable[..., RunRecord]


@pytest.fixture(autouse=True)
def _no_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.0)


def queued(lab: Lab, by: str) -> RunRecord:
    return lab.store.create(RunConfig(), owner="server", by=by)


def called(page: AppTest, name: str) -> AppTest:
    return page.text_input(key=NAME).set_value(name).run()


def named(page: AppTest) -> str:
    return str(page.text_input(key=NAME).value)


def rows(page: AppTest) -> list[str]:
    """The queue as it is read: ``1. … · name``."""
    lines = [plain(m.value) for m in page.markdown]
    return [line.split(" · ")[-1] for line in lines if line[:1].isdigit() and "**" in line]


class TestNames:
    def test_a_name_is_proposed_and_goes_with_every_launch(self, app: OpenPage, lab: Lab) -> None:
        page = app("start")
        proposed = named(page)
        assert proposed.startswith("PC-")
        page.button(key="quick").click().run()
        page = called(app("start"), "  Ana  María ")
        assert named(page) == "Ana María"
        page.button(key="quick").click().run()
        assert [record.by for record in lab.store.runs()] == ["Ana María", proposed]

    def test_an_empty_name_becomes_the_proposed_one(self, app: OpenPage) -> None:
        page = called(called(app("start"), "Ana"), " ")
        assert named(page).startswith("PC-")

    def test_a_browser_is_recognised(self, app: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(people, "browser_id", lambda: "../../one")
        called(app("start"), "Ana")
        assert named(app("start")) == "Ana"
        monkeypatch.setattr(people, "browser_id", lambda: "two")
        assert named(app("start")).startswith("PC-")

    def test_names_are_shown_as_they_are(self, app: OpenPage, lab: Lab) -> None:
        queued(lab, "[x](http://e) **b**")
        assert rows(app("start"))[0] == "[x](http://e) **b**"
        line = next(m.value for m in app("start").markdown if m.value.startswith("1"))
        assert r"\[x\]" in line


class TestQueue:
    def test_turns_are_shown_and_ones_own_can_be_moved(self, app: OpenPage, lab: Lab) -> None:
        first, _luis, last = queued(lab, "Ana"), queued(lab, "Luis"), queued(lab, "Ana")
        page = called(app("start"), "Ana")
        assert rows(page) == ["Ana", "Luis", "Ana"]
        moves = {menu.key for menu in page.menu_button}
        assert moves == {f"move.{first.id}", f"move.{last.id}"}
        assert "Before everybody" not in page.menu_button[0].options
        page.menu_button(key=f"move.{last.id}").click("front").run()
        assert not page.exception
        assert lab.runner.queue()[0].record.id == last.id

    def test_a_run_is_cancelled_from_the_list(self, app: OpenPage, lab: Lab) -> None:
        run = queued(lab, "Luis")
        app("start").button(key=f"cancel.{run.id}").click().run()
        lab.runner.tick()
        assert lab.store.read(run.id).status is RunStatus.STOPPED

    def test_somebody_is_always_told_where_his_own_runs_are(
        self, app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ui.queue_view.SHOWN", 2)
        for by in ("Luis", "Mar", "Pau", "Ana"):
            queued(lab, by)
        page = called(app("start"), "Ana")
        assert rows(page) == ["Luis", "Mar", "Ana"]
        assert "… and 1 more run" in [c.value for c in page.caption]

    def test_every_page_with_a_waiting_run_says_its_place(self, app: OpenPage, lab: Lab) -> None:
        queued(lab, "Ana")
        second = queued(lab, "Luis")
        assert list(app("runs").dataframe[0].value["status"]) == ["○ queued (2)", "○ queued (1)"]
        for page in ("predict", "errors"):
            said = [c.value for c in app(page, second).caption]
            assert any(text.startswith("Number 2 in the queue") for text in said)

    def test_unknown_starts_are_said_to_be_unknown(self, app: OpenPage, lab: Lab) -> None:
        _, second = queued(lab, "Ana"), queued(lab, "Luis")
        (said,) = [i.value for i in app("train", second).info]
        assert said.startswith("Number 2 in the queue · start unknown")


class TestTeacher:
    @pytest.fixture(autouse=True)
    def _pin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LIENZO_TEACHER_PIN", "1234")

    def test_without_the_pin_only_ones_own(
        self, app: OpenPage, lab: Lab, make_run: MakeRun
    ) -> None:
        run = queued(lab, "Luis")
        page = called(app("start"), "Ana")
        button = page.button(key=f"cancel.{run.id}")
        assert button.disabled
        assert plain(button.help) == "Only Luis and the teacher can do this."
        assert not page.menu_button
        running = make_run(RunStatus.RUNNING)
        assert app("train", running).button(key="stop").disabled

    def test_with_the_pin_any(self, app: OpenPage, lab: Lab) -> None:
        run, other = queued(lab, "Luis"), queued(lab, "Mar")
        page = called(app("start"), "Ana")
        page.text_input(key=PIN).set_value("4321").run()
        assert [e.value for e in page.error] == ["That is not the PIN."]
        page.text_input(key=PIN).set_value("1234").run()
        assert not page.button(key=f"cancel.{run.id}").disabled
        page.menu_button(key=f"move.{other.id}").click("first").run()
        assert [row.record.id for row in lab.runner.queue()] == [other.id, run.id]
        page.button(key="teacher_leave").click().run()
        assert page.button(key=f"cancel.{run.id}").disabled

    def test_other_peoples_runs_are_not_deleted(
        self, app: OpenPage, lab: Lab, make_run: MakeRun
    ) -> None:
        run = make_run()
        page = called(app("runs"), "Ana")
        page.session_state["runs.chosen"] = [run.id]
        page.run()
        page.button(key="runs.delete").click().run()
        assert "the teacher can do this" in page.warning[0].value
        assert "runs.really" not in {b.key for b in page.button}


class TestLimits:
    def test_presets_keep_to_them_and_the_form_says_so(
        self, app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIENZO_MAX_EPOCHS", "3")
        monkeypatch.setenv("LIENZO_MAX_MINUTES", "5")
        page = app("train")
        assert page.session_state[key("train", "epochs")] == 3
        said = "This server ends every run after at most 3 epochs, 5 min."
        assert said in [c.value for c in page.caption]
        page.number_input(key=key("train", "epochs")).set_value(4).run()
        assert [plain(e.value) for e in page.error] == [
            "Epochs per run are limited to 3 on this server; 4 were asked for."
        ]
        assert page.button(key="launch").disabled
        app("start").button(key="quick").click().run()
        assert lab.store.runs()[0].config.train.epochs == 3


class TestMachine:
    def texts(self, page: AppTest) -> list[str]:
        return [plain(bar.proto.text) for bar in page.get("progress")]

    def test_gpus_by_name(self, app: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
        gpu = Gpu(0, "NVIDIA *H200*", 30 * 10**9, 150 * 10**9, 0.5)
        seen = Machine((gpu, gpu._replace(number=1, utilisation=None)), 16, 0.25, 10**9, 8 * 10**9)
        monkeypatch.setattr(device_panel, "look_at_machine", lambda: seen)
        assert self.texts(app("start")) == [
            "GPU 0: NVIDIA *H200* · memory 30 of 150 GB · load 50 %",
            "GPU 1: NVIDIA *H200* · memory 30 of 150 GB · load –",
            "CPU, 16 cores · memory 1 of 8 GB · load 25 %",
        ]

    def test_beside_a_training(self, app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
        def lines(page: AppTest) -> list[str]:
            return [c.value for c in page.caption if c.value.startswith("CPU, ")]

        run = make_run(RunStatus.RUNNING)
        assert len(lines(app("train", run))) == 1
        lab.store.save(run.changed(status=RunStatus.STOPPED))
        assert lines(app("train", run)) == []

    def test_without_a_gpu(self, app: OpenPage) -> None:
        page = app("start")
        (text,) = self.texts(page)
        assert text.startswith("CPU, ")
        assert "1 training at a time." in [c.value for c in page.caption]


class TestMemory:
    def test_half_the_batch_is_one_click(self, app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
        run = make_run(RunStatus.FAILED, train__batch_size=256)
        lab.store.save(run.changed(failure=out_of_memory(run.config)))
        page = app("train", run)
        assert page.button(key="smaller_batch").label == "Batch size 256 → 128?"
        page.button(key="smaller_batch").click().run()
        assert page.session_state[key("train", "batch_size")] == 128
        assert page.segmented_control(key="train_view").value == "setup"

    def test_nothing_of_the_kind_for_other_failures(self, app: OpenPage, make_run: MakeRun) -> None:
        page = app("train", make_run(RunStatus.FAILED))
        assert "smaller_batch" not in {b.key for b in page.button}


class TestFiles:
    def test_log_and_event_files_can_be_taken_along(
        self, app: OpenPage, lab: Lab, make_run: MakeRun
    ) -> None:
        run = make_run()
        files = lab.paths.run(run.id)
        assert "download_log" not in {b.key for b in app("train", run).download_button}
        files.log.write_text("a warning")
        (files.tensorboard / "train").mkdir(parents=True)
        (files.tensorboard / "train" / "events").write_bytes(b"x")
        page = app("train", run)
        assert {b.key for b in page.download_button} == {"download_log", "download_tensorboard"}
        assert str(files.tensorboard) in page.code[0].value
        assert run_files._log(files) == b"a warning"
        self.assert_zip(files)

    def assert_zip(self, files: RunPaths) -> None:
        with zipfile.ZipFile(io.BytesIO(run_files._zipped(files))) as archive:
            assert archive.namelist() == ["train/events"]
