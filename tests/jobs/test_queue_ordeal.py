"""Thirty short runs, three killed, one out of memory, one NaN, the server restarted in between.

The workers only pretend, so that this takes no time; ``benchmarks/queue.py`` is the same with
real processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from core.config import RunConfig
from core.errors import text
from core.failures import out_of_memory
from core.records import Failure, RunStatus, now, read_record, write_record
from tests.jobs.test_runner import Bench, FakeWorker

NAMES = ("Ana", "Luis", "Mar")
KILLED, MEMORY, NAN = (4, 11, 23), 7, 16
"""By the number of the submission."""
SLOTS = ["cpu", "cpu"]


def submit(bench: Bench) -> list[str]:
    """Ana's ten first, then Luis' ten, then Mar's: as badly sorted as can be."""
    made = []
    for name in NAMES:
        for _ in range(10):
            made.append(bench.supervisor.submit(RunConfig(), by=name))
    return made


class Play:
    """What becomes of every run, by its id."""

    def __init__(self, runs: list[str]) -> None:
        self.ends: dict[str, Callable[[FakeWorker], None]] = dict.fromkeys(runs, self.finish)
        self.ends |= {runs[number]: lambda worker: worker.die(-9) for number in KILLED}
        self.ends[runs[MEMORY]] = self.out_of_memory
        self.ends[runs[NAN]] = self.diverge

    def finish(self, worker: FakeWorker) -> None:
        worker.end(RunStatus.FINISHED)

    def out_of_memory(self, worker: FakeWorker) -> None:
        worker.end(RunStatus.FAILED, code=1, failure=out_of_memory(RunConfig()))

    def diverge(self, worker: FakeWorker) -> None:
        failure = Failure(what=text("The loss stopped being a finite number."))
        worker.end(RunStatus.FAILED, code=1, failure=failure)

    def step(self, bench: Bench) -> None:
        """Whoever has worked ends as written; then the supervisor looks twice."""
        for worker in bench.launcher.started:
            if worker.exit_code is None:
                self.ends[worker.run_id](worker)
        bench.tick()
        take(bench)
        bench.tick()


def take(bench: Bench) -> None:
    for worker in bench.launcher.started:
        record = read_record(bench.paths, worker.run_id)
        if worker.exit_code is None and record.status is RunStatus.QUEUED:
            write_record(bench.paths, record.changed(status=RunStatus.RUNNING, started=now()))


def test_all_end_in_the_right_state_in_order_none_twice(tmp_path: Path) -> None:
    before = Bench(tmp_path, SLOTS)
    runs = submit(before)
    play = Play(runs)
    before.tick()
    take(before)
    before.tick()
    for _ in range(6):
        play.step(before)
    at_work = [w.run_id for w in before.launcher.started if w.exit_code is None]
    assert len(at_work) == 2
    # The server dies, and its workers with it: their records still say that they are running.
    after = Bench(tmp_path, SLOTS)
    after.tick(2)
    take(after)
    assert after.started()[:2] == sorted(at_work)
    for _ in range(20):
        play.step(after)

    ended = [w.run_id for w in before.launcher.started if w.exit_code is not None]
    started = Counter([*ended, *after.started()])
    assert started == Counter(runs)  # every run once, and those cut short by the server again
    killed = {runs[number] for number in KILLED}
    failed = {runs[MEMORY], runs[NAN]}
    for run_id in runs:
        record = after.store.read(run_id)
        wanted = (
            RunStatus.INTERRUPTED
            if run_id in killed
            else RunStatus.FAILED
            if run_id in failed
            else RunStatus.FINISHED
        )
        assert record.status is wanted
        assert record.resumes == (run_id in at_work)
    memory = after.store.read(runs[MEMORY]).failure
    assert memory
    assert memory.smaller_batch == RunConfig().train.batch_size // 2
    assert after.store.runs(RunStatus.QUEUED, RunStatus.RUNNING) == []
    assert_in_order(after, runs, [*ended, *at_work, *after.started()[2:]])


def assert_in_order(bench: Bench, runs: list[str], started: list[str]) -> None:
    """Every name in its own order, and in every three starts each name once."""
    assert sorted(started) == sorted(runs)
    by = {run_id: bench.store.read(run_id).by for run_id in runs}
    for name in NAMES:
        own = [run_id for run_id in started if by[run_id] == name]
        assert own == [run_id for run_id in runs if by[run_id] == name]
    turns = [by[run_id] for run_id in started]
    for i in range(0, 30, 3):
        assert sorted(turns[i : i + 3]) == list(NAMES)
