"""What an analysis has found, in one file that is there as a whole or not at all."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.analysis.duplicates import Duplicates
from core.analysis.groups import Groups
from core.analysis.outliers import Outliers
from core.analysis.stats import ClassStats
from core.errors import N_, DatasetError, text
from core.paths import write_atomic


class MapSample(NamedTuple):
    """Pictures on the map: ``row`` int64 (m,), ``points`` float32 (m, 2) by PCA, ``features``
    float32 (m, d) from which other maps can be drawn.
    """

    row: NDArray[np.int64]
    points: NDArray[np.float32]
    features: NDArray[np.float32]


class Analysis(NamedTuple):
    """Everything but the t-SNE map. Rows are numbered as :class:`core.analysis.rows.Rows` does."""

    stats: ClassStats
    outliers: Outliers
    duplicates: Duplicates
    sample: MapSample


def save_analysis(file: Path, found: Analysis) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    arrays |= _named("stats", found.stats._asdict())
    arrays |= _named("outliers", found.outliers._asdict())
    arrays |= _named("sample", found.sample._asdict())
    arrays |= _named("exact", found.duplicates.exact._asdict())
    arrays |= _named("similar", found.duplicates.similar._asdict())
    _save(file, arrays | {"complete": np.array(found.duplicates.complete)})


def load_analysis(file: Path) -> Analysis:
    """DatasetError if the file is missing or damaged."""
    arrays = _load(file)
    try:
        return Analysis(
            ClassStats(**_under("stats", arrays)),
            Outliers(**_under("outliers", arrays)),
            Duplicates(
                Groups(**_under("exact", arrays)),
                Groups(**_under("similar", arrays)),
                bool(arrays["complete"]),
            ),
            MapSample(**_under("sample", arrays)),
        )
    except (KeyError, TypeError) as error:
        raise _unreadable(file) from error


def save_points(file: Path, points: NDArray[np.float32]) -> None:
    """The t-SNE map of :class:`MapSample`: ``points`` (m, 2)."""
    _save(file, {"points": points})


def load_points(file: Path) -> NDArray[np.float32]:
    """DatasetError if the file is missing or damaged."""
    arrays = _load(file)
    if "points" not in arrays:
        raise _unreadable(file)
    return arrays["points"].astype(np.float32)


def _named(part: str, values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{part}.{name}": value for name, value in values.items()}


def _under(part: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(f"{part}."): value
        for name, value in arrays.items()
        if name.startswith(f"{part}.")
    }


def _save(file: Path, arrays: dict[str, NDArray[Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    out = BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    write_atomic(file, out.getvalue())


def _load(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(file) from error


def _unreadable(file: Path) -> DatasetError:
    return DatasetError(
        N_("The analysis in {file} is missing or damaged."),
        remedy=text(N_("Compute it again.")),
        file=str(file),
    )
