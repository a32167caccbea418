"""``search …``: what is typed, what is printed, and searches without a training that trains."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from filelock import FileLock

from core.paths import Paths
from core.records import (
    Epoch,
    RunRecord,
    RunStatus,
    RunSummary,
    append_epoch,
    now,
    read_record,
    write_record,
)
from core.search.spec import Wanted
from core.search.study import create_study, stop_study
from core.signals import StopSignal
from core.store import Store
from tests.commands.driving import Cli
from tests.search.helpers import BASE, SPACE, finished_study

RUN = ("search", "run", "--preset", "mlp", "--dataset", "digits")
RATE = ("--space", "optimizer.learning_rate=1e-3..1e-1:log")


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--space", "optimizer.learning_rate=1..0.1", "--trials", "3"], "received 1.0 to 0.1"),
        (["--space", "optimizer.learning_rate=0..1:log", "--trials", "3"], "from 0 to 10"),
        (["--space", "model.blocks=1..3", "--trials", "3"], "cannot be searched with mlp"),
        (["--space", "model.layers=1..x", "--trials", "3"], "expected a range or a list"),
        (["--space", "model.layers=1..inf", "--trials", "3"], "expected a range or a list"),
        (["--space", "model.layers", "--trials", "3"], "section.field=value"),
        (["--space", "model.activation=relu,sinus", "--trials", "3"], "received sinus"),
        (["--space", "train.batch_size=32,64"], "needs an end"),
        ([*RATE, "--sampler", "grid"], "A grid needs an end"),
        ([*RATE, "--sampler", "cmaes", "--trials", "3"], "at least two ranges"),
        ([*RATE, "--trials", "0"], "at least 1"),
        ([*RATE, "--minutes", "0"], "greater than 0"),
        ([*RATE, "--trials", "3", "--set", "data.with_validation=true"], "has none"),
    ],
)
def test_what_cannot_be_searched_is_refused(cli: Cli, words: list[str], said: str) -> None:
    assert said in cli.refused(*RUN, *words)
    assert not Paths(cli.paths.root).studies.exists()


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize("command", ["show", "stop", "delete", "continue", "final"])
def test_no_study_of_that_name(cli: Cli, command: str) -> None:
    assert "There is no study ../../etc" in cli.refused("search", command, "../../etc")


class FakeTraining:
    """Stands for Keras: two epochs, the better the nearer the learning rate is to 0.01."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        training, ticking = ModuleType("core.training"), ModuleType("core.search.ticking")
        training.__dict__["run_training"] = self._run
        ticking.__dict__["Ticking"] = lambda tick: tick
        monkeypatch.setitem(sys.modules, "core.training", training)
        monkeypatch.setitem(sys.modules, "core.search.ticking", ticking)
        self.trained: list[str] = []
        self.meanwhile: Callable[[StopSignal], object] = lambda _signal: None

    def _run(
        self, paths: Paths, run_id: str, stop: StopSignal, extra: list[Callable[[], None]]
    ) -> RunRecord:
        print("chatter")
        record = read_record(paths, run_id).taken_by_this_process()
        write_record(paths, record)
        self.trained.append(run_id)
        value = 1 - abs(record.config.optimizer.learning_rate - 0.01)
        line = {"loss": 1, "accuracy": value, "val_loss": 1 - value, "val_accuracy": value}
        line |= {"learning_rate": 0.1, "seconds": 1, "images_per_second": 1}
        for epoch in (1, 2):
            append_epoch(paths.run(run_id), Epoch.model_validate({"epoch": epoch, **line}))
            for tick in extra:
                tick()
            self.meanwhile(stop)
        status = RunStatus.STOPPED if stop.reason else RunStatus.FINISHED
        summary = RunSummary(
            epochs=2, best_epoch=1, parameters=9, seconds=2, val_accuracy=value, val_loss=1 - value
        )
        record = record.changed(status=status, ended=now(), summary=summary)
        write_record(paths, record)
        return record


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    return FakeTraining(monkeypatch)


def test_a_search_from_its_beginning_to_its_last_runs(cli: Cli, training: FakeTraining) -> None:
    asked = (*RUN, *RATE, "--space", "train.batch_size=32,64", "--trials", "3", "--tag", "lesson")
    answer = cli.json(*asked, "--title", "first", "--sampler", "random")
    assert (answer["status"], answer["why"]) == ("finished", "All of its 3 trials are done.")
    assert [trial["state"] for trial in answer["all_trials"]] == ["complete"] * 3
    best = max(answer["all_trials"], key=lambda trial: trial["value"])
    assert answer["best"] == best
    assert set(best["params"]) == {"optimizer.learning_rate", "train.batch_size"}
    assert cli.err.count("trial ") == 3
    assert "chatter" not in cli.err
    study_id = answer["study_id"]
    (listed,) = cli.json("search", "list")
    assert (listed["study_id"], listed["title"], listed["trials"]) == (study_id, "first", 3)
    assert all(run["tags"] == ["lesson"] for run in cli.json("runs"))

    assert "at least 0 to add" in cli.refused("search", "continue", study_id, "--more-trials=-1")
    assert "at least one training" in cli.refused("search", "final", study_id, "--seeds", "0")
    more = cli.json("search", "continue", study_id, "--more-trials", "2")
    assert (more["trials"], len(training.trained)) == (5, 5)
    assert set(more["importance"]) == {"optimizer.learning_rate", "train.batch_size"}
    shown = cli.text("search", "show", study_id)
    assert best["run_id"] in shown
    assert "optuna-dashboard sqlite:///" in shown

    final = cli.json("search", "final", study_id, "--seeds", "2")
    assert [(run["seed"], run["epochs"]) for run in final] == [(0, 1), (1, 1)]
    config = Store(cli.paths).read(final[0]["run_id"]).config
    assert (config.data.with_validation, config.train.early_stopping) == (True, False)
    assert config.optimizer.learning_rate == more["best"]["params"]["optimizer.learning_rate"]

    assert cli.json("search", "delete", study_id, "--yes") == {"deleted": study_id}
    assert cli.json("search", "list") == []
    assert len(cli.json("runs")) == 7


@pytest.mark.usefixtures("training")
def test_without_a_space_it_is_guided(cli: Cli) -> None:
    answer = cli.json(*RUN, "--trials", "1")
    assert set(answer["all_trials"][0]["params"]) == {
        *("optimizer.learning_rate", "train.batch_size", "model.dropout", "model.l2"),
    }
    assert 0 < answer["seconds_left"] <= 20 * 60


def test_ctrl_c_leaves_a_study_that_can_go_on(cli: Cli, training: FakeTraining) -> None:
    def interrupt(stop: StopSignal) -> None:
        if len(training.trained) == 2 and not stop.reason:
            os.kill(os.getpid(), signal.SIGINT)

    training.meanwhile = interrupt
    stopped = cli.json(*RUN, *RATE, "--trials", "3")
    assert stopped["status"] == "stopped"
    assert [trial["state"] for trial in stopped["all_trials"]] == ["complete", "pruned"]
    answer = cli.json("search", "continue", stopped["study_id"])
    states = [trial["state"] for trial in answer["all_trials"]]
    assert states == ["complete", "pruned", "complete"]


def test_an_aborted_trial_is_trained_on_as_the_same(cli: Cli, training: FakeTraining) -> None:
    def abort(_stop: StopSignal) -> None:
        if len(training.trained) == 2:
            raise KeyboardInterrupt

    training.meanwhile = abort
    cli.text(*RUN, *RATE, "--trials", "3", code=130)
    (study,) = cli.json("search", "list")
    assert (study["status"], study["trials"]) == ("stopped", 2)
    training.meanwhile = lambda _stop: None
    answer = cli.json("search", "continue", study["study_id"])
    assert [trial["state"] for trial in answer["all_trials"]] == ["complete"] * 3
    assert training.trained[1] == training.trained[2]
    assert len(cli.json("runs")) == 3


def test_what_another_process_conducts_is_left_to_it(cli: Cli, training: FakeTraining) -> None:
    store = Store(cli.paths)
    cli.json(*RUN, *RATE, "--trials", "1")  # makes the digits
    study_id = create_study(store, Wanted(config=BASE, space=SPACE, trials=2))
    with FileLock(cli.paths.study(study_id).conducting):
        answer = cli.json("search", "continue", study_id, code=1)
        assert "is conducted by another process" in answer["error"]
        assert cli.json("search", "stop", study_id)["status"] == "stopped"
    assert len(training.trained) == 1


def test_a_servers_study_is_listed_and_stopped(cli: Cli) -> None:
    study_id = finished_study(Store(cli.paths))
    assert cli.json("search", "show", study_id)["trials"] == 6
    assert "nothing to stop" in cli.json("search", "stop", study_id, code=1)["error"]
    with pytest.raises(Exception, match="nothing to stop"):
        stop_study(cli.paths, study_id)


@pytest.mark.slow
def test_a_real_search_in_this_process(cli: Cli) -> None:
    """Three trainings with Keras, of which the last one is hopeless, and pruned."""
    answer = cli.json(
        *("search", "run", "--dataset", "digits", "--preset", "mlp", "--limit", "300"),
        *("--set", "model.layers=1", "--set", "model.units=16", "--set", "train.epochs=6"),
        *("--space", "optimizer.learning_rate=0.03,0.01,0.0000001", "--sampler", "grid"),
        *("--pruner", "hyperband", "--seed", "2"),
    )
    assert answer["status"] == "finished"
    trials = {trial["params"]["optimizer.learning_rate"]: trial for trial in answer["all_trials"]}
    assert set(trials) == {0.03, 0.01, 1e-7}
    assert answer["best"]["params"]["optimizer.learning_rate"] in (0.03, 0.01)
    assert answer["best"]["value"] > 0.5
    for trial in answer["all_trials"]:
        record = read_record(cli.paths, trial["run_id"])
        expected = {"complete": RunStatus.FINISHED, "pruned": RunStatus.PRUNED}
        assert record.status is expected[trial["state"]]
        assert trial["epochs"] == 6 or trial["state"] == "pruned"
