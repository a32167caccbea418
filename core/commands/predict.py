"""``predict``: runs' networks on pictures of one's own."""

from __future__ import annotations

import argparse
import contextlib
import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from core.asking.items import Archive, Item, Items, open_archive
from core.asking.judging import Images, Proba, Taker, Verdict, judge_all, taker
from core.asking.results import Tally, columns, lines
from core.commands.context import Answer, Context, WrongUseError, chatter_to, say
from core.commands.formats import percent, printable, table
from core.commands.parser import Command, add_run_id
from core.errors import N_, LabError, RunError
from core.evaluation.confusions import top_k
from core.networks import network_version

Write = Callable[[Iterable[Sequence[str]]], object]
Guess = dict[str, object]
Entry = dict[str, object]


def predict(context: Context) -> Answer:
    options = context.options
    takers = [_taker(context, run) for run in dict.fromkeys([options.run_id, *options.also])]
    items, wrong = _items(list(dict.fromkeys(options.images)))
    tally = Tally(len(takers))
    entries: list[Entry] = []
    with _csv(options.csv) as write:
        write([columns(options.top)])
        for verdict in _verdicts(context, items, takers):
            tally.add(verdict, takers)
            write(lines(verdict, takers, options.top))
            entries.append(_entry(verdict, takers, options.top))
        empty = [""] * (2 * options.top + 1)
        write([path, t.run_id, *empty, said] for path, said in wrong.items() for t in takers)
    entries = _in_order(options.images, entries, wrong)
    left_out = [
        {"file": f"{archive.name}/{skipped.name}", "reason": str(skipped.text)}
        for archive in items.archives
        for skipped in archive.left_out
    ]
    document: dict[str, object] = {
        "run_id": takers[0].run_id,
        "images": entries,
        "left_out": left_out,
        "accuracy": {t.run_id: tally.accuracy(i) for i, t in enumerate(takers)},
    }
    text = "\n\n".join([*map(_paragraph, entries), *_summary(takers, tally, items.archives)])
    return Answer(document, text, not wrong and not tally.unreadable)


def _taker(context: Context, run_id: str) -> Taker:
    """Looks for the model here, though loading it would say so too: this does not load Keras."""
    record = context.store.read(run_id)
    network_version(context.paths, record)
    if record.image_shape is None:
        raise RunError(
            N_("Run {run} is {status}: it has no trained network."),
            run=record.id,
            status=record.status.text,
        )
    return taker(record)


def _items(paths: Sequence[str]) -> tuple[Items, dict[str, str]]:
    """The pictures, and the files that cannot be read with the reasons."""
    loose: list[Item] = []
    archives: list[Archive] = []
    wrong: dict[str, str] = {}
    for path in paths:
        try:
            if path.casefold().endswith(".zip"):
                archives.append(open_archive(Path(path), path))
            else:
                folder = Path(path).absolute().parent.name
                loose.append(Item(path, path, Path(path).read_bytes(), folders=(folder,)))
        except OSError as error:
            wrong[path] = f"The file cannot be read: {error.strerror or error}."
        except LabError as error:
            wrong[path] = str(error)
    return Items(loose, archives), wrong


def _verdicts(context: Context, items: Items, takers: Sequence[Taker]) -> Iterator[Verdict]:
    """Keras is loaded when the first picture has been read; what it prints is kept back."""
    with tempfile.TemporaryFile("w+") as chatter:

        def proba(run_id: str, images: Images) -> Proba:
            with chatter_to(chatter):
                from core.prediction import predict as proba_of  # loads Keras

                return proba_of(context.paths, run_id, images, context.options.tta)

        try:
            yield from judge_all(items, takers, proba)
        except Exception:
            chatter.seek(0)
            say(chatter.read())  # now it may say something
            raise


@contextlib.contextmanager
def _csv(path: str | None) -> Iterator[Write]:
    """What writes rows to the file that is asked for, if one is."""
    if path is None:
        yield lambda rows: None
        return
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("w", newline="", encoding="utf-8"))
        except OSError as error:
            raise WrongUseError(
                N_("The file {file} cannot be written: {error}."),
                file=path,
                error=error.strerror or str(error),
            ) from error
        yield csv.writer(file).writerows


def _entry(verdict: Verdict, takers: Sequence[Taker], k: int) -> Entry:
    if verdict.problem is not None:
        return {"image": verdict.name, "error": str(verdict.problem)}
    height, width = verdict.size
    answers = [
        _answer(verdict.folders, taker, proba, k)
        for taker, proba in zip(takers, verdict.proba, strict=True)
    ]
    entry = {
        "image": verdict.name,
        **{name: value for name, value in answers[0].items() if name != "run_id"},
        "size": {"width": width, "height": height},
        "repairs": [repair.value for repair in verdict.repairs],
    }
    return entry | ({"runs": answers} if len(answers) > 1 else {})


def _answer(folders: Sequence[str], taker: Taker, proba: Proba, k: int) -> Guess:
    best, true = top_k(proba, k), taker.truth(folders)
    return {
        "run_id": taker.run_id,
        "top": [
            {"class": taker.name(c), "probability": p}
            for c, p in zip(best.classes.tolist(), best.proba.tolist(), strict=True)
        ],
        "true": None if true is None else taker.class_names[true],
    }


def _in_order(paths: Sequence[str], entries: list[Entry], wrong: dict[str, str]) -> list[Entry]:
    """The files as they were named, then what came out of zips."""
    named = {str(entry["image"]): entry for entry in entries}
    named |= {path: {"image": path, "error": said} for path, said in wrong.items()}
    first = [named[path] for path in dict.fromkeys(paths) if path in named]
    return first + [entry for entry in entries if str(entry["image"]) not in set(paths)]


def _paragraph(entry: Entry) -> str:
    title = printable(str(entry["image"]))
    runs = entry.get("runs", [entry])
    if "error" in entry or not isinstance(runs, list):
        return f"{title}\nerror: {entry['error']}"
    tables = [
        "\n".join([*([printable(str(run["run_id"]))] if len(runs) > 1 else []), _guesses(run)])
        for run in runs
    ]
    return "\n".join([title, *tables])


def _guesses(run: Guess) -> str:
    top = run["top"]
    assert isinstance(top, list)
    rows = [(str(guess["class"]), percent(float(guess["probability"]))) for guess in top]
    return table(("class", "probability"), rows, right=("probability",))


def _summary(takers: Sequence[Taker], tally: Tally, archives: Sequence[Archive]) -> Iterator[str]:
    """Accuracies where folders tell the truth, and how much of the zips is not judged."""
    for i, each in enumerate(takers):
        if tally.known[i]:
            share = percent(tally.accuracy(i))
            yield f"{each.run_id}: {share} right ({tally.right[i]} of {tally.known[i]})"
    for archive in archives:
        no_pictures, unread = archive.left_out_count
        if no_pictures or unread:
            counts = f"{no_pictures} no pictures, {unread} not read"
            yield f"files in {printable(archive.name)} that are not judged: {counts} (see --json)"


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 1, received {value!r}"
        )
    return int(value)


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="PNG, JPEG, WebP, BMP, GIF, …, or a zip of such; folders named like classes tell "
        "what is right",
    )
    parser.add_argument(
        "--top", type=_positive, default=5, metavar="K", help="classes to show (default: 5)"
    )
    parser.add_argument(
        "--also",
        metavar="RUN_ID",
        action="append",
        default=[],
        help="another run that judges the same pictures; may be repeated",
    )
    parser.add_argument("--csv", metavar="FILE", help="write all answers to this table")
    parser.add_argument(
        "--tta",
        action="store_true",
        help="average over versions of each picture, changed as in training",
    )


PREDICT = Command("predict", "Ask runs' networks about pictures.", predict, _arguments)
