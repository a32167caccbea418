"""How much one import may be, and the checks that need no reading.

The teacher may change every limit by an environment variable (:data:`VARIABLES`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from core.errors import N_, ConfigError, DatasetError, text


class Variable(NamedTuple):
    """An environment variable: its default, what one of it stands for, and its meaning."""

    default: float
    unit: int
    meaning: str


VARIABLES: dict[str, Variable] = {
    "LIENZO_MAX_ARCHIVE_GB": Variable(
        20, 10**9, N_("gigabytes of an archive or data file as it is")
    ),
    "LIENZO_MAX_UNPACKED_GB": Variable(50, 10**9, N_("gigabytes of all files of an archive")),
    "LIENZO_MAX_FILE_MB": Variable(100, 10**6, N_("megabytes of one picture")),
    "LIENZO_MAX_FILES": Variable(2_000_000, 1, N_("files in an archive or folder")),
    "LIENZO_MAX_RATIO": Variable(
        200, 1, N_("how many times its packed size an archive or a large file may unpack to")
    ),
    "LIENZO_MAX_MEGAPIXELS": Variable(50, 10**6, N_("million pixels of one picture")),
}


def _limit(name: str) -> int:
    """The limit as the environment has it. A value that cannot be meant does not stop the server:
    the default holds until :func:`check_limits` says so at the next import."""
    try:
        return _read(name)
    except ConfigError:
        return int(VARIABLES[name].default * VARIABLES[name].unit)


def _read(name: str) -> int:
    variable = VARIABLES[name]
    wanted = os.environ.get(name, "")
    try:
        value = float(wanted) * variable.unit if wanted.strip() else None
    except ValueError:
        value = 0.0
    if value is None:
        return int(variable.default * variable.unit)
    if not 1 <= value < 1e18:  # NaN fails too
        raise ConfigError(
            N_(
                "{name} ({meaning}): expected a number above 0 (the default is {default}), "
                "received {received}."
            ),
            name=name,
            meaning=text(variable.meaning),
            default=variable.default,
            received=wanted,
        )
    return int(value)


MAX_ARCHIVE_BYTES = _limit("LIENZO_MAX_ARCHIVE_GB")
MAX_TOTAL_BYTES = _limit("LIENZO_MAX_UNPACKED_GB")
MAX_FILE_BYTES = _limit("LIENZO_MAX_FILE_MB")
MAX_ENTRIES = _limit("LIENZO_MAX_FILES")
MAX_RATIO = _limit("LIENZO_MAX_RATIO")
MAX_PIXELS = _limit("LIENZO_MAX_MEGAPIXELS")
# Small archives and files may be compressed as well as they like: text and blank pictures are.
RATIO_FROM_BYTES = 1_000_000_000
FILE_RATIO_FROM_BYTES = 20_000_000
MAX_SIDE = 1024
KEEP_FREE_BYTES = 500_000_000


def check_limits() -> None:
    """ConfigError if an environment variable has an impossible value."""
    for name in VARIABLES:
        _read(name)


def check_size(path: Path) -> None:
    """Refuse an archive or data file that is too large as it is, before it is opened."""
    size = path.stat().st_size
    if size > MAX_ARCHIVE_BYTES:
        raise DatasetError(
            N_("The file has {gigabytes} GB; at most {most} GB are read."),
            gigabytes=gigabytes(size),
            most=gigabytes(MAX_ARCHIVE_BYTES),
        )


def too_compressed(packed: int, unpacked: int) -> bool:
    """Whether one file of an archive claims what no picture does."""
    return unpacked > FILE_RATIO_FROM_BYTES and unpacked > MAX_RATIO * max(packed, 1)


def check_archive(entries: int, packed: int, unpacked: int) -> None:
    """Refuse an archive by what it says of itself, before anything of it is read."""
    if entries > MAX_ENTRIES:
        raise DatasetError(
            N_("The archive has {entries} entries; at most {most} are read."),
            entries=entries,
            most=MAX_ENTRIES,
        )
    if unpacked > MAX_TOTAL_BYTES:
        raise DatasetError(
            N_(
                "The archive would unpack to {gigabytes} GB; at most {most} GB are read. "
                "It looks like a zip bomb."
            ),
            gigabytes=gigabytes(unpacked),
            most=gigabytes(MAX_TOTAL_BYTES),
        )
    ratio = unpacked // max(packed, 1)
    if unpacked > RATIO_FROM_BYTES and ratio > MAX_RATIO:
        raise DatasetError(
            N_(
                "The archive would unpack to {ratio} times its size; pictures never do. "
                "It looks like a zip bomb and was not opened."
            ),
            ratio=ratio,
        )


def check_disk(folder: Path, needed: int) -> None:
    """Refuse to write ``needed`` bytes where they would fill the disk of ``folder``."""
    free = shutil.disk_usage(folder).free
    if needed + KEEP_FREE_BYTES > free:
        raise DatasetError(
            N_(
                "There is not enough room on the disk: {needed} GB are needed and {keep} GB kept "
                "free, but only {free} GB are free. Choose a smaller picture size or make room."
            ),
            needed=gigabytes(needed),
            keep=gigabytes(KEEP_FREE_BYTES),
            free=gigabytes(free),
        )


def gigabytes(size: int) -> float:
    return round(size / 1e9, 1)
