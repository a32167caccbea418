"""How much one import may be, and the checks that need no reading."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.errors import N_, DatasetError

MAX_FILE_BYTES = 100_000_000
MAX_TOTAL_BYTES = 50_000_000_000
MAX_RATIO = 200
# Small archives may be compressed as well as they like: text and blank pictures are.
RATIO_FROM_BYTES = 1_000_000_000
MAX_ENTRIES = 2_000_000
MAX_SIDE = 1024
KEEP_FREE_BYTES = 500_000_000


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
