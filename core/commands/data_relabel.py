"""``data labels`` and ``data relabel``: which labels are probably wrong, and the next version of a
dataset by a table of decisions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from core.commands.context import Answer, Context, WrongUseError
from core.commands.data import add_name, shown
from core.commands.data_more import DATA as BASE
from core.commands.data_more import free_name, working
from core.commands.formats import amount, percent, printable, table
from core.commands.parser import Command, Group, add_run_id
from core.datasets.decision_csv import COLUMNS, NEEDED, decisions_csv, parse_decisions
from core.datasets.decisions import Decision, Place, Verdict, next_recipe, next_version
from core.datasets.deriving import derive_dataset
from core.datasets.joining import open_as_seen
from core.datasets.registry import list_datasets
from core.errors import N_
from core.evaluation.labels import LabelIssue, label_issues
from core.evaluation.predictions import load_split, saved_splits
from core.paths import write_atomic
from core.records import run_paths

SHOWN_ISSUES = 20


def labels(context: Context) -> Answer:
    options = context.options
    record = context.store.read(options.run_id)
    file = run_paths(context.paths, record.id).predictions
    split = options.split or ("test" if "test" in saved_splits(file) else "val")
    found = label_issues(load_split(file, split))
    dataset = open_as_seen(context.paths, record.config.data, record.dataset_fingerprint)
    names, classes = dataset.split(split).names, dataset.info.class_names
    if options.csv:
        suggested = {
            Place(*dataset.place(split, i.row)): Decision(Verdict.RELABEL, classes[i.suggested], "")
            for i in found
        }
        write_atomic(Path(options.csv), decisions_csv(dataset, suggested))
    document = {
        "run_id": record.id,
        "dataset": dataset.info.name,
        "split": split,
        "issues": [
            {
                "row": dataset.place(split, issue.row)[1],
                "split": dataset.place(split, issue.row)[0],
                "file": names[issue.row],
                "given": classes[issue.given],
                "suggested": classes[issue.suggested],
                "quality": issue.quality,
                "given_probability": issue.given_proba,
                "suggested_probability": issue.suggested_proba,
            }
            for issue in found
        ],
    }
    return Answer(document, _told(found, names, classes))


def _told(found: Sequence[LabelIssue], names: Sequence[str], classes: Sequence[str]) -> str:
    if not found:
        return "No label contradicts the network clearly."
    rows = [
        (
            str(issue.row),
            printable(names[issue.row]),
            classes[issue.given],
            percent(issue.given_proba),
            classes[issue.suggested],
            percent(issue.suggested_proba),
        )
        for issue in found[:SHOWN_ISSUES]
    ]
    titles = ("row", "file", "given", "its share", "suggested", "share")
    lines = [
        f"Labels that are probably wrong, the clearest first: {amount(len(found))}",
        table(titles, rows, right=("row", "its share", "share")),
    ]
    if found[SHOWN_ISSUES:]:
        lines.append(f"… and {amount(len(found) - SHOWN_ISSUES)} more (--json or --csv lists all)")
    return "\n\n".join(lines)


def relabel(context: Context) -> Answer:
    options = context.options
    dataset = context.dataset(options.name)
    old = dataset.info.name
    taken = (info.name for info in list_datasets(context.paths))
    name = free_name(context, options.new or next_version(old, taken))
    read = parse_decisions(dataset, _bytes(Path(options.table)))
    recipe = next_recipe(old, {one.place: Decision(one.verdict, one.label, "") for one in read})
    with working(context) as (on_progress, should_stop):
        derive_dataset(
            context.paths, recipe, name, on_progress=on_progress, should_stop=should_stop
        )
    return shown(context.dataset(name))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WrongUseError(
            N_("The table {file} cannot be read: {error}."),
            file=str(file),
            error=error.strerror or str(error),
        ) from error


def _labels_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument("--split", help="val or test (default: test, where there is one)")
    parser.add_argument(
        "--csv",
        metavar="FILE.csv",
        help="write all as decisions to relabel: look through them, then give them to data relabel",
    )


def _relabel_arguments(parser: argparse.ArgumentParser) -> None:
    add_name(parser)
    parser.add_argument(
        "--from",
        dest="table",
        metavar="FILE.csv",
        required=True,
        help=f"a table with the columns {', '.join(COLUMNS)} (needed: {', '.join(NEEDED)}), as "
        "the Errors page writes it; decision is keep, relabel or exclude, new a class",
    )
    parser.add_argument(
        "--name",
        dest="new",
        metavar="NEW",
        help="how the new dataset shall be called (default: NAME-v2)",
    )


DATA = Group(
    BASE.name,
    BASE.help,
    (
        *BASE.commands,
        Command("labels", "List labels that are probably wrong.", labels, _labels_arguments),
        Command("relabel", "Make the next version of a dataset.", relabel, _relabel_arguments),
    ),
)
