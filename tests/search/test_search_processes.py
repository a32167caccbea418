"""A study with real workers, pruned and killed: no trial is lost, none is doubled."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.jobs.workers import ROOT
from core.lab import Lab
from core.paths import Paths
from core.records import RunStatus
from core.search import methods
from core.search.ranges import Choices
from core.search.results import trials_of
from core.search.space import SearchSpace
from core.search.spec import Wanted
from core.search.study import create_study, read_study
from core.store import Store
from tests.jobs.helpers import LONG_ENOUGH, Run, gone, until
from tests.search.helpers import RATE

pytestmark = pytest.mark.slow
RATES = SearchSpace(fields={RATE: Choices(values=(0.01, 1e-7))})
"""One of the two learns nothing."""


def wanted(**asked: object) -> Wanted:
    config = LONG_ENOUGH.with_values({"train.epochs": 6})
    return Wanted.model_validate({"config": config, "space": RATES, "sampler": "grid", **asked})


def test_workers_train_and_a_bad_trial_is_ended_early(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "WATCHED_FIRST", 1)
    lab = Lab(paths.root)
    # The better one is tried first.
    study_id = create_study(lab.store, wanted(pruner="median"))
    lab.runner.start()
    try:
        until(lambda: read_study(paths, study_id).state.settled)
        good, bad = trials_of(lab.store, study_id)
        assert (good.state, good.params[RATE], good.epochs) == ("complete", 0.01, 6)
        assert (bad.state, bad.params[RATE]) == ("pruned", 1e-7)
        assert methods.MIN_EPOCHS <= bad.epochs < 6
        assert bad.run_id
        record = lab.store.read(bad.run_id)
        assert record.status is RunStatus.PRUNED
        assert record.summary  # its errors can be explored, too
        assert record.summary.epochs >= bad.epochs
    finally:
        lab.close()


SERVER = """
import sys, threading
from pathlib import Path
from core.lab import Lab
Lab(Path(sys.argv[1])).runner.start()
threading.Event().wait()
"""


def test_a_killed_server_is_followed_by_one_that_goes_on(paths: Paths) -> None:
    """``kill -9`` while the second of two trials is at work."""
    store = Store(paths)
    study_id = create_study(store, wanted(pruner="none"))
    command = [sys.executable, "-c", SERVER, str(paths.root)]
    server = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    until(lambda: len(store.runs(part_of=study_id)) == 2)
    second, first = (Run(paths, record.id) for record in store.runs(part_of=study_id))
    second.wait_for_epoch(2)
    worker = second.worker()
    server.kill()
    server.wait()
    until(lambda: gone(worker))
    assert second.status() is RunStatus.INTERRUPTED
    lab = Lab(paths.root)
    lab.runner.start()
    try:
        until(lambda: read_study(paths, study_id).state.settled)
    finally:
        lab.close()
    rows = trials_of(store, study_id)
    assert [(row.run_id, row.state, row.epochs) for row in rows] == [
        (first.run_id, "complete", 6),
        (second.run_id, "complete", 6),
    ]
    assert second.record().resumes == 1
    assert {folder.name for folder in paths.runs.iterdir()} == {first.run_id, second.run_id}
