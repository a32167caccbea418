"""The worker keeps to the server's limits, also with runs that were queued before them."""

from __future__ import annotations

import keras
import pytest

from core import training
from core.callbacks import Reporter
from core.checkpoint import TrainingState
from core.paths import Paths
from core.records import Epoch, RunRecord, RunStatus, read_history, read_progress
from core.signals import StopSignal
from core.store import Store
from core.training import run_training
from tests.training.helpers import QUICK, make_stripes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    paths = Paths(tmp_path_factory.mktemp("lab")).create()
    make_stripes(paths)
    return Store(paths)


def train(store: Store, *extra: keras.callbacks.Callback) -> RunRecord:
    run_id = store.create(QUICK, owner="server").id
    return run_training(store.paths, run_id, extra=extra)


def test_epochs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENZO_MAX_EPOCHS", "2")
    record = train(store)
    assert record.status is RunStatus.FINISHED
    assert str(record.note) == "Ended by this server's limit of epochs per run: 2."
    assert record.summary
    assert record.summary.epochs == 2
    assert store.paths.run(record.id).predictions.exists()


class WaitForTheLimit(keras.callbacks.Callback):  # type: ignore[misc]
    """Holds a training in an epoch (from 0) until its time is over."""

    def __init__(self, epoch: int, signal: StopSignal) -> None:
        super().__init__()
        self.at = epoch
        self.signal = signal

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        if epoch == self.at:
            self.signal.set("minutes")


@pytest.mark.parametrize(
    ("epoch", "status", "epochs"), [(0, RunStatus.STOPPED, 0), (1, RunStatus.FINISHED, 1)]
)
def test_minutes(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    status: RunStatus,
    epochs: int,
) -> None:
    """What has no whole epoch yet has nothing to show; all else is evaluated."""
    monkeypatch.setenv("LIENZO_MAX_MINUTES", "7")
    signal = StopSignal()
    run_id = store.create(QUICK, owner="server").id
    record = run_training(store.paths, run_id, signal, [WaitForTheLimit(epoch, signal)])
    assert record.status is status
    assert str(record.note) == "Ended by this server's limit of 7 min per run."
    assert len(read_history(store.paths.run(run_id))) == epochs
    assert (record.summary is not None) == (epochs > 0)


def test_the_time_of_former_lives_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENZO_MAX_MINUTES", "1")
    files = store.paths.run(train(store).id)
    spent = sum(epoch.seconds for epoch in read_history(files))
    assert training._seconds_allowed(files) == pytest.approx(60 - spent)
    monkeypatch.delenv("LIENZO_MAX_MINUTES")
    assert training._seconds_allowed(files) is None


def test_the_time_left_is_no_longer_than_what_is_allowed(store: Store) -> None:
    line = {"epoch": 1, "loss": 1, "accuracy": 1, "learning_rate": 1, "images_per_second": 1}
    state = TrainingState(history=[Epoch.model_validate({**line, "seconds": 20})])
    state.seconds = 20
    files = store.paths.run(store.create(QUICK, owner="server").id)
    for longest, left in ((60.0, 40), (float("inf"), 99 * 20)):
        reporter = Reporter(files, state, 100, 8, longest=longest)
        reporter.params = {"steps": 1000}
        reporter.on_epoch_begin(1)
        reporter.on_train_begin()
        reporter._last_progress = 0
        reporter.on_train_batch_end(0, {"loss": 1.0})
        told = read_progress(files)
        assert told
        assert told.eta_seconds == pytest.approx(left, rel=0.01)
