"""A leaderboard with 1,000 submissions that 30 people look at: what a look and a submission cost.

    python -m benchmarks.competition_board [--submissions 1000] [--viewers 30] [--rounds 5]

Printed: the ranking from the disk and from memory, one submission of a file, and what the ticks of
all viewers cost the server; the share of one core is at the page's own pace.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.browserless import Viewer, let_keras_load, server
from benchmarks.runs_table import Served
from core.competition import entries
from core.competition.board import ranking
from core.competition.entries import Entry, rewrite
from core.competition.forms import form_of
from core.competition.handing_in import dataset_of_competition, submit_file
from core.competition.opening import begin_hidden, prepare
from core.competition.scoring import Score
from core.competition.settings import Competition, Settings
from core.lab import Lab
from core.paths import Paths
from core.records import now
from ui.competition_view import REFRESH_SECONDS


def fill(paths: Paths, made: Competition, submissions: int) -> None:
    """By as many names as look at it."""
    rng, begin = np.random.default_rng(0), now() - timedelta(days=20)
    rows = []
    for number in range(submissions):
        public, private = (
            Score(value=round(float(v), 4), low=0.3, high=0.9) for v in rng.uniform(0.4, 0.9, 2)
        )
        rows.append(
            Entry(
                id=f"{number:012x}",
                kind="file",
                nickname=f"Student {number % 30}",
                what="answers.csv",
                at=begin + timedelta(minutes=number),
                public=public,
                private=private,
            )
        )
    rewrite(paths.competition(made.id), rows)


def milliseconds(times: list[float]) -> str:
    return f"median {1000 * statistics.median(times):.1f} ms, worst {1000 * max(times):.1f} ms"


def look(paths: Paths, made: Competition) -> None:
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(10):
        entries._read.cache_clear()
        for times in (cold, warm):
            start = time.perf_counter()
            ranking(paths, made)
            times.append(time.perf_counter() - start)
    print(f"ranking after a change: {milliseconds(cold)}; without: {milliseconds(warm)}")


def hand_in(paths: Paths, made: Competition) -> None:
    form = form_of(dataset_of_competition(paths, made))
    lines = [f"{name},{made.class_names[0]}" for name in form.ids]
    data = "\n".join(["file,class", *lines]).encode()
    times = []
    for _ in range(10):
        start = time.perf_counter()
        submit_file(paths, made.id, "Somebody", ("a.csv", data))
        times.append(time.perf_counter() - start)
    print(f"a submission of {len(lines)} answers: {milliseconds(times)}")


def watch(paths: Paths, made: Competition, viewers: int, rounds: int) -> None:
    with server(paths.root) as port, contextlib.ExitStack() as stack:
        let_keras_load()
        query = f"competition={made.id}"
        people = [stack.enter_context(Viewer(port, "competition", query)) for _ in range(viewers)]
        served, times, sizes = Served(port), [], []
        before = served.cpu
        for _ in range(rounds):
            for viewer in people:
                (board,) = viewer.fragments
                answer = viewer.rerun(board)
                times.append(answer.seconds)
                sizes.append(answer.size)
        cpu = (served.cpu - before) / len(times)
        share = 100 * cpu * viewers / REFRESH_SECONDS
        print(f"a tick: {milliseconds(times)}, {1000 * cpu:.1f} ms processor, {max(sizes)} bytes")
        print(f"{viewers} viewers at a tick per {REFRESH_SECONDS:.0f} s: {share:.0f} % of a core")
        print(f"the server holds {served.megabytes:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--viewers", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        paths = Paths(Path(folder)).create()
        Lab(paths.root).store.close()
        settings = Settings(title="Benchmark", per_day=100)
        made = prepare(paths, begin_hidden(paths, "digits", "hidden", settings))
        fill(paths, made, options.submissions)
        look(paths, made)
        hand_in(paths, made)
        watch(paths, made, options.viewers, options.rounds)


if __name__ == "__main__":
    main()
