"""``data relabel``: the next version of a dataset, by a table of decisions about its labels."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.commands.context import Answer, Context, WrongUseError
from core.commands.data import add_name, shown
from core.commands.data_more import DATA as BASE
from core.commands.data_more import free_name, working
from core.commands.parser import Command, Group
from core.datasets.decision_csv import COLUMNS, NEEDED, parse_decisions
from core.datasets.decisions import Decision, next_recipe, next_version
from core.datasets.deriving import derive_dataset
from core.datasets.registry import list_datasets
from core.errors import N_


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
        Command("relabel", "Make the next version of a dataset.", relabel, _relabel_arguments),
    ),
)
