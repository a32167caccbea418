"""``submit``: a run's answers about images without a label, as a file or to a competition."""

from __future__ import annotations

import argparse
import tempfile
import threading
from contextlib import closing
from pathlib import Path

from core.commands.context import Answer, Context, WrongUseError, chatter_to, interruptible, say
from core.commands.formats import amount, facts, number
from core.commands.parser import Command, add_run_id
from core.commands.stats import ProgressBar
from core.competition.answers import check_fit, read_answering
from core.competition.export import FILE, split_of, submission_of
from core.competition.forms import Written
from core.competition.handing_in import (
    Receipt,
    check_open,
    dataset_of_competition,
    submit_run,
)
from core.competition.job import answer_in_turn
from core.competition.opening import read_competition
from core.datasets.dataset import UNLABELLED, Dataset
from core.datasets.retiring import open_for_run
from core.errors import N_, CompetitionError
from core.records import RunRecord


def submit(context: Context) -> Answer:
    options = context.options
    record = context.store.read(options.run_id)
    if (options.competition is None) != (options.name is None):
        raise WrongUseError(N_("--competition and --name belong together: give both or none."))
    if options.competition is None:
        return _write(context, record, _own_dataset(context, record), options.out or FILE)
    competition = read_competition(context.paths, options.competition)
    dataset = dataset_of_competition(context.paths, competition)
    check_open(context.paths, competition, options.name)
    predicted(context, record.id, dataset)
    # The file first: where it cannot be written, nothing is used up.
    written = _write(context, record, dataset, options.out) if options.out else None
    receipt = submit_run(context.paths, competition.id, options.name, record.id)
    document, pairs = _handed_in(competition.id, receipt)
    if written:
        assert isinstance(written.document, dict)
        document |= written.document
        pairs.append(("file", options.out))
    return Answer({"run_id": record.id, **document}, facts(pairs))


def _own_dataset(context: Context, record: RunRecord) -> Dataset:
    data = record.config.data
    return open_for_run(context.paths, data.dataset, record.dataset_fingerprint)


def predicted(context: Context, run_id: str, dataset: Dataset) -> None:
    """Have the run answer about the images without a label, unless it has."""
    check_fit(context.store.read(run_id), dataset.info)
    if read_answering(context.paths, run_id, dataset.info).status == "finished":
        return
    cancelled = threading.Event()
    notice = "Cancelling… (Ctrl-C again aborts at once)"
    with (
        tempfile.TemporaryFile("w", encoding="utf-8") as log,
        chatter_to(log) as person,
        interruptible(cancelled.set, notice),
        closing(ProgressBar(person)) as on_progress,
    ):
        name = dataset.info.name
        answer_in_turn(context.paths, run_id, name, on_progress, cancelled.is_set)


def _write(context: Context, record: RunRecord, dataset: Dataset, out: str) -> Answer:
    split = split_of(dataset)
    if split is None:
        raise CompetitionError(
            N_("“{name}” has neither images without a label nor test images: nothing to hand in."),
            name=dataset.info.name,
        )
    if split == UNLABELLED:
        predicted(context, record.id, dataset)
    written = submission_of(context.paths, record, dataset, split)
    try:
        Path(out).write_bytes(written.data)
    except OSError as error:
        raise WrongUseError(
            N_("The file {file} cannot be written: {error}."),
            file=out,
            error=error.strerror or str(error),
        ) from error
    _warn(written)
    document = {
        "run_id": record.id,
        "dataset": dataset.info.name,
        "split": split,
        "file": out,
        "rows": written.rows,
        "filled": written.filled,
        "left_out": written.left_out,
    }
    return Answer(document, facts([("file", out), ("rows", amount(written.rows))]))


def _warn(written: Written) -> None:
    if written.filled:
        say(
            f"warning: {written.filled} rows are about images that the dataset does not have; "
            "they got the commonest class"
        )
    if written.left_out:
        say(f"warning: {written.left_out} images are not asked for by the sample")


def _handed_in(
    competition_id: str, receipt: Receipt
) -> tuple[dict[str, object], list[tuple[str, str]]]:
    document: dict[str, object] = {
        "competition": competition_id,
        "nickname": receipt.nickname,
        "public_score": receipt.score.model_dump(),
        "left_today": receipt.allowance.left,
        "renewed": receipt.allowance.renewed.isoformat(timespec="minutes"),
    }
    pairs = [
        ("handed in as", receipt.nickname),
        ("public score", number(receipt.score.value, 4)),
        ("left today", str(receipt.allowance.left)),
    ]
    return document, pairs


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument(
        "--out", metavar="FILE", help=f"where the file shall be written (default: {FILE})"
    )
    parser.add_argument(
        "--competition", metavar="ID", help="hand it in here; see the command competition list"
    )
    parser.add_argument("--name", metavar="NICK", help="the nickname to hand it in under")


SUBMIT = Command(
    "submit",
    "Predict the images without a label: submission.csv, or to a competition.",
    submit,
    _arguments,
)
