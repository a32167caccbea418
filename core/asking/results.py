"""Answers of runs as a table for spreadsheets, and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.asking.judging import Taker, Verdict
from core.datasets.report import spreadsheet_cell
from core.errors import Text
from core.evaluation.confusions import top_k

KEPT_PROBLEMS = 200
"""Unreadable pictures that are told by name on a page; all of them are in the CSV."""


def columns(k: int) -> list[str]:
    """The first line of the table."""
    further = [f"{what}_{i}" for i in range(2, k + 1) for what in ("class", "probability")]
    return ["file", "run", "true_class", "predicted_class", "probability", *further, "problem"]


def lines(verdict: Verdict, takers: Sequence[Taker], k: int) -> Iterator[list[str]]:
    """One line per run; class names as they are stored, so that the file means the same in every
    language. Names that a spreadsheet would run as a formula are written so that it does not."""
    name = spreadsheet_cell(verdict.name)
    for i, taker in enumerate(takers):
        true = taker.truth(verdict.folders)
        truth = "" if true is None else spreadsheet_cell(taker.class_names[true])
        best: list[str] = []
        if verdict.problem is None:
            guesses = top_k(verdict.proba[i], k)
            for label, proba in zip(guesses.classes.tolist(), guesses.proba.tolist(), strict=True):
                best += [spreadsheet_cell(taker.name(label)), f"{proba:.6f}"]
        problem = "" if verdict.problem is None else str(verdict.problem)
        yield [name, taker.run_id, truth, *best, *[""] * (2 * k - len(best)), problem]


@dataclass
class Tally:
    """What is counted over many pictures: per run those of known class, and of these the right."""

    runs: int
    readable: int = 0
    agreed: int = 0
    """Pictures that all runs take for the same class."""
    known: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    unreadable: int = 0
    problems: list[tuple[str, Text]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = [0] * self.runs
        self.right = [0] * self.runs

    def add(self, verdict: Verdict, takers: Sequence[Taker]) -> None:
        if verdict.problem is not None:
            self.unreadable += 1
            if len(self.problems) < KEPT_PROBLEMS:
                self.problems.append((verdict.name, verdict.problem))
            return
        self.readable += 1
        found = [int(proba.argmax()) for proba in verdict.proba]
        # Runs may have learnt different classes: only the names can be compared.
        self.agreed += len({t.name(c) for t, c in zip(takers, found, strict=True)}) == 1
        for i, taker in enumerate(takers):
            true = taker.truth(verdict.folders)
            if true is not None:
                self.known[i] += 1
                self.right[i] += found[i] == true

    def accuracy(self, run: int) -> float | None:
        """The share of right ones among those of known class, in [0, 1]."""
        return self.right[run] / self.known[run] if self.known[run] else None
