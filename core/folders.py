"""All run folders, as a look at every one of them finds them."""

from __future__ import annotations

from pathlib import Path

from core.errors import N_, LabError, StoreError, Text
from core.paths import Paths
from core.records import RunRecord, is_run_id, read_record_file
from core.remarks import Remarks, read_remarks


def read_folders(
    paths: Paths,
) -> tuple[list[tuple[RunRecord, Remarks]], list[tuple[str, Text]]]:
    records: list[tuple[RunRecord, Remarks]] = []
    problems: list[tuple[str, Text]] = []
    for folder in sorted(p for p in paths.runs.iterdir() if not p.name.startswith(".")):
        try:
            record = _read_folder(folder)
        except LabError as error:
            problems.append((folder.name, error.text))
            continue
        try:
            records.append((record, read_remarks(paths, record.id)))
        except LabError as error:  # the run itself is whole
            records.append((record, Remarks()))
            problems.append((folder.name, error.text))
    return records, problems


def _read_folder(folder: Path) -> RunRecord:
    if not folder.is_dir() or not is_run_id(folder.name):
        raise StoreError(N_("{folder} is not the folder of a run."), folder=folder.name)
    if not (folder / "run.json").is_file():
        raise StoreError(N_("{folder} has no run.json."), folder=folder.name)
    return read_record_file(folder / "run.json")
