"""What is cleared away when a store is opened: what killed processes and old visitors have left."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from core.paths import Paths

EMPTY_RUN_SECONDS = 3600.0
"""A run's folder is empty for some milliseconds while the run is made."""
NAME_SECONDS = 200 * 24 * 3600.0
"""A name is forgotten when its browser has not come for so long: a term and the holidays."""


def sweep(paths: Paths) -> None:
    """Nothing that anybody may still want is touched."""
    for folder in (paths.runs, paths.competitions):
        for doomed in folder.glob(".deleted-*"):  # by a process that was killed over it
            shutil.rmtree(doomed, ignore_errors=True)
    for folder in paths.runs.iterdir():
        # Of a process that was killed between the folder and its run.json.
        if _is_older(folder, EMPTY_RUN_SECONDS):
            with suppress(OSError):  # never one with anything in it
                folder.rmdir()
    if paths.names.is_dir():
        for file in paths.names.iterdir():
            if _is_older(file, NAME_SECONDS):
                file.unlink(missing_ok=True)


def _is_older(path: Path, seconds: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime > seconds
    except OSError:
        return False
