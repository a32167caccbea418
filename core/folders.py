"""All run folders, as a look at every one of them finds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core.errors import N_, LabError, StoreError, Text
from core.paths import Paths
from core.records import RunRecord, is_run_id, read_record_file
from core.remarks import Remarks, read_remarks


class Found(NamedTuple):
    """A folder: the run in it, if it can be read, and what is wrong with it, if anything."""

    folder: str
    record: RunRecord | None
    remarks: Remarks
    problem: Text | None


def read_folders(paths: Paths) -> Iterator[Found]:
    """One folder after the other: of ten thousand runs never all are in memory."""
    for folder in sorted(p for p in paths.runs.iterdir() if not p.name.startswith(".")):
        name = _printable(folder.name)
        try:
            record = _read_folder(folder, name)
        except LabError as error:
            yield Found(name, None, Remarks(), error.text)
            continue
        try:
            yield Found(name, record, read_remarks(paths, record.id), None)
        except LabError as error:  # the run itself is whole
            yield Found(name, record, Remarks(), error.text)


def _printable(name: str) -> str:
    """A name in another encoding, as old archives have them, is no text a database could hold."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _read_folder(folder: Path, name: str) -> RunRecord:
    if not folder.is_dir() or not is_run_id(folder.name):
        raise StoreError(N_("{folder} is not the folder of a run."), folder=name)
    if not (folder / "run.json").is_file():
        raise StoreError(N_("{folder} has no run.json."), folder=folder.name)
    return read_record_file(folder / "run.json")
