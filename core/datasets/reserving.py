"""A dataset's name and the disk, while a process makes the dataset."""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from core.datasets.registry import validate_name
from core.errors import N_, DatasetError
from core.paths import Paths


@contextlib.contextmanager
def reserved(paths: Paths, name: str) -> Iterator[None]:
    """Keeps other processes from making a dataset of this name; the system frees it at a kill."""
    paths.create()
    digest = hashlib.blake2b(name.casefold().encode(), digest_size=8).hexdigest()
    file = paths.imports / f".name-{digest}.lock"
    try:
        with FileLock(file, timeout=0):
            validate_name(paths, name)
            try:
                yield
            finally:
                # Windows keeps it while it is locked.
                with contextlib.suppress(OSError):
                    file.unlink()
    except Timeout as error:
        raise DatasetError(
            N_("A dataset called “{name}” is being made right now. Choose another name."),
            name=name,
        ) from error


@contextlib.contextmanager
def full_disk_said() -> Iterator[None]:
    """An error of a full disk as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DatasetError(
            N_("The disk is full; nothing was kept. Make room, or choose a smaller picture size.")
        ) from error
