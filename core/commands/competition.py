"""``competition …``: a class's competition, opened and ended where the server's files are."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import get_args

from core.commands.context import Answer, Context, WrongUseError, interruptible, say
from core.commands.formats import NOTHING, amount, facts, number, printable, table
from core.commands.parser import Command, Group, add_yes
from core.commands.stats import ProgressBar
from core.commands.submit import predicted
from core.competition.answers import check_fit
from core.competition.board import Row, ranking
from core.competition.handing_in import add_baseline, dataset_of_competition
from core.competition.leaks import leaks
from core.competition.opening import (
    begin_hidden,
    close,
    delete,
    extend,
    list_competitions,
    open_with_labels,
    prepare,
    read_competition,
    reveal,
)
from core.competition.scoring import Score
from core.competition.settings import MOST_PER_DAY, STAGES, Competition, Metric, Settings
from core.datasets.dataset import DIGITS
from core.errors import N_
from core.records import now

MOMENT = "2026-12-18T18:00, or 2026-12-18 for its first minute"


def list_(context: Context) -> Answer:
    found = list_competitions(context.paths)
    for folder, problem in found.problems:
        say(f"warning: {printable(folder)}: {problem}")
    rows = [
        (c.id, c.settings.title, c.dataset, STAGES[c.stage(now())], amount(c.images))
        for c in found.competitions
    ]
    text = table(("id", "title", "dataset", "stage", "images"), rows, right=("images",))
    return Answer([_document(c) for c in found.competitions], text)


def show(context: Context) -> Answer:
    return _shown(context, read_competition(context.paths, context.options.id))


def create(context: Context) -> Answer:
    options = context.options
    settings = Settings(
        title=options.title,
        description=options.description,
        metric=options.metric,
        public_share=options.public,
        per_day=options.per_day,
        opens=options.opens,
        closes=options.closes,
    )
    dataset = context.dataset(options.name)
    if options.beat_run:  # a copy has the classes and the size of its original
        check_fit(context.store.read(options.beat_run), dataset.info)
    if options.labels:
        labels = _read(options.labels)
        made = open_with_labels(context.paths, dataset, labels, settings, options.to_beat)
    else:
        made = _hidden(context, settings)
    if options.beat_run:
        predicted(context, options.beat_run, dataset_of_competition(context.paths, made))
        add_baseline(context.paths, made.id, options.beat_run)
    return _shown(context, made)


def _hidden(context: Context, settings: Settings) -> Competition:
    options = context.options
    made = begin_hidden(context.paths, options.name, options.hide_test, settings, options.to_beat)
    cancelled = threading.Event()
    notice = "Cancelling… (Ctrl-C again aborts at once)"
    try:
        with interruptible(cancelled.set, notice), closing(ProgressBar()) as on_progress:
            competition = prepare(context.paths, made, on_progress, cancelled.is_set)
    except BaseException:
        delete(context.paths, made)
        raise
    for leak in leaks(context.paths, competition):
        name = printable(leak.name)
        remedy = "" if leak.name == DIGITS else f": data delete {name} --drop-images"
        say(f"warning: {name} still shows the labels as long as it is here{remedy}")
    return competition


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise WrongUseError(
            N_("The file {file} cannot be read: {error}."),
            file=file,
            error=error.strerror or str(error),
        ) from error


def end(context: Context) -> Answer:
    return _shown(context, close(context.paths, context.options.id))


def prolong(context: Context) -> Answer:
    return _shown(context, extend(context.paths, context.options.id, context.options.closes))


def final(context: Context) -> Answer:
    competition = read_competition(context.paths, context.options.id)
    question = f"Show everybody the final ranking of {printable(competition.settings.title)}?"
    if not context.confirm(question):
        return Answer({"id": competition.id, "revealed": False}, "Nothing was shown.")
    return _shown(context, reveal(context.paths, competition.id))


def remove(context: Context) -> Answer:
    chosen = context.options.id
    if not context.confirm(f"Delete the competition {printable(chosen)} with all submissions?"):
        return Answer({"id": chosen, "deleted": False}, "Nothing was deleted.")
    delete(context.paths, chosen)
    return Answer({"id": chosen, "deleted": True}, f"{printable(chosen)} was deleted.")


def _document(competition: Competition) -> dict[str, object]:
    return {
        **competition.model_dump(mode="json", exclude={"vocabulary"}),
        "stage": competition.stage(now()).value,
    }


def _shown(context: Context, competition: Competition) -> Answer:
    rows = ranking(context.paths, competition)
    document = {**_document(competition), "ranking": [_row(row) for row in rows]}
    settings = competition.settings
    pairs = [
        ("id", competition.id),
        ("title", settings.title),
        ("dataset", competition.dataset),
        ("stage", STAGES[competition.stage(now())]),
        ("metric", competition.measure.label),
        ("images", f"{amount(competition.images)}, {amount(competition.public_images)} public"),
        ("per day", f"{settings.per_day} submissions"),
        *((name, f"{moment:%Y-%m-%d %H:%M %Z}") for name, moment in _moments(settings)),
    ]
    return Answer(document, "\n\n".join([facts(pairs), _table(rows)]))


def _moments(settings: Settings) -> list[tuple[str, datetime]]:
    moments = (("opens", settings.opens), ("closes", settings.closes))
    return [(name, moment.astimezone()) for name, moment in moments if moment]


def _row(row: Row) -> dict[str, object]:
    return {
        "rank": row.rank,
        "nickname": row.nickname or None,
        "baseline": str(row.label) if row.label else None,
        "score": row.best.model_dump(),
        "submissions": row.submissions,
        "at": row.at.isoformat(timespec="seconds"),
        "final_score": row.final.model_dump() if row.final else None,
        "public_rank": row.public_rank,
        "moved": row.moved,
    }


def _table(rows: Sequence[Row]) -> str:
    cells = [
        (
            NOTHING if row.rank is None else str(row.rank),
            str(row.label) if row.label else row.nickname,
            number(row.best.value, 4),
            _interval(row.best),
            number(row.final.value, 4) if row.final else NOTHING,
            str(row.submissions),
        )
        for row in rows
    ]
    header = ("rank", "name", "public score", "95 % interval", "final score", "submissions")
    return table(header, cells, right=("rank", "public score", "final score", "submissions"))


def _interval(score: Score) -> str:
    return NOTHING if score.low is None else f"{score.low:.4f} to {score.high:.4f}"


def moment(value: str) -> datetime:
    """``2026-12-01`` (its first minute) or ``2026-12-01T18:00``, in the server's time zone unless
    it says one."""
    try:
        return datetime.fromisoformat(value).astimezone()
    except (ValueError, OverflowError) as error:  # the year 1 has no time zone
        raise argparse.ArgumentTypeError(
            f"expected a moment such as 2026-12-01T18:00, received {value!r}"
        ) from error


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(
            f"expected a share between 0 and 1, such as 0.3, received {value!r}"
        )
    return share


def _per_day(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= MOST_PER_DAY:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 1 to {MOST_PER_DAY}, received {value!r}"
        )
    return int(value)


def _id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="see the command competition list")


def _asking(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    add_yes(parser)


def _extend_arguments(parser: argparse.ArgumentParser) -> None:
    _id(parser)
    parser.add_argument(
        "--closes", type=moment, metavar="MOMENT", help=f"the new end (default: none). {MOMENT}"
    )


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="DATASET", help="see the command data list")
    parser.add_argument("--title", required=True, help="how the competition shall be called")
    parser.add_argument("--description", default="", help="what it is about")
    labels = parser.add_mutually_exclusive_group(required=True)
    labels.add_argument(
        "--labels", metavar="FILE", help="a CSV file: image and class, for all without a label"
    )
    labels.add_argument(
        "--hide-test",
        metavar="COPY",
        help="make a copy of this name in which the test images have no labels",
    )
    parser.add_argument("--metric", choices=get_args(Metric), default="accuracy")
    parser.add_argument(
        "--public", type=_share, default=0.3, help="share of public images (default: 0.3)"
    )
    parser.add_argument(
        "--per-day", type=_per_day, default=5, help="submissions per nickname (default: 5)"
    )
    parser.add_argument(
        "--opens", type=moment, metavar="MOMENT", help=f"(default: at once). {MOMENT}"
    )
    parser.add_argument(
        "--closes", type=moment, metavar="MOMENT", help=f"(default: by hand). {MOMENT}"
    )
    parser.add_argument("--to-beat", type=float, metavar="SCORE", help="a score to beat")
    parser.add_argument("--beat-run", metavar="RUN_ID", help="a run whose score is to be beaten")


COMPETITION = Group(
    "competition",
    "A class's competition over images whose labels only the server knows.",
    (
        Command("list", "List all competitions.", list_),
        Command("create", "Open a competition.", create, _create_arguments),
        Command("show", "Show a competition and its ranking.", show, _id),
        Command("extend", "Let a competition end at another time.", prolong, _extend_arguments),
        Command("close", "End a competition now.", end, _id),
        Command("reveal", "Show the final ranking of one that is closed.", final, _asking),
        Command("delete", "Delete a competition with its labels.", remove, _asking),
    ),
)
