"""What goes wrong in a training ends as a sentence and a remedy in its record, and a log."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import keras
import pytest

from core import trainer
from core.callbacks import Reporter
from core.config import RunConfig
from core.datasets.registry import delete_dataset
from core.errors import ConfigError, NotFoundError, StoreError, text
from core.failures import explain, explain_death, is_out_of_memory
from core.records import RunRecord, RunStatus, read_history
from core.store import Store
from core.training import run_training
from tests.training.helpers import QUICK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def fail(store: Store, settings: dict[str, object] | None = None) -> tuple[RunRecord, str, str]:
    """The record, what the user is told, and what he may do."""
    config = QUICK.with_values(settings or {})
    record = run_training(store.paths, store.create(config, owner="server").id)
    assert record == store.read(record.id)
    assert record.status is RunStatus.FAILED
    assert record.failure
    assert record.ended
    files = store.paths.run(record.id)
    assert not files.scratch.exists()
    assert not files.checkpoint.exists()
    return record, str(record.failure.what), str(record.failure.remedy)


def test_a_diverging_training_proposes_a_lower_learning_rate(store: Store) -> None:
    settings: dict[str, object] = {
        "model.layers": 8,
        "model.l2": 1,
        "optimizer.name": "sgd",
        "optimizer.learning_rate": 10,
        "train.epochs": 50,
        "train.early_stopping": False,
    }
    record, what, remedy = fail(store, settings)
    assert what.startswith("In epoch ")
    assert "stopped being a finite number" in what
    assert "try a learning rate of 1.0" in remedy
    # Only epochs that ended with a number are in the history.
    epoch = int(what.split("epoch ")[1].split(",")[0])
    assert len(read_history(store.paths.run(record.id))) == epoch - 1


def test_a_missing_dataset(store: Store) -> None:
    delete_dataset(store.paths, "stripes")
    _, what, _ = fail(store)
    assert "There is no dataset called “stripes”" in what


def test_a_network_that_does_not_fit_the_images(store: Store) -> None:
    _, what, _ = fail(store, {"model.architecture": "cnn", "model.blocks": 5})
    assert "At most 3 blocks would fit" in what


OUT_OF_MEMORY: list[Exception] = [
    MemoryError("std::bad_alloc"),
    RuntimeError("{{function_node}} RESOURCE_EXHAUSTED: OOM when allocating tensor"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda e: type(e).__name__)
def test_out_of_memory_proposes_a_smaller_batch(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    def allocate(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr(Reporter, "on_train_batch_end", allocate)
    record, what, remedy = fail(store)
    assert what == "There was not enough memory."
    assert "batch size of 8 instead of 16" in remedy
    assert record.failure
    assert record.failure.smaller_batch == 8
    assert type(error).__name__ in capfd.readouterr().err  # which is the log of a worker
    # What is known of the images stays with the run.
    assert record.class_names == ("top", "middle", "bottom")


@pytest.mark.parametrize("file", ["metrics.jsonl", ".checkpoint.npz", ".predictions.npz"])
def test_a_full_disk(store: Store, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """At the line of an epoch, at its checkpoint, at the predictions."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise full

    place = {
        "metrics.jsonl": "core.callbacks.append_epoch",
        ".checkpoint.npz": "core.checkpoint.write_atomic",
        ".predictions.npz": "core.evaluating.save_predictions",
    }
    monkeypatch.setattr(place[file], refuse)
    record, what, remedy = fail(store)
    assert what == "The disk is full."
    assert "no longer needed" in remedy
    folder = store.paths.run(record.id).folder
    assert [p.name for p in folder.iterdir() if p.name.endswith(".tmp")] == []


def test_what_nobody_thought_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "build_optimizer", lambda *_: 1 / 0)
    _, what, remedy = fail(store)
    assert what == "Unexpected error: ZeroDivisionError: division by zero."
    assert "log" in remedy


def test_a_run_that_does_not_exist(store: Store) -> None:
    with pytest.raises(NotFoundError):
        run_training(store.paths, "20260101-000000-000-abcd")


def test_a_record_that_cannot_be_read(store: Store) -> None:
    run_id = store.create(QUICK, owner="server").id
    store.paths.run(run_id).record.write_text("{")
    with pytest.raises(StoreError):
        run_training(store.paths, run_id)


class TestExplain:
    def test_our_own_errors_keep_their_words(self) -> None:
        error = ConfigError("{n} is wrong.", remedy=text("Try {m}."), n=1, m=2)
        failure = explain(error, RunConfig())
        assert (failure.what, failure.remedy) == (error.text, error.remedy)

    def test_a_small_batch_is_not_made_smaller(self) -> None:
        config = RunConfig().with_values({"train.batch_size": 8})
        assert "smaller network" in str(explain(MemoryError(), config).remedy)
        assert "batch" not in str(explain(MemoryError(), config).remedy)

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
    def test_disk_and_quota(self, number: int) -> None:
        failure = explain(OSError(number, "full"), RunConfig())
        assert str(failure.what) == "The disk is full."

    def test_other_errors_of_the_system_are_not_the_disk(self) -> None:
        failure = explain(PermissionError(errno.EACCES, "no"), RunConfig())
        assert str(failure.what).startswith("Unexpected error: PermissionError")

    def test_a_long_message_with_braces_is_cut_and_shown(self) -> None:
        failure = explain(ValueError("{x}" * 1000), RunConfig())
        assert "{x}{x}" in str(failure.what)
        assert len(str(failure.what)) < 450

    @pytest.mark.parametrize(
        "error",
        [
            RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            type("OutOfMemoryError", (RuntimeError,), {})("Tried to allocate"),  # torch
            type("ResourceExhaustedError", (Exception,), {})("OOM when allocating"),
            type("XlaRuntimeError", (RuntimeError,), {})("RESOURCE_EXHAUSTED: Failed to allocate"),
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
            RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"),
            OSError(errno.ENOMEM, "Cannot allocate memory"),
            MemoryError("Unable to allocate 2.00 GiB for an array"),  # NumPy's is one
        ],
        ids=lambda error: f"{type(error).__name__}-{error}"[:40],
    )
    def test_words_about_memory_of_every_backend(self, error: Exception) -> None:
        assert is_out_of_memory(error)
        assert explain(error, RunConfig()).smaller_batch == 32

    def test_other_words(self) -> None:
        assert not is_out_of_memory(RuntimeError("boom"))
        assert explain(RuntimeError("boom"), RunConfig()).smaller_batch is None


class TestDeath:
    def test_libraries_that_abort_for_lack_of_memory_say_so_in_the_log(
        self, tmp_path: Path
    ) -> None:
        log = tmp_path / "log.txt"
        log.write_text("x" * 50_000 + "terminate called after throwing 'std::bad_alloc'\n")
        failure = explain_death(-6, log, RunConfig())
        assert str(failure.what) == "There was not enough memory."
        assert failure.smaller_batch == 32

    def test_words_of_long_ago_do_not_count(self, tmp_path: Path) -> None:
        log = tmp_path / "log.txt"
        log.write_text("std::bad_alloc" + "x" * 50_000)
        assert explain_death(1, log, RunConfig()).smaller_batch is None

    def test_words_of_a_former_life_do_not_count(self, tmp_path: Path) -> None:
        log = tmp_path / "log.txt"
        log.write_text("std::bad_alloc\n")
        since = log.stat().st_size
        assert explain_death(1, log, RunConfig()).smaller_batch == 32
        assert explain_death(1, log, RunConfig(), since=since).smaller_batch is None

    def test_killed_by_the_system_is_perhaps_memory(self, tmp_path: Path) -> None:
        for code in (-6, -9, -11):
            failure = explain_death(code, tmp_path / "none", RunConfig())
            assert f"exit code {code}" in str(failure.what)
            assert failure.smaller_batch == 32
        assert explain_death(1, tmp_path / "none", RunConfig()).smaller_batch is None


def test_a_callback_of_a_user_that_fails_is_a_failure_too(store: Store) -> None:
    class Bad(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            raise ValueError("bad")

    record = store.create(QUICK, owner="cli", taken=True)
    ended = run_training(store.paths, record.id, extra=[Bad()])
    assert ended.status is RunStatus.FAILED
    assert ended.failure
    assert "ValueError: bad" in str(ended.failure.what)
