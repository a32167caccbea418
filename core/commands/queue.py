"""``queue`` and ``move``: the runs that wait for a server, and their order."""

from __future__ import annotations

import argparse
from typing import get_args

from core.commands.context import Answer, Context
from core.commands.formats import duration, table
from core.commands.parser import Command, add_run_id
from core.jobs.devices import slots
from core.jobs.queue import Move, move, read_queue

_COLUMNS = ("place", "run", "name", "dataset", "architecture", "starts in")


def queue(context: Context) -> Answer:
    rows = read_queue(context.store, len(slots()))
    document: list[object] = [
        {
            "position": row.position,
            "run_id": row.record.id,
            "by": row.record.by,
            "dataset": row.record.config.data.dataset,
            "architecture": row.record.config.model.architecture,
            "starts_in": row.starts_in,
        }
        for row in rows
    ]
    lines = [
        (
            str(row.position),
            row.record.id,
            row.record.by or "–",
            row.record.config.data.dataset,
            row.record.config.model.architecture,
            "unknown" if row.starts_in is None else duration(row.starts_in),
        )
        for row in rows
    ]
    return Answer(document, table(_COLUMNS, lines, right=("place", "starts in")))


def move_run(context: Context) -> Answer:
    run_id, how = context.options.run_id, context.options.how
    move(context.store, run_id, how)
    return Answer({"run_id": run_id, "moved": how}, f"Run {run_id} was moved: {how}.")


def _move_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument(
        "how",
        choices=get_args(Move),
        help="up, down, front: among the runs of its name; first: before everybody",
    )


QUEUE = (
    Command("queue", "List the runs that wait, in the order of their turns.", queue),
    Command("move", "Give a waiting run another place in the queue.", move_run, _move_arguments),
)
