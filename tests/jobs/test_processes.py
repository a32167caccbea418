"""Real workers, real kills: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from core.jobs.runner import Supervisor
from core.jobs.workers import HostLauncher, Launcher, PopenLauncher
from core.lab import Lab
from core.paths import Paths
from core.records import RunStatus
from core.store import Store
from tests.jobs.helpers import (
    EPOCHS,
    LONG_ENOUGH,
    Run,
    Server,
    gone,
    lab_with_digits,
    until,
)

pytestmark = pytest.mark.slow


class Team:
    """A supervisor with real workers, as a server holds it."""

    def __init__(self, paths: Paths, launcher: Callable[[Paths], Launcher]) -> None:
        self.paths = paths
        self.store = Store(paths)
        self.supervisor = Supervisor(self.store, launcher(paths), ["cpu"])
        self.supervisor.start()

    def submit(self) -> Run:
        return Run(self.paths, self.supervisor.submit(LONG_ENOUGH))

    def indexed(self, run: Run) -> RunStatus:
        return next(r.status for r in self.store.runs() if r.id == run.run_id)


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory, prepared_digits: Path) -> Iterator[Team]:
    """One with a worker host, for several tests: loading Keras is what takes the time."""
    made = Team(lab_with_digits(tmp_path_factory.mktemp("lab"), prepared_digits), HostLauncher)
    yield made
    made.supervisor.close()


def test_a_killed_worker_is_interrupted_and_goes_on_by_a_button(crew: Team) -> None:
    run = crew.submit()
    run.wait_for_epoch(2)
    until(lambda: crew.indexed(run) is RunStatus.RUNNING)
    worker = run.worker()
    assert worker.nice() >= 10  # the server's pages come first
    worker.send_signal(signal.SIGKILL)
    until(lambda: crew.indexed(run) is RunStatus.INTERRUPTED)
    assert gone(worker)
    record = run.record()
    assert record.interrupted_by == "worker"
    assert record.failure
    assert "exit code -9" in str(record.failure.what)
    assert len(run.epochs()) < EPOCHS
    crew.supervisor.resume(run.run_id)
    until(lambda: crew.indexed(run) is RunStatus.FINISHED)
    run.assert_whole()


def test_a_stopped_worker_evaluates_what_it_has(crew: Team) -> None:
    run = crew.submit()
    run.wait_for_epoch(1)
    crew.supervisor.stop(run.run_id)
    until(lambda: crew.indexed(run) is RunStatus.STOPPED)
    record = run.record()
    assert record.summary
    assert record.summary.epochs < EPOCHS
    assert record.summary.test_accuracy
    assert run.files.model.exists()
    assert not run.files.stop.exists()


def test_a_killed_host_takes_nothing_with_it(crew: Team) -> None:
    """Its worker sees it go, saves and ends; a new host goes on with the run."""
    run = crew.submit()
    run.wait_for_epoch(1)
    worker = run.worker()
    host = worker.parent()
    assert host
    assert "core.jobs.host" in host.cmdline()
    host.kill()
    until(lambda: run.record().resumes == 1)
    assert gone(worker)
    until(lambda: crew.indexed(run) is RunStatus.FINISHED)
    run.assert_whole()


def test_whatever_happens_to_a_server_the_next_one_goes_on(paths: Paths) -> None:
    """``kill -9`` of the server alone, then of everything, as when the machine goes down; then one
    is closed."""
    server = Server(paths.root, LONG_ENOUGH, compute=True)
    run = Run(paths, server.run_id)
    run.wait_for_epoch(2)
    children = server.children()
    assert run.worker() in children
    server.kill()
    until(lambda: all(gone(child) for child in children))  # nobody is left behind
    record = run.record()
    assert (record.status, record.interrupted_by) == (RunStatus.INTERRUPTED, "server")
    assert len(run.epochs()) < EPOCHS
    server = Server(paths.root, None, compute=False)
    run.wait_for_resume(1)
    children = server.children()
    assert run.worker() in children
    server.kill()
    for child in children:
        child.kill()
    until(lambda: all(gone(child) for child in children))
    assert run.status() is RunStatus.RUNNING
    assert len(run.epochs()) < EPOCHS
    third = Team(paths, PopenLauncher)
    run.wait_for_resume(2)
    third.supervisor.close()
    run.wait_until_over()
    record = run.record()
    assert (record.status, record.interrupted_by) == (RunStatus.INTERRUPTED, "server")
    assert run.files.checkpoint.exists()
    lab = Lab(paths.root)
    lab.runner.start()
    try:
        until(lambda: run.status() is RunStatus.FINISHED)
    finally:
        lab.close()
    run.assert_whole()
    assert run.record().resumes == 3
    assert [folder.name for folder in paths.runs.iterdir()] == [run.run_id]


def test_a_server_that_comes_back_at_once_waits_for_the_old_worker(paths: Paths) -> None:
    """Killed before its worker has said a word; the next server must not train it twice."""
    first = Team(paths, PopenLauncher)
    run = first.submit()
    until(lambda: first.supervisor._jobs)
    (job,) = first.supervisor._jobs.values()
    old = psutil.Process(job.worker.pid)
    old.suspend()  # while it imports Keras, for as long as it takes
    first.supervisor.close()
    second = Team(paths, PopenLauncher)
    run.wait_for_epoch(2)
    assert run.worker() != old
    os.kill(old.pid, signal.SIGCONT)
    until(lambda: second.indexed(run) is RunStatus.FINISHED)
    run.assert_whole()
    until(lambda: gone(old))
    run.assert_whole()
    second.supervisor.close()
