"""One import of the app, in a process of its own: ``python -m core.datasets.import_job FOLDER``.

Kept free of heavy imports, because it forks the processes that decode.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from pathlib import Path

from core.datasets.importing import import_dataset
from core.datasets.jobs import JobPaths, JobProgress, JobRequest, failure
from core.datasets.options import ImportCancelledError, ImportProgress
from core.datasets.specs import Place, SourceSpec, make_source
from core.datasets.ticking import WorkCancelledError
from core.datasets.work import ready_message
from core.datasets.work_job import do_work
from core.datasets.writer import Owner
from core.errors import N_, LabError, text
from core.paths import Paths, write_atomic


def run_job(folder: Path) -> JobProgress:
    """Work on the job in ``folder`` until it is over, and return its last word."""
    files = JobPaths(folder)
    # Whoever started this may have been killed before it could say who works here.
    write_atomic(files.process, Owner.me().model_dump_json())
    request = JobRequest.model_validate_json(files.request.read_bytes())
    last = _Reporter(files)
    try:
        if request.source is not None:
            end = _import(files, request, request.source, last)
        else:
            # imports/<job_id> → artifacts/
            end = do_work(Paths(files.folder.parents[2]), files, request, last)
    except (ImportCancelledError, WorkCancelledError) as error:
        end = JobProgress(status="cancelled", message=error.text)
    except LabError as error:
        end = failure(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the page must get to know
        traceback.print_exc()
        end = JobProgress(
            status="failed",
            message=text(
                N_("The import failed unexpectedly ({error}).")
                if request.source is not None
                else N_("The work failed unexpectedly ({error})."),
                error=f"{type(error).__name__}: {error}",
            ),
            remedy=text(N_("What happened is in {log}."), log=str(files.log)),
        )
    shutil.rmtree(files.upload, ignore_errors=True)
    last.write(end.model_copy(update={"progress": last.progress}))
    return end


def _import(
    files: JobPaths, request: JobRequest, source: SourceSpec, reporter: _Reporter
) -> JobProgress:
    # imports/<job_id> → artifacts/
    paths = Paths(files.folder.parents[2])
    info = import_dataset(
        paths,
        make_source(source, Place(paths, files.upload)),
        request.name,
        options=request.options,
        on_progress=reporter,
        should_stop=files.cancel.exists,
    )
    return JobProgress(status="finished", message=ready_message(info))


class _Reporter:
    """Leaves the progress in the job's folder, as often as the import reports it."""

    def __init__(self, files: JobPaths) -> None:
        self._files = files
        self.progress = ImportProgress()

    def __call__(self, progress: ImportProgress) -> None:
        self.progress = progress
        self.write(JobProgress(status="running", progress=progress))

    def write(self, state: JobProgress) -> None:
        """Atomic but not synced: syncing would wait for all the images written meanwhile."""
        partial = self._files.progress.with_suffix(".tmp")
        partial.write_text(state.model_dump_json(), encoding="utf-8")
        partial.replace(self._files.progress)


def main() -> int:
    if hasattr(os, "nice"):
        # Pages and trainings go first.
        os.nice(10)
    end = run_job(Path(sys.argv[1]))
    print(end.status, end.message)
    return 0 if end.status == "finished" else 1


if __name__ == "__main__":
    raise SystemExit(main())
