"""The part of a job's process that works on datasets which are here already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.datasets.deriving import derive_dataset
from core.datasets.duplicates import find_duplicates, save_duplicates
from core.datasets.exporting import export_dataset
from core.datasets.jobs import JobPaths, JobProgress, JobRequest
from core.datasets.options import OnProgress
from core.datasets.registry import open_dataset
from core.datasets.ticking import Ticker
from core.datasets.work import Derive, Export, FindDuplicates, ready_message
from core.errors import N_, Text, text
from core.paths import Paths


def do_work(
    paths: Paths, files: JobPaths, request: JobRequest, on_progress: OnProgress
) -> JobProgress:
    """Do what ``request`` asks for, and return its last word."""
    message = _DOERS[type(request.work)](paths, files, request, on_progress)
    return JobProgress(status="finished", message=message)


def _derive(paths: Paths, files: JobPaths, request: JobRequest, on_progress: OnProgress) -> Text:
    assert isinstance(request.work, Derive)
    info = derive_dataset(
        paths,
        request.work.recipe,
        request.name,
        on_progress=on_progress,
        should_stop=files.cancel.exists,
    )
    return ready_message(info)


def _export(paths: Paths, files: JobPaths, request: JobRequest, on_progress: OnProgress) -> Text:
    assert isinstance(request.work, Export)
    dataset = open_dataset(paths, request.work.dataset)
    count = export_dataset(
        dataset, files.export, on_progress=on_progress, should_stop=files.cancel.exists
    )
    return text(N_("The zip file is ready. Images: {n}."), n=count)


def _compare(paths: Paths, files: JobPaths, request: JobRequest, on_progress: OnProgress) -> Text:
    assert isinstance(request.work, FindDuplicates)
    dataset = open_dataset(paths, request.work.dataset)
    found = find_duplicates(dataset, Ticker(on_progress, files.cancel.exists))
    save_duplicates(paths, dataset.info.fingerprint, found)
    return text(N_("Images that are there more than once: {n}."), n=found.groups)


_DOERS: Mapping[type[Any], Callable[[Paths, JobPaths, JobRequest, OnProgress], Text]] = {
    Derive: _derive,
    Export: _export,
    FindDuplicates: _compare,
}
