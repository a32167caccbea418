"""``data …``: datasets in, looked at, and out again."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from tqdm import tqdm

from core.commands.context import Answer, Context, WrongUseError, interruptible, say
from core.commands.data_sources import (
    add_source_arguments,
    chosen_source,
    shapes_help,
    sources,
)
from core.commands.formats import amount, facts, printable, shape, table
from core.commands.import_arguments import add_import_arguments, import_options
from core.commands.parser import Command, Group, add_yes
from core.commands.stats import stats
from core.competition.opening import needing
from core.datasets.dataset import (
    SPLITS,
    STORED_SPLITS,
    UNLABELLED,
    Dataset,
    DatasetInfo,
)
from core.datasets.importing import import_dataset
from core.datasets.options import ImportProgress
from core.datasets.registry import (
    damaged_datasets,
    ensure_digits,
    list_datasets,
    validate_name,
)
from core.errors import DatasetError

SHOWN_SKIPPED = 20


def list_(context: Context) -> Answer:
    ensure_digits(context.paths)
    for name, problem in damaged_datasets(context.paths):
        say(f"warning: {printable(name)}: {problem}")
    infos = list_datasets(context.paths)
    rows = [
        (
            info.name,
            amount(len(info.class_names)),
            *(amount(info.splits.get(split, 0)) for split in STORED_SPLITS),
            shape(info.image_shape),
            info.origin,
        )
        for info in infos
    ]
    counts = ("classes", *STORED_SPLITS)
    text = table(("name", *counts, "images", "origin"), rows, right=counts)
    return Answer([_summary(info) for info in infos], text)


def show(context: Context) -> Answer:
    return shown(context.dataset(context.options.name))


def add(context: Context) -> Answer:
    options = context.options
    source = chosen_source(options)
    try:
        name = validate_name(context.paths, options.name)
    except DatasetError as error:
        # Not the data's fault: wrong use.
        raise WrongUseError(error.text.msgid, remedy=error.remedy, **error.text.params) from error
    cancelled = threading.Event()
    notice = "Cancelling the import… (Ctrl-C again aborts at once)"
    with interruptible(cancelled.set, notice), closing(ProgressBar()) as on_progress:
        import_dataset(
            context.paths,
            source,
            name,
            options=import_options(options),
            on_progress=on_progress,
            should_stop=cancelled.is_set,
        )
    return shown(context.dataset(name))


def delete(context: Context) -> Answer:
    name = context.options.name
    fingerprint = next((i.fingerprint for i in list_datasets(context.paths) if i.name == name), "")
    for competition in needing(context.paths, fingerprint):
        title = printable(competition.settings.title)
        say(f"warning: nothing can be handed in to the competition {title} any more then")
    if not context.confirm(f"Delete the dataset {printable(name)}?"):
        return Answer({"name": name, "deleted": False}, "Nothing was deleted.")
    context.store.delete_dataset(name, keep_images=not context.options.drop_images)
    return Answer({"name": name, "deleted": True}, f"{printable(name)} was deleted.")


def _summary(info: DatasetInfo) -> dict[str, object]:
    return {
        "name": info.name,
        "title": info.title or info.name,
        "classes": list(info.class_names),
        "splits": dict(info.splits),
        "image_shape": list(info.image_shape),
        "images": sum(info.splits.values()),
        "origin": info.origin,
        "created": info.created,
    }


def shown(dataset: Dataset) -> Answer:
    info, report = dataset.info, dataset.report()
    document = {
        **_summary(info),
        "class_counts": dict(info.class_counts),
        "resize": info.resize,
        "fingerprint": info.fingerprint,
        "imported": report.imported,
        "capped": len(report.capped),
        "skipped": [
            {"name": s.name, "reason": str(s.text), "code": s.reason.value} for s in report.skipped
        ],
        "repaired": [
            {"repair": str(r.text), "count": r.count, "examples": r.examples[:SHOWN_SKIPPED]}
            for r in report.repaired
        ],
        "dropped": {d.reason.value: d.count for d in report.dropped},
        "derived": info.derived.model_dump(mode="json") if info.derived else None,
        "warnings": [str(warning) for warning in report.warnings],
        "sizes": report.sizes.model_dump(mode="json"),
    }
    return Answer(document, "\n\n".join(_paragraphs(dataset)))


def _paragraphs(dataset: Dataset) -> Iterator[str]:
    info, report = dataset.info, dataset.report()
    yield facts(
        [
            ("name", info.name),
            ("origin", info.origin),
            ("images", f"{amount(sum(info.splits.values()))}, {shape(info.image_shape)}"),
            ("classes", amount(len(info.class_names))),
            ("resized by", info.resize),
            *_unlabelled(info),
            (
                "files",
                f"{amount(report.imported)} imported, {amount(report.left_out)} skipped, "
                f"{amount(report.files)} in all",
            ),
            *(("warning", str(warning)) for warning in report.warnings),
            *(("made by", str(step)) for step in (info.derived.steps if info.derived else ())),
            *(("left out", f"{amount(d.count)}: {d.text}") for d in report.dropped),
            *(("repaired", f"{amount(r.count)}: {r.text}") for r in report.repaired),
        ]
    )
    yield _class_table(info)
    if report.skipped:
        rows = [(s.name, str(s.text)) for s in report.skipped[:SHOWN_SKIPPED]]
        yield table(("skipped file", "reason"), rows)
    if report.skipped[SHOWN_SKIPPED:]:
        yield f"… and {amount(len(report.skipped) - SHOWN_SKIPPED)} more (--json lists all)"


def _unlabelled(info: DatasetInfo) -> Iterator[tuple[str, str]]:
    if count := info.splits.get(UNLABELLED):
        yield "without label", f"{amount(count)} images, to be predicted only"


def _class_table(info: DatasetInfo) -> str:
    rows = [
        (name, *(amount(info.class_counts[split][i]) for split in SPLITS))
        for i, name in enumerate(info.class_names)
    ]
    rows.append(("all", *(amount(info.splits[split]) for split in SPLITS)))
    return table(("class", *SPLITS), rows, right=SPLITS)


class ProgressBar:
    """One bar for every phase of an import; that of the decoding stays on the screen."""

    def __init__(self) -> None:
        # Its monitor is a thread, and with threads about the import may not fork (see
        # ``core.datasets.workers``).
        tqdm.monitor_interval = 0
        self._phase = ""
        self._bar: tqdm[Any] | None = None

    def __call__(self, progress: ImportProgress) -> None:
        if progress.phase != self._phase:
            self._begin(progress)
        if self._bar is not None:
            self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def _begin(self, progress: ImportProgress) -> None:
        self.close()
        self._phase = progress.phase
        if progress.total:
            self._bar = tqdm(
                desc=progress.phase,
                total=progress.total,
                leave=progress.phase == "decoding",
                file=sys.stderr,
                unit="B" if progress.phase == "fetching" else " images",
                unit_scale=True,
                dynamic_ncols=True,
                # A log file is not a screen: a line every ten seconds is enough there.
                mininterval=0.1 if sys.stderr.isatty() else 10,
            )


def add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="see the command data list")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    parser.add_argument("--name", required=True, help="how the dataset shall be called")
    add_import_arguments(parser)


def _delete_arguments(parser: argparse.ArgumentParser) -> None:
    add_name(parser)
    parser.add_argument(
        "--drop-images",
        action="store_true",
        help="also delete the images that runs show their errors with",
    )
    add_yes(parser)


DATA = Group(
    "data",
    "Import, list, show and delete datasets.",
    (
        Command("list", "List all datasets.", list_),
        Command("sources", "List what can be imported.", sources),
        Command("add", "Import pictures.", add, _add_arguments, shapes_help),
        Command("show", "Show one dataset and how its import went.", show, add_name),
        Command("stats", "Analyse the images of a dataset.", stats, add_name),
        Command("delete", "Delete a dataset.", delete, _delete_arguments),
    ),
)
