"""``crossval``: one configuration on several folds, one after the other, in this process."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import get_args

from filelock import FileLock

from core.commands.context import Answer, Context, WrongUseError, say
from core.commands.formats import duration, facts, number, percent, table
from core.commands.parser import Command
from core.commands.train import in_foreground, requested_config, take, training_arguments
from core.crossval.conductor import move_on
from core.crossval.parent import (
    FIXED_EPOCHS,
    Folding,
    check,
    chooses_epochs,
    fold_config,
    launch,
    part_of,
    prepare_resume,
    whole,
)
from core.crossval.results import compare, judged_share, mean_of, values
from core.crossval.standing import Folds, finished, folds_of
from core.datasets.folding import Grouping
from core.errors import N_
from core.evaluation.resampled import FoldMean, in_words, probability_in_words
from core.records import RunRecord, RunStatus, is_abandoned, now

TOO_GOOD = (
    "Epochs were chosen by the very images that judge them (early stopping, best epoch): the "
    "figures are a little too good. --fixed-epochs avoids that."
)


def crossval(context: Context) -> Answer:
    """Without words a new one; otherwise the first word says what to do."""
    words: list[str] = context.options.words
    if not words:
        return _begin(context)
    row = _WORDS.get(words[0])
    if row is None or len(words) != 1 + row[1]:
        raise WrongUseError(
            N_("crossval does not know {received}. Expected one of: {expected}."),
            received=" ".join(words),
            expected=", ".join(
                f"{word} {'RUN_ID ' * n}".rstrip() for word, (_, n) in _WORDS.items()
            ),
        )
    return row[0](context)


def _begin(context: Context) -> Answer:
    options = context.options
    if options.preset is None:
        raise WrongUseError(N_("Name what to cross-validate: --preset NAME."))
    how = Folding(options.folds, options.repeats, options.group_by, options.fold_seed)
    config = whole(requested_config(context), how)
    config = config.with_values(FIXED_EPOCHS) if options.fixed_epochs else config
    counts = check(context.paths, config)
    parent = launch(context.store, config, owner="cli", preset=options.preset)
    say(f"{counts.images} images in {counts.groups} groups (the largest: {counts.largest})")
    return _work(context, parent)


def _resume(context: Context) -> Answer:
    parent = _read(context, context.options.words[1])
    if is_abandoned(context.paths, parent):
        context.store.save(parent.changed(status=RunStatus.INTERRUPTED))
    with FileLock(context.paths.index_lock):
        prepared = prepare_resume(context.store, parent.id)
        taken = prepared.changed(owner="cli").taken_by_this_process()
        context.store.save(taken)
    return _work(context, taken)


def _read(context: Context, run_id: str) -> RunRecord:
    record = context.store.read(run_id)
    if record.kind != "crossval":
        raise WrongUseError(N_("Run {run} is no cross-validation."), run=run_id)
    return record


def _work(context: Context, parent: RunRecord) -> Answer:
    """All folds that are not finished, one after the other; Ctrl-C leaves the rest for later."""
    wanted, stop = parent.config.data.all_folds, context.paths.run(parent.id).stop
    try:
        for index in range(wanted):
            if stop.exists() or (record := _taken(context, parent, index)) is None:
                continue
            say(f"Fold {index + 1} of {wanted}")
            record = in_foreground(context, record, "server")
            if record.status is RunStatus.INTERRUPTED:
                return _interrupted(context, parent)
        folds = folds_of(context.store, parent.id)
        parent = move_on(context.store, parent, folds, stopping=stop.exists())
    except BaseException:
        _interrupted(context, parent)
        raise
    return _answer(context, parent)


def _taken(context: Context, parent: RunRecord, index: int) -> RunRecord | None:
    """A fold for this process to train; None if it has ended before."""
    known = folds_of(context.store, parent.id).get(index)
    if known is None:
        config = fold_config(parent.config, index)
        part = part_of(parent, index)
        return context.store.create(
            config, owner="cli", preset=parent.preset, part=part, taken=True
        )
    known = context.store.refresh(known.id)
    if known.status.can_resume() or is_abandoned(context.paths, known):
        return take(context, known.id)
    return None


def _interrupted(context: Context, parent: RunRecord) -> Answer:
    ended = parent.changed(status=RunStatus.INTERRUPTED, interrupted_by="worker", ended=now())
    context.store.save(ended)
    say(f"Interrupted. To go on: python -m core crossval resume {parent.id}")
    return _answer(context, ended)


def _show(context: Context) -> Answer:
    parent = _read(context, context.options.words[1])
    return _answer(context, parent)


def _answer(context: Context, parent: RunRecord) -> Answer:
    folds = folds_of(context.store, parent.id)
    share = judged_share(context.paths, parent, folds) if finished(folds) else 0
    figures = {name: mean_of(folds, name, share) for name in ("val_accuracy", "val_loss")}
    data, summary = parent.config.data, parent.summary
    document = {
        "run_id": parent.id,
        "status": parent.status.value,
        "dataset": data.dataset,
        "architecture": parent.config.model.architecture,
        "folds": data.folds,
        "repeats": data.repeats,
        "grouping": data.grouping,
        **{name: found._asdict() if found else None for name, found in figures.items()},
        "test_accuracy": summary.test_accuracy if summary else None,
        "seconds": summary.seconds if summary else None,
        "epochs_chosen_by_judging_fold": chooses_epochs(parent.config),
        "note": str(parent.note) if parent.note else None,
        "runs": [_fold_document(index, record) for index, record in folds.items()],
    }
    paragraphs = [_facts(parent, figures["val_accuracy"]), _table(folds)]
    if chooses_epochs(parent.config):
        paragraphs.append(TOO_GOOD)
    whole_done = parent.status is RunStatus.FINISHED and parent.note is None
    return Answer(document, "\n\n".join(paragraphs), whole_done)


def _fold_document(index: int, record: RunRecord) -> dict[str, object]:
    names = ("epochs", "best_epoch", "val_accuracy", "val_loss", "test_accuracy", "seconds")
    figures = {name: getattr(record.summary, name, None) for name in names}
    return {"fold": index + 1, "run_id": record.id, "status": record.status.value, **figures}


def _facts(parent: RunRecord, found: FoldMean | None) -> str:
    data = parent.config.data
    repeats = f", {data.repeats} times" if data.repeats > 1 else ""
    rows = [
        ("cross-validation", parent.id),
        ("status", parent.status.value),
        *([("note", str(parent.note))] if parent.note else ()),
        *([("failure", str(parent.failure.what))] if parent.failure else ()),
        ("folds", f"{data.folds}{repeats}, of {data.dataset}, kept together: {data.grouping}"),
    ]
    if found:
        either_side = "" if found.deviation is None else f" ± {percent(found.deviation)}"
        rows.append(("accuracy", f"{percent(found.mean)}{either_side} (standard deviation)"))
        if found.low is not None and found.high is not None:
            rows.append(("95 % interval", f"{percent(found.low)} to {percent(found.high)}"))
    if parent.summary:
        rows.append(("training time", duration(parent.summary.seconds)))
    return facts(rows)


def _table(folds: Folds) -> str:
    right = ("accuracy", "loss", "epochs", "time")
    rows = [
        (
            str(index + 1),
            record.id,
            record.status.value,
            percent(record.summary.val_accuracy if record.summary else None),
            number(record.summary.val_loss if record.summary else None),
            str(record.summary.epochs if record.summary else "–"),
            duration(record.summary.seconds if record.summary else None),
        )
        for index, record in folds.items()
    ]
    return table(("fold", "run", "status", *right), rows, right=right)


def _compare(context: Context) -> Answer:
    a, b = (_read(context, run_id) for run_id in context.options.words[1:])
    of_a, of_b = folds_of(context.store, a.id), folds_of(context.store, b.id)
    found = compare(context.paths, (a, of_a), (b, of_b))
    test = found.test
    ended = {"a": len(values(of_a, "val_accuracy")), "b": len(values(of_b, "val_accuracy"))}
    document = {
        "run_a": a.id,
        "run_b": b.id,
        "folds": [index + 1 for index in found.numbers],
        "accuracy_a": list(found.a),
        "accuracy_b": list(found.b),
        **{key: value for key, value in test._asdict().items() if key != "differences"},
        "differences": list(test.differences),
        "verdict": test.verdict.value,
        "sentence": str(in_words(test, "A", "B")),
        "finished": ended,
    }
    right = ("A", "B", "B - A")
    rows = [
        (str(index + 1), percent(one), percent(other), f"{100 * (other - one):+.2f} points")
        for index, one, other in zip(found.numbers, found.a, found.b, strict=True)
    ]
    words = [str(in_words(test, "A", "B")), str(probability_in_words(test))]
    told = [*words, table(("fold", *right), rows, right=right)]
    return Answer(document, "\n\n".join(told))


_WORDS: dict[str, tuple[Callable[[Context], Answer], int]] = {
    "compare": (_compare, 2),
    "resume": (_resume, 1),
    "show": (_show, 1),
}
"""What the first word does, and how many runs it takes."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="compare RUN_ID RUN_ID | resume RUN_ID | show RUN_ID",
        help="look at cross-validations that were begun; without these a new one is begun",
    )
    training_arguments(parser, required=False)
    parser.add_argument("--folds", type=int, default=5, metavar="K", help="2 to 20 (default: 5)")
    parser.add_argument(
        "--repeats", type=int, default=1, metavar="N", help="deal anew so often (default: once)"
    )
    parser.add_argument(
        "--group-by",
        choices=get_args(Grouping),
        default="none",
        help="which images stay in one fold: copies, pixel for pixel; or the same original name up "
        "to the first (prefix) or last (stem) _ or -; or the same folder",
    )
    parser.add_argument(
        "--fold-seed", type=int, default=0, metavar="N", help="another one deals other folds"
    )
    parser.add_argument(
        "--fixed-epochs",
        action="store_true",
        help="no early stopping and no best epoch: nothing is chosen by the images that judge",
    )


CROSSVAL = Command(
    "crossval", "Train one configuration on several folds, and compare two.", crossval, _arguments
)
