"""The report of an import as a table: one row for every file of the source."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator

from core.datasets.dataset import STORED_SPLITS, Dataset
from core.datasets.report import REASONS, REPAIRS, Reason, Repair, spreadsheet_cell
from core.errors import N_

Translate = Callable[[str], str]
_TITLES = (N_("file"), N_("outcome"), N_("reason"), N_("split"), N_("class"))


def report_csv(dataset: Dataset, translate: Translate = str) -> str:
    """All files: those imported with split, class and repairs, those left out with the reason.

    Safe to open in a spreadsheet.

    Raises:
        DatasetError: if the dataset is damaged.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([translate(title) for title in _TITLES])
    for row in (*_left_out(dataset, translate), *_imported(dataset, translate)):
        writer.writerow([spreadsheet_cell(value) for value in row])
    return out.getvalue()


def _left_out(dataset: Dataset, translate: Translate) -> Iterator[tuple[str, ...]]:
    report = dataset.report()
    skipped, no_file = translate(N_("skipped")), translate(N_("no file"))
    for file in report.skipped:
        outcome = no_file if file.reason is Reason.NO_FILE else skipped
        yield file.name, outcome, file.text.render(translate), "", ""
    capped = translate(REASONS[Reason.CAPPED])
    for name in report.capped:
        yield name, skipped, capped, "", ""


def _imported(dataset: Dataset, translate: Translate) -> Iterator[tuple[str, ...]]:
    repairs = _repairs(dataset)
    imported = translate(N_("imported"))
    for split in STORED_SPLITS:
        if not dataset.info.splits.get(split):
            continue
        rows = dataset.split(split)
        # Past the end is an empty name: -1, no class.
        classes = [*dataset.info.class_names, ""]
        for label, name in zip(rows.labels, rows.names, strict=True):
            how = "; ".join(translate(REPAIRS[repair]) for repair in repairs[name])
            yield name, imported, how, split, classes[label]


def _repairs(dataset: Dataset) -> defaultdict[str, list[Repair]]:
    """Name → what was done to the picture; of datasets made before all were kept, examples."""
    found: defaultdict[str, list[Repair]] = defaultdict(list)
    if dataset.files.repairs.is_file():
        names = json.loads(dataset.files.repairs.read_text(encoding="utf-8"))
    else:
        names = {r.repair: r.examples for r in dataset.report().repaired}
    for repair, files in names.items():
        for name in files:
            found[name].append(Repair(repair))
    return found
