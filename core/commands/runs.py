"""``runs``, ``show``, ``stop``, ``delete``, ``reindex``: the runs and what became of them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from core.commands.compare import remark_facts
from core.commands.context import Answer, Context, say
from core.commands.formats import amount, duration, facts, number, percent, printable, shape, table
from core.commands.parser import Command, add_run_id, add_yes
from core.commands.train import start_facts, summary_facts
from core.config import ARCHITECTURES, SECTION_NAMES
from core.continuing import own_epochs
from core.crossval.parent import delete_run
from core.ensembles.choosing import made_of
from core.errors import N_, LabError, RunError, text
from core.fields import RunRow
from core.listing import Query, found, ordered
from core.paths import RunPaths
from core.reading_curves import read_curves
from core.records import (
    Epoch,
    Failure,
    RunRecord,
    RunStatus,
    is_abandoned,
    read_history,
    read_progress,
    run_paths,
)
from core.remarks import read_remarks
from core.store import Listed

_RIGHT = ("epochs", "best val. acc.", "test acc.", "parameters", "time")
_COLUMNS = ("run", "status", "dataset", "architecture", *_RIGHT)


def runs(context: Context) -> Answer:
    chosen = _chosen(context)
    records = [_current(context, listed.record) for listed in chosen]
    for folder, problem in context.store.problems():
        say(f"warning: {printable(folder)}: {problem}")
    rows = [_row(context, record) for record in records]
    documents = [
        {**_listed(context, record), **listed.remarks.model_dump(mode="json")}
        for record, listed in zip(records, chosen, strict=True)
    ]
    return Answer(documents, table(_COLUMNS, rows, right=_RIGHT))


def _chosen(context: Context) -> list[Listed]:
    """The runs that are asked for, as the index has them; the newest first unless sorted."""
    options = context.options
    listed = {one.record.id: one for one in context.store.changed_since(0)}
    newest_first = (RunRow(*listed[run_id]) for run_id in sorted(listed, reverse=True))
    rows = found(newest_first, _query(options))
    if options.sort:
        rows = ordered(rows, options.sort, descending=not options.ascending)
    return [listed[row.id] for row in rows[: options.limit]]


def _query(options: argparse.Namespace) -> Query:
    return Query(
        text=" ".join(options.search),
        statuses=tuple(RunStatus(status) for status in options.status),
        datasets=tuple(options.dataset),
        architectures=tuple(options.architecture),
        names=tuple(options.by),
        tags=tuple(options.tag),
        least_accuracy=options.accuracy,
    )


def _runs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--search", nargs="+", default=[], metavar="WORD", help="words that all occur in the run"
    )
    several: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--status", choices=[s.value for s in RunStatus], **several)
    parser.add_argument("--dataset", help="of this dataset; may be repeated", **several)
    parser.add_argument("--architecture", choices=sorted(ARCHITECTURES), **several)
    parser.add_argument("--by", metavar="NAME", help="launched by this name", **several)
    parser.add_argument("--tag", help="with this tag; may be repeated", **several)
    parser.add_argument(
        "--accuracy",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="best validation accuracy of at least this, 0 to 1",
    )
    parser.add_argument(
        "--sort",
        metavar="FIELD",
        help="by a figure or setting, highest first: val_accuracy, optimizer.learning_rate …",
    )
    parser.add_argument("--ascending", action="store_true", help="lowest first")
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many")


def show(context: Context) -> Answer:
    record = _marked(context, context.store.read(context.options.run_id))
    files = run_paths(context.paths, record.id)
    history = own_epochs(files)  # as the pages number them
    progress = None if record.status.is_over() else read_progress(files)
    document: dict[str, object] = {
        "run_id": record.id,
        **record.model_dump(mode="json", exclude={"id", "failure"}),
        **read_remarks(context.paths, record.id).model_dump(mode="json"),
        "failure": _failure(record.failure),
        "reading": _reading(record, history),
        "history": [epoch.model_dump(mode="json") for epoch in history],
        "progress": progress.model_dump(mode="json") if progress else None,
        "folder": str(files.folder),
    }
    said = remark_facts(read_remarks(context.paths, record.id))
    paragraphs = [facts(said)] if said else []
    return Answer(document, "\n\n".join([*_paragraphs(record, files, history), *paragraphs]))


def stop(context: Context) -> Answer:
    record = context.store.read(context.options.run_id)
    # A server would go on with it and then obey; from here nobody does.
    if is_abandoned(context.paths, record):
        raise RunError(
            N_("Run {run} is not running any more: its process has died."),
            remedy=text(N_("It can be resumed or deleted.")),
            run=record.id,
        )
    context.store.ask_to_stop(record.id)
    document = {
        "run_id": record.id,
        "status": record.status.value,
        "stop_requested": True,
    }
    return Answer(document, f"Run {record.id} was asked to stop.")


def delete(context: Context) -> Answer:
    record = context.store.read(context.options.run_id)
    asking = [other.id for other in made_of(context.store, [record.id])]
    if asking:
        say(f"warning: made of it, and without answers to new pictures then: {', '.join(asking)}")
    folds = " with all its folds" if record.kind == "crossval" else ""
    if not context.confirm(f"Delete the run {record.id}{folds} and all its files?"):
        return Answer({"run_id": record.id, "deleted": False}, "Nothing was deleted.")
    delete_run(context.store, record.id)
    document: dict[str, object] = {"run_id": record.id, "deleted": True}
    if asking:
        document["asked_by"] = asking
    return Answer(document, f"Run {record.id} was deleted.")


def reindex(context: Context) -> Answer:
    report = context.store.reindex()
    problems: list[object] = [
        {"folder": folder, "message": str(message)} for folder, message in report.problems
    ]
    lines = [f"runs: {amount(report.runs)}, folders with problems: {len(problems)}"]
    if problems:
        rows = [(folder, str(message)) for folder, message in report.problems]
        lines.append(table(("folder", "problem"), rows))
    return Answer({"runs": report.runs, "problems": problems}, "\n\n".join(lines))


def _current(context: Context, record: RunRecord) -> RunRecord:
    """What the index says, but of a run under way what its folder says now."""
    if record.status.is_over():
        return record
    try:
        return _marked(context, context.store.refresh(record.id))
    except LabError as error:
        say(f"warning: {error}")
        return record


def _marked(context: Context, record: RunRecord) -> RunRecord:
    """A run whose process has died is shown as what it is, though nobody has written it yet."""
    if is_abandoned(context.paths, record):
        return record.changed(status=RunStatus.INTERRUPTED)
    return record


def _epochs(context: Context, record: RunRecord) -> int:
    if record.summary is not None:
        return record.summary.epochs
    return len(read_history(context.paths.run(record.id)))


def _listed(context: Context, record: RunRecord) -> dict[str, object]:
    summary = record.summary
    figures = ("best_val_accuracy", "val_accuracy", "test_accuracy", "parameters", "seconds")
    return {
        "run_id": record.id,
        "status": record.status.value,
        "preset": record.preset,
        "by": record.by,
        "dataset": record.config.data.dataset,
        "architecture": record.config.model.architecture,
        "kind": record.kind,
        "epochs": _epochs(context, record),
        **{name: getattr(summary, name, None) for name in figures},
        "created": record.created.isoformat(),
        "failure": _failure(record.failure),
    }


def _row(context: Context, record: RunRecord) -> tuple[str, ...]:
    summary = record.summary
    return (
        record.id,
        record.status.value,
        record.config.data.dataset,
        record.network if record.kind == "ensemble" else record.config.model.architecture,
        f"{_epochs(context, record)}/{record.config.train.epochs}",
        percent(summary.best_val_accuracy if summary else None),
        percent(summary.test_accuracy if summary else None),
        amount(summary.parameters if summary else None),
        duration(summary.seconds if summary else None),
    )


def _failure(failure: Failure | None) -> dict[str, object] | None:
    if failure is None:
        return None
    remedy = str(failure.remedy) if failure.remedy else None
    return {"what": str(failure.what), "remedy": remedy}


def _paragraphs(record: RunRecord, files: RunPaths, history: list[Epoch]) -> Iterator[str]:
    failure = _failure(record.failure)
    yield facts(
        [
            ("run", record.id),
            ("status", record.status.value),
            *((name, str(value)) for name, value in (failure or {}).items() if value),
            ("created", record.created.astimezone().strftime("%Y-%m-%d %H:%M:%S")),
            ("preset", record.preset or "–"),
            *([("name", record.by)] if record.by else ()),
            ("dataset", f"{record.config.data.dataset}, {shape(record.image_shape)}"),
            *start_facts(record),
            *(summary_facts(record.summary) if record.summary else ()),
            ("folder", str(files.folder)),
        ]
    )
    if found := _reading(record, history):
        yield "\n".join(str(value) for value in found.values() if value)
    if record.composition:
        yield _members(record)
    if record.kind != "ensemble":
        yield facts(_settings(record))
    if history:
        yield _history_table(history)


def _reading(record: RunRecord, history: list[Epoch]) -> dict[str, object] | None:
    """What the curves say, and what to try next; nothing of a run that has failed."""
    found = read_curves(history, record.config, len(record.class_names))
    if found is None or record.failure is not None:
        return None
    proposal = found.proposal
    values = " ".join(f"--set {k}={v}" for k, v in (proposal.values if proposal else {}).items())
    return {
        "sentence": str(found.sentence),
        "remark": str(found.remark) if found.remark else None,
        "proposal": f"To try next: {values}. {proposal.why}" if proposal else None,
    }


def _members(record: RunRecord) -> str:
    """What it is made of."""
    assert record.composition is not None
    rows = [
        (
            member.run,
            "–" if member.snapshot is None else str(member.snapshot),
            "yes" if member.varied else "no",
            number(member.weight),
        )
        for member in record.composition.members
    ]
    return table((f"members ({record.composition.method})", "epoch", "TTA", "weight"), rows)


def _settings(record: RunRecord) -> list[tuple[str, str]]:
    config = record.config.model_dump(mode="json")
    return [
        (f"{section}.{field}", str(value))
        for section in SECTION_NAMES
        for field, value in config[section].items()
    ]


def _history_table(history: list[Epoch]) -> str:
    header = ("epoch", "loss", "accuracy", "val. loss", "val. acc.", "rate", "time", "images/s")
    rows = [
        (
            str(epoch.epoch),
            number(epoch.loss),
            percent(epoch.accuracy),
            number(epoch.val_loss),
            percent(epoch.val_accuracy),
            f"{epoch.learning_rate:.3g}",
            duration(epoch.seconds),
            amount(epoch.images_per_second),
        )
        for epoch in history
    ]
    return table(header, rows, right=header)


def _delete_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    add_yes(parser)


RUNS = (
    Command("runs", "List runs, newest first.", runs, _runs_arguments),
    Command("show", "Show all about a run: settings, epochs, figures.", show, add_run_id),
    Command("stop", "Ask a run to stop; it keeps what it has learnt.", stop, add_run_id),
    Command("delete", "Delete a run and all its files.", delete, _delete_arguments),
    Command("reindex", "Make the index of the runs anew from their folders.", reindex),
)
