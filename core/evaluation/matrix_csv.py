"""A confusion matrix as a table to take along."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from core.datasets.report import spreadsheet_cell
from core.evaluation.metrics import Ints


def matrix_csv(matrix: Ints, names: Sequence[str], corner: str) -> str:
    """Counts with their names, a line per true class; safe to open in a spreadsheet. ``corner``
    says what the lines and the columns are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    shown = [spreadsheet_cell(name) for name in names]
    writer.writerow([corner, *shown])
    writer.writerows([name, *row] for name, row in zip(shown, matrix.tolist(), strict=True))
    return out.getvalue()
