"""The index over the run folders: a database that can be lost and made again.

Folders are the truth (:mod:`core.records`); this makes listing thousands of them quick. Only the
app process and the command line write it, workers never do, so that the folders may lie on a
shared file system where SQLite's locks do not work.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from filelock import FileLock
from pydantic import ValidationError

from core.config import RunConfig
from core.continuing import lay_out_start
from core.database import (
    PROBLEMS,
    RUNS,
    batches,
    database_url,
    later,
    migrate,
    milliseconds,
    open_engine,
)
from core.datasets.jobs import check_idle, check_not_coming
from core.datasets.registry import check_not_built_in, rename_dataset
from core.datasets.retiring import delete_dataset, forget, is_retired
from core.errors import N_, DatasetError, RunError, StoreError, Text
from core.folders import read_folders
from core.parts import Kind, Part, Start
from core.paths import Paths, write_atomic
from core.records import (
    RunRecord,
    RunStatus,
    is_abandoned,
    lab_id,
    new_run_id,
    now,
    read_record,
    read_record_file,
    run_paths,
    write_record,
)
from core.remarks import Remarks, read_remarks, write_remarks
from core.signals import Asked
from core.sweeping import sweep


class ReindexReport(NamedTuple):
    """What a look at every folder found."""

    runs: int
    problems: list[tuple[str, Text]]


class Listed(NamedTuple):
    """A run as the index has it."""

    record: RunRecord
    remarks: Remarks
    changed: int
    """Milliseconds; rises with every change of any run."""


class Stamp(NamedTuple):
    """Another one whenever a run appears, changes or is deleted."""

    runs: int
    newest: int
    total: int


class Store:
    """The runs of one ``artifacts/`` directory.

    Args:
        paths: its layout; missing directories are made.
        url: SQLAlchemy address of the index; ``LIENZO_DB_URL`` or SQLite beside the runs if None.

    Raises:
        StoreError: if the database cannot be opened or brought to the present shape.
    """

    def __init__(self, paths: Paths, url: str | None = None) -> None:
        self.paths = paths.create()
        sweep(paths)
        self._engine = open_engine(url or database_url(paths))
        self._making = FileLock(paths.index_lock)
        try:
            # Server and command line may start at the same moment.
            with self._making:
                self.lab_id = lab_id(paths)
                # An empty one may be left of a start that was ended while it read the folders.
                if migrate(self._engine) or not self.count():
                    self.reindex()
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(
                N_("The database {url} cannot be opened: {error}."),
                remedy=Text(msgid=N_("The runs are safe: move the file away and start again.")),
                url=self._engine.url.render_as_string(hide_password=True),
                error=str(error.__cause__ or error),
            ) from error

    # -- one run ------------------------------------------------------------------------------

    def create(
        self,
        config: RunConfig,
        *,
        owner: str,
        preset: str | None = None,
        by: str = "",
        taken: bool = False,
        start: Start | None = None,
        part: Part | None = None,
        kind: Kind = "training",
    ) -> RunRecord:
        """A new run folder: queued, or ``taken`` by this process, which will train it at once.
        ``by`` is the name of whoever launched it, ``part`` of what it is part.

        Raises:
            NotFoundError, RunError: if what it is to ``start`` from is gone.
        """
        run_id = self._new_folder()
        if start is not None:
            lay_out_start(self.paths, run_id, start)
        record = RunRecord.model_validate(
            {
                "id": run_id,
                "config": config,
                "status": RunStatus.QUEUED,
                "created": now(),
                "owner": owner,
                "lab_id": self.lab_id,
                "preset": preset,
                "by": by,
                "start": start,
                "part": part,
                "kind": kind,
            }
        )
        record = record.taken_by_this_process() if taken else record
        self.save(record)
        return record

    def _new_folder(self) -> str:
        """The id of a run whose folder has just been made."""
        while True:
            run_id = new_run_id()
            # Two runs of the same millisecond draw the same digits once in 65,536 times.
            with contextlib.suppress(FileExistsError):
                self.paths.run(run_id).folder.mkdir()
                return run_id

    def read(self, run_id: str) -> RunRecord:
        """The run as its folder has it (see :func:`core.records.read_record`)."""
        return read_record(self.paths, run_id)

    def save(self, record: RunRecord) -> None:
        """Write folder and index; only for whoever owns the run at this moment."""
        write_record(self.paths, record)
        self._upsert([record])

    def refresh(self, run_id: str) -> RunRecord:
        """Bring the index up to what the worker has written; returns the record."""
        record = self.read(run_id)
        self._upsert([record])
        return record

    def remark(self, run_id: str, remarks: Remarks) -> None:
        """Replace the tags and the note of a run.

        Raises:
            NotFoundError: if there is no such run.
        """
        write_remarks(self.paths, run_id, remarks)
        said = {"remarks": remarks.model_dump_json(), "changed": later()}
        with self._engine.begin() as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(**said))

    def ask_to_stop(self, run_id: str, why: Asked = "user") -> RunRecord:
        """Have a run leave the queue, or end within a batch; returns it as it is now.

        Raises:
            RunError: if it is over already.
        """
        record = self.read(run_id)
        if record.status.is_over():
            raise RunError(
                N_("Run {run} is over ({status}): there is nothing to stop."),
                run=run_id,
                status=record.status.text,
            )
        write_atomic(self.paths.run(run_id).stop, "" if why == "user" else why)
        return record

    def delete(self, run_id: str) -> None:
        """Remove a run that is not running.

        Raises:
            NotFoundError: if there is none.
            RunError: if it is running.
        """
        folder = run_paths(self.paths, run_id).folder
        if self._is_running(folder):
            raise RunError(N_("Run {run} is running: stop it before deleting it."), run=run_id)
        fingerprint = _fingerprint(folder)
        # The rename makes the run vanish at once and as a whole, however long removal takes.
        doomed = folder.with_name(f".deleted-{run_id}")
        folder.rename(doomed)
        with self._engine.begin() as connection:
            connection.execute(RUNS.delete().where(RUNS.c.id == run_id))
        # A store that is opened in this moment clears it away, too, or else the next one does.
        shutil.rmtree(doomed, ignore_errors=True)
        self._forget_images(fingerprint)

    def _forget_images(self, fingerprint: str | None) -> None:
        """Images kept of a deleted dataset go with the last run that shows them."""
        if fingerprint and is_retired(self.paths, fingerprint) and not self.showing(fingerprint):
            forget(self.paths, fingerprint)

    def showing(self, fingerprint: str) -> list[RunRecord]:
        """The runs that show images of the dataset with this fingerprint, or may yet."""
        return [record for record in self.runs() if record.dataset_fingerprint == fingerprint]

    def _is_running(self, folder: Path) -> bool:
        """Whether somebody trains the run, here or on another machine; a run that cannot be read
        is not running."""
        try:
            record = read_record_file(folder / "run.json")
        except StoreError:
            return False
        return record.status is RunStatus.RUNNING and not is_abandoned(self.paths, record)

    # -- all runs -----------------------------------------------------------------------------

    def runs(
        self, *statuses: RunStatus, limit: int | None = None, part_of: str | None = None
    ) -> list[RunRecord]:
        """The runs of these statuses (all if none is given), newest first; only the parts of a
        search or cross-validation if that is named."""
        query = sa.select(RUNS.c.record).order_by(RUNS.c.id.desc()).limit(limit)
        if statuses:
            query = query.where(RUNS.c.status.in_([s.value for s in statuses]))
        if part_of:
            query = query.where(RUNS.c.part_of == part_of)
        with self._engine.connect() as connection:
            rows = connection.scalars(query).all()
        return [record for row in rows if (record := _record(row)) is not None]

    def check_unused(self, dataset: str) -> None:
        """Raises DatasetError if a run that is queued or running, or a job, needs the dataset, or
        if it is the built-in one."""
        check_not_built_in(dataset)
        check_idle(self.paths, dataset)
        for record in self.runs(RunStatus.QUEUED, RunStatus.RUNNING):
            if record.config.data.dataset == dataset:
                raise DatasetError(
                    N_(
                        "“{name}” is in use: the run {run} is training on it or waiting to. "
                        "Stop the run first, or wait for its end."
                    ),
                    name=dataset,
                    run=record.id,
                )

    def delete_dataset(self, name: str, *, keep_images: bool = True) -> None:
        """Remove a dataset; what runs show of it stays until they are deleted, if ``keep_images``.

        Raises:
            NotFoundError: if there is none of that name.
            DatasetError: if a run needs it.
        """
        self.check_unused(name)
        fingerprints = {record.dataset_fingerprint for record in self.runs()}
        delete_dataset(self.paths, name, fingerprints if keep_images else ())

    def rename_dataset(self, name: str, new: str) -> str:
        """Call a dataset ``new``; runs find it by its fingerprint.

        Raises:
            NotFoundError: if there is none called ``name``.
            DatasetError: if the new name is taken or impossible, or a run needs the dataset.
        """
        self.check_unused(name)
        check_not_coming(self.paths, new)
        return rename_dataset(self.paths, name, new)

    def count(self) -> int:
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(RUNS)) or 0

    def stamp(self) -> Stamp:
        """Quick (1 ms with 10,000 runs): whether a look at the runs is worth while."""
        changed = RUNS.c.changed
        query = sa.select(sa.func.count(), sa.func.max(changed), sa.func.sum(changed))
        with self._engine.connect() as connection:
            runs, newest, total = connection.execute(query.select_from(RUNS)).one()
        return Stamp(int(runs), int(newest or 0), int(total or 0))

    def changed_since(self, moment: int) -> Iterator[Listed]:
        """The runs that have changed at this moment (see :class:`Listed`) or later; never all of
        them in memory."""
        query = sa.select(RUNS.c.record, RUNS.c.remarks, RUNS.c.changed)
        with self._engine.connect() as connection:
            lazy = connection.execution_options(yield_per=500)
            for text, remarks, changed in lazy.execute(query.where(RUNS.c.changed >= moment)):
                if (record := _record(text)) is not None:
                    yield Listed(record, Remarks.model_validate_json(remarks), changed)

    def ids(self) -> set[str]:
        """Of all runs in the index."""
        with self._engine.connect() as connection:
            return set(connection.scalars(sa.select(RUNS.c.id)))

    def problems(self) -> list[tuple[str, Text]]:
        """Folders under ``runs/`` that are not readable runs, and why, as of the last reindex."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(PROBLEMS).order_by(PROBLEMS.c.folder))
            return [(r.folder, Text.model_validate_json(r.message)) for r in rows]

    def reindex(self) -> ReindexReport:
        """Make the index anew from the folders. One at a time: a second one would wait longer than
        a database does, or find the rows of the first in its way."""
        with self._making, self._engine.begin() as connection:
            # Before the folders are read: whoever makes a run meanwhile, folder first, then waits
            # for this transaction and cannot be overlooked.
            connection.execute(RUNS.delete())
            connection.execute(PROBLEMS.delete())
            problems: list[tuple[str, Text]] = []
            runs, moment = 0, milliseconds()
            for found in batches(read_folders(self.paths)):
                problems += [(one.folder, one.problem) for one in found if one.problem]
                rows = [
                    {**_row(one.record), "remarks": one.remarks.model_dump_json()}
                    for one in found
                    if one.record
                ]
                runs += len(rows)
                if rows:
                    connection.execute(RUNS.insert().values(changed=moment), rows)
            told = [{"folder": f[:255], "message": t.model_dump_json()} for f, t in problems]
            for batch in batches(told):
                connection.execute(PROBLEMS.insert(), batch)
        return ReindexReport(runs, problems)

    def close(self) -> None:
        self._engine.dispose()

    def _upsert(self, records: Iterable[RunRecord]) -> None:
        with self._engine.begin() as connection:
            for record in records:
                self._put(connection, record)

    def _put(self, connection: sa.Connection, record: RunRecord) -> None:
        row, here = _row(record), RUNS.c.id == record.id
        # A run that is as it was has not changed: pages that poll stay as they are.
        other = RUNS.c.record != row["record"]
        update = RUNS.update().where(here & other).values(**row, changed=later())
        if connection.execute(update).rowcount:
            return
        if connection.scalar(sa.select(RUNS.c.id).where(here)) is None:
            said = read_remarks(self.paths, record.id).model_dump_json()
            connection.execute(RUNS.insert().values(**row, remarks=said, changed=later()))


def _fingerprint(folder: Path) -> str | None:
    """Of the dataset that a run has seen; None for a run that cannot be read."""
    try:
        return read_record_file(folder / "run.json").dataset_fingerprint
    except StoreError:
        return None


def _record(row: str) -> RunRecord | None:
    """None for a row that another version of this program has written: its folder is reported
    at the next reindex, and the others are listed meanwhile."""
    try:
        return RunRecord.model_validate_json(row)
    except ValidationError:
        return None


def _row(record: RunRecord) -> dict[str, str | None]:
    return {
        "id": record.id,
        "status": record.status.value,
        "dataset": record.config.data.dataset[:64],
        "part_of": record.part.of if record.part else None,
        "record": record.model_dump_json(),
    }
