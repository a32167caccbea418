"""``errors``: which images a run gets wrong, from its saved predictions; no model is needed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.commands.context import Answer, Context, say
from core.commands.formats import NOTHING, amount, facts, number, percent, printable, table
from core.commands.parser import Command, add_run_id
from core.datasets.joining import open_as_seen
from core.errors import N_, LabError, RunError
from core.evaluation.confusions import ConfusedPair, most_confused, select_errors
from core.evaluation.intervals import Intervals, bootstrap
from core.evaluation.metrics import (
    ClassScore,
    Summary,
    confusion_matrix,
    cross_entropy,
    per_class,
    summary,
)
from core.evaluation.predictions import Predictions, load_split, saved_splits
from core.records import RunRecord, enough_names, run_paths

SHOWN_MISTAKES = 10
WIDEST_MATRIX = 20
"""More classes than this do not fit a terminal."""


@dataclass(frozen=True)
class Evaluation:
    """One split as one run sees it, and the names to tell it by."""

    record: RunRecord
    split: str
    predictions: Predictions
    files: Sequence[str] | None
    """Of every row of the dataset's split; None if the dataset is gone or has changed."""

    @cached_property
    def figures(self) -> Summary:
        return summary(self.predictions)

    @cached_property
    def intervals(self) -> Intervals:
        return bootstrap(self.predictions)

    @cached_property
    def matrix(self) -> list[list[int]]:
        p = self.predictions
        counts: list[list[int]] = confusion_matrix(p.y_true, p.y_pred, p.proba.shape[1]).tolist()
        return counts

    @cached_property
    def scores(self) -> list[ClassScore]:
        p = self.predictions
        return per_class(confusion_matrix(p.y_true, p.y_pred, p.proba.shape[1]))

    @cached_property
    def confused(self) -> list[ConfusedPair]:
        p = self.predictions
        return most_confused(confusion_matrix(p.y_true, p.y_pred, p.proba.shape[1]))

    @cached_property
    def mistakes(self) -> list[dict[str, object]]:
        """The most confident mistakes first."""
        p = self.predictions
        chosen = select_errors(p)[:SHOWN_MISTAKES]
        losses = cross_entropy(p.y_true[chosen], p.proba[chosen])
        return [self._mistake(int(i), float(loss)) for i, loss in zip(chosen, losses, strict=True)]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return enough_names(self.record.class_names, self.predictions.proba.shape[1])

    def name(self, index: int) -> str:
        return self.names[index]

    def _mistake(self, position: int, loss: float) -> dict[str, object]:
        p = self.predictions
        true, predicted, row = p.y_true[position], p.y_pred[position], int(p.rows[position])
        return {
            "row": row,
            "file": self.files[row] if self.files is not None else None,
            "true": self.name(true),
            "predicted": self.name(predicted),
            "probability": float(p.proba[position, predicted]),
            "true_probability": float(p.proba[position, true]),
            "loss": loss,
        }


def errors(context: Context) -> Answer:
    found = _load(context)
    return Answer(_document(found), "\n\n".join(_paragraphs(found)))


def _load(context: Context) -> Evaluation:
    record = context.store.read(context.options.run_id)
    file = run_paths(context.paths, record.id).predictions
    if not file.is_file():
        raise RunError(
            N_("Run {run} is {status}: it has no predictions to look at."),
            run=record.id,
            status=record.status.text,
        )
    # Without a test split the validation images are all there is.
    split = context.options.split or ("test" if "test" in saved_splits(file) else "val")
    predictions = load_split(file, split)
    return Evaluation(record, split, predictions, _file_names(context, record, split))


def _file_names(context: Context, record: RunRecord, split: str) -> Sequence[str] | None:
    try:
        data, fingerprint = record.config.data, record.dataset_fingerprint
        return open_as_seen(context.paths, data, fingerprint).split(split).names
    except LabError as error:
        say(f"warning: {error} No file names are shown.")
        return None


def _document(found: Evaluation) -> dict[str, object]:
    figures = found.figures
    return {
        "run_id": found.record.id,
        "split": found.split,
        "images": figures.n,
        "accuracy": figures.accuracy,
        "accuracy_interval": [figures.low, figures.high],
        "macro_f1": figures.macro_f1,
        "macro_f1_interval": found.intervals.macro_f1,
        "loss": figures.loss,
        "loss_interval": found.intervals.loss,
        "classes": list(found.names),
        "per_class": [
            {
                "class": found.name(score.index),
                "precision": score.precision,
                "recall": score.recall,
                "f1": score.f1,
                "support": score.support,
                "predicted": score.predicted,
            }
            for score in found.scores
        ],
        "confusion_matrix": [list(row) for row in found.matrix],
        "most_confused": [
            {
                "true": found.name(pair.true),
                "predicted": found.name(pair.pred),
                "count": pair.count,
                "share": pair.share,
            }
            for pair in found.confused
        ],
        "mistakes": list(found.mistakes),
    }


def _paragraphs(found: Evaluation) -> Iterator[str]:
    figures = found.figures
    yield facts(
        [
            ("run", found.record.id),
            ("split", f"{found.split}, {amount(figures.n)} images"),
            (
                "accuracy",
                percent(figures.accuracy) + _between((figures.low, figures.high), percent),
            ),
            ("macro F1", percent(figures.macro_f1) + _between(found.intervals.macro_f1, percent)),
            ("loss", number(figures.loss) + _between(found.intervals.loss, number)),
        ]
    )
    yield _class_table(found)
    yield _matrix_table(found)
    if found.confused:
        yield _confused_table(found)
    if found.mistakes:
        yield _mistakes_table(found)


def _between(interval: tuple[float, float] | None, write: Callable[[float], str]) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f" (95 % interval {write(low)} to {write(high)})"


def _class_table(found: Evaluation) -> str:
    """Worst classes first; those without images, which nothing is known of, last."""
    scores = sorted(found.scores, key=lambda s: (s.recall is None, s.recall or 0, -s.support))
    rows = [
        (
            found.name(score.index),
            *(percent(share) for share in (score.precision, score.recall, score.f1)),
            amount(score.support),
        )
        for score in scores
    ]
    right = ("precision", "recall", "F1", "images")
    return table(("class", *right), rows, right=right)


def _matrix_table(found: Evaluation) -> str:
    names = [printable(name) for name in found.names]
    if len(names) > WIDEST_MATRIX:
        return f"The confusion matrix of {len(names)} classes is in the output of --json."
    rows = [
        (name, *(amount(n) if n else "·" for n in row))
        for name, row in zip(names, found.matrix, strict=True)
    ]
    return table(("true \\ predicted", *names), rows, right=names)


def _confused_table(found: Evaluation) -> str:
    rows = [
        (found.name(p.true), found.name(p.pred), amount(p.count), percent(p.share))
        for p in found.confused
    ]
    right = ("images", "of that class")
    return table(("true class", "taken for", *right), rows, right=right)


def _mistakes_table(found: Evaluation) -> str:
    rows = [
        (
            str(m["file"] or f"row {m['row']}"),
            str(m["true"]),
            str(m["predicted"]),
            _share(m["probability"]),
            _share(m["true_probability"]),
        )
        for m in found.mistakes
    ]
    right = ("probability", "of the true class")
    return table(("most confident mistakes", "true class", "taken for", *right), rows, right=right)


def _share(value: object) -> str:
    return percent(value) if isinstance(value, float) else NOTHING


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument(
        "--split", choices=("test", "val"), help="which images (default: test if there are any)"
    )


ERRORS = Command("errors", "Show what a run gets wrong, and how sure it is.", errors, _arguments)
