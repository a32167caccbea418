"""The index over the run folders: it may lag, be lost or be rebuilt; the folders decide."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
import sqlalchemy as sa

from core import database
from core.config import RunConfig
from core.errors import NotFoundError, RunError, StoreError
from core.jobs.workers import ROOT
from core.parts import Part
from core.paths import Paths
from core.records import RunRecord, RunStatus, new_run_id, read_record, write_record
from core.store import Store


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "lab")


@pytest.fixture
def store(paths: Paths) -> Store:
    return Store(paths)


def ids(records: list[RunRecord]) -> list[str]:
    return [record.id for record in records]


def test_a_new_run_is_in_its_folder_and_in_the_index(store: Store, paths: Paths) -> None:
    made = store.create(RunConfig(), owner="server", preset="cnn")
    assert read_record(paths, made.id) == made
    assert store.runs() == [made]
    assert (made.status, made.preset, made.lab_id) == (RunStatus.QUEUED, "cnn", store.lab_id)


def test_a_taken_run_belongs_to_this_process(store: Store) -> None:
    made = store.create(RunConfig(), owner="cli", taken=True)
    assert (made.status, made.pid) == (RunStatus.RUNNING, os.getpid())


def test_runs_are_listed_newest_first_by_status_and_number(store: Store) -> None:
    first, second, third = (store.create(RunConfig(), owner="server") for _ in range(3))
    store.save(second.changed(status=RunStatus.FAILED))
    assert ids(store.runs()) == sorted([first.id, second.id, third.id], reverse=True)
    assert ids(store.runs(RunStatus.FAILED)) == [second.id]
    assert ids(store.runs(RunStatus.QUEUED, RunStatus.FAILED, limit=2)) == ids(store.runs())[:2]
    assert store.count() == 3


def test_refresh_brings_what_the_worker_wrote(store: Store, paths: Paths) -> None:
    made = store.create(RunConfig(), owner="server")
    write_record(paths, made.changed(status=RunStatus.FINISHED))
    assert ids(store.runs(RunStatus.QUEUED)) == [made.id]
    assert store.refresh(made.id).status is RunStatus.FINISHED
    assert ids(store.runs(RunStatus.FINISHED)) == [made.id]


def test_the_index_can_be_lost(store: Store, paths: Paths) -> None:
    made = [store.create(RunConfig(), owner="server") for _ in range(3)]
    store.close()
    for file in paths.root.glob("lienzo.db*"):
        file.unlink()
    assert ids(Store(paths).runs()) == ids(made)[::-1]


def test_a_folder_copied_in_appears_after_a_reindex(store: Store, tmp_path: Path) -> None:
    theirs = Store(Paths(tmp_path / "other"))
    copied = theirs.create(RunConfig(), owner="server")
    shutil.copytree(theirs.paths.run(copied.id).folder, store.paths.run(copied.id).folder)
    mine = store.create(RunConfig(), owner="server")
    assert ids(store.runs()) == [mine.id]
    assert store.reindex() == (2, [])
    assert ids(store.runs()) == [mine.id, copied.id]
    assert store.read(copied.id).lab_id == theirs.lab_id


def test_damaged_and_foreign_folders_are_reported_and_the_rest_is_there(
    store: Store, paths: Paths
) -> None:
    good, bad, renamed = (store.create(RunConfig(), owner="server") for _ in range(3))
    paths.run(bad.id).record.write_text("{")
    paths.run(renamed.id).folder.rename(paths.runs / "my favourite")
    empty = new_run_id()
    paths.run(empty).folder.mkdir()
    (paths.runs / "notes.txt").write_text("hello")
    (paths.runs / f".deleted-{new_run_id()}").mkdir()
    report = store.reindex()
    assert report.runs == 1
    assert dict(report.problems).keys() == {bad.id, "my favourite", empty, "notes.txt"}
    assert store.problems() == sorted(report.problems)
    assert ids(store.runs()) == [good.id]
    paths.run(bad.id).record.write_text(bad.model_dump_json())
    assert (store.reindex().runs, len(store.problems())) == (2, 3)


def test_what_killed_processes_and_old_visitors_left_is_swept_at_the_start(paths: Paths) -> None:
    Store(paths)
    kept, whole, young = (paths.run(new_run_id()).folder for _ in range(3))
    empty = paths.runs / "20200101-120000-000-abcd"
    for folder in (kept, whole, young, empty):
        folder.mkdir()
    (kept / "start.keras").touch()
    (whole / "log.txt").write_text("hello")
    for folder in (kept, whole, empty):
        os.utime(folder, (time.time() - 3700,) * 2)
    paths.names.mkdir()
    for name, days in (("ana", 199), ("ben", 201)):
        paths.name_of(name).write_text(name)
        os.utime(paths.name_of(name), (time.time() - days * 86_400,) * 2)
    Store(paths)
    assert sorted(paths.runs.iterdir()) == sorted([kept, whole, young])
    assert list(paths.names.iterdir()) == [paths.name_of("ana")]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text there")
def test_a_folder_whose_name_is_no_text(store: Store, paths: Paths) -> None:
    (paths.runs / os.fsdecode(b"ni\xf1o")).mkdir()  # unpacked from an old archive
    assert store.reindex().runs == 0
    assert [folder for folder, _problem in store.problems()] == ["ni\\xf1o"]


def test_delete_takes_the_folder_and_the_row(store: Store, paths: Paths) -> None:
    doomed, kept = (store.create(RunConfig(), owner="server") for _ in range(2))
    store.delete(doomed.id)
    assert [p.name for p in paths.runs.iterdir()] == [kept.id]
    assert ids(store.runs()) == [kept.id]
    with pytest.raises(NotFoundError, match=doomed.id):
        store.delete(doomed.id)


def test_a_running_run_is_not_deleted(store: Store) -> None:
    running = store.create(RunConfig(), owner="cli", taken=True)
    with pytest.raises(RunError, match="stop it before deleting"):
        store.delete(running.id)
    store.save(running.changed(pid=2**22 + 1))  # its process has died
    store.delete(running.id)
    assert store.runs() == []


@pytest.mark.parametrize("run_id", ["../lab", "", "x"])
def test_deleting_what_is_no_run_deletes_nothing(store: Store, paths: Paths, run_id: str) -> None:
    with pytest.raises(NotFoundError):
        store.delete(run_id)
    assert paths.runs.is_dir()


def test_a_thousand_runs_are_listed(store: Store) -> None:
    template = store.create(RunConfig(), owner="server")
    for number in range(999):
        copy = template.changed(id=f"20200101-000000-{number:03d}-abcd")
        store.paths.run(copy.id).folder.mkdir()
        store.paths.run(copy.id).record.write_text(copy.model_dump_json())
    assert store.reindex() == (1000, [])
    assert ids(store.runs(limit=2)) == [template.id, "20200101-000000-998-abcd"]
    assert len(store.runs()) == store.count() == 1000


OPEN = "import sys, pathlib; from core.store import Store; from core.paths import Paths; "
OPEN += "print(Store(Paths(pathlib.Path(sys.argv[1]))).lab_id)"


def test_two_processes_may_open_a_new_lab_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path)]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle+nothing://x", "postgresql+psycopg://nobody@localhost:1/none"]
)
def test_a_bad_address_says_so(paths: Paths, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LIENZO_DB_URL", url)
    with pytest.raises(StoreError, match=r"LIENZO_DB_URL|cannot be opened"):
        Store(paths)


def test_a_password_is_not_shown(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as caught:
        Store(paths, f"sqlite://user:secret@/{tmp_path}/file/x.db")
    assert "secret" not in str(caught.value)


def test_another_database_is_used(paths: Paths, tmp_path: Path) -> None:
    other = Store(paths, f"sqlite:///{tmp_path / 'index.db'}")
    other.create(RunConfig(), owner="server")
    assert (tmp_path / "index.db").exists()
    assert not paths.database.exists()


def test_a_file_that_is_no_database_is_not_overwritten(paths: Paths) -> None:
    paths.create().database.write_text("my diary, not a database" * 50)
    with pytest.raises(StoreError, match="The runs are safe"):
        Store(paths)
    assert paths.database.read_text().startswith("my diary")


def test_the_index_does_not_block_readers(store: Store) -> None:
    with store._engine.connect() as connection:
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"


class TestMigrations:
    def test_the_newest_step_is_the_one_the_code_expects(self, store: Store) -> None:
        steps = Path(database.__file__).parent / "migrations" / "versions"
        assert max(file.name.split("_")[0] for file in steps.glob("[0-9]*.py")) == database.HEAD
        with store._engine.connect() as connection:
            assert database.revision(connection) == database.HEAD

    def test_the_steps_lead_to_what_the_code_uses(self, store: Store) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        options = {"compare_type": True, "version_table": database.VERSION_TABLE}
        with store._engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, database.METADATA) == []

    def test_an_index_of_this_shape_is_left_alone(self, store: Store, paths: Paths) -> None:
        store.create(RunConfig(), owner="server")
        shutil.rmtree(paths.runs)
        assert Store(paths).count() == 1  # not read again from the folders

    def test_a_first_look_that_was_interrupted_is_made_again(
        self, store: Store, paths: Paths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.create(RunConfig(), owner="server")
        store.close()
        paths.database.unlink()
        with monkeypatch.context() as patched:
            patched.setattr(Store, "reindex", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                Store(paths)
        assert Store(paths).count() == 1

    def test_an_index_of_an_older_shape_is_brought_up_to_date(
        self, store: Store, paths: Paths
    ) -> None:
        from alembic import command
        from alembic.config import Config

        made = store.create(RunConfig(), owner="server")
        config = Config()
        folder = Path(database.__file__).parent / "migrations"
        config.set_main_option("script_location", str(folder))
        with store._engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
        store.close()
        again = Store(paths)
        assert [listed.record for listed in again.changed_since(0)] == [made]

    def test_the_version_that_stood_where_optuna_keeps_its_own_moves(
        self, store: Store, paths: Paths
    ) -> None:
        made = store.create(RunConfig(), owner="server")
        with store._engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE lienzo_version"))
            connection.execute(sa.text("DROP INDEX ix_runs_part_of"))
            connection.execute(sa.text("ALTER TABLE runs DROP COLUMN part_of"))
            connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0002')"))
        store.close()
        again = Store(paths)
        assert again.runs() == [made]
        with again._engine.connect() as connection:
            assert database.revision(connection) == database.HEAD
            assert not sa.inspect(connection).has_table("alembic_version")

    def test_optuna_and_the_index_live_in_one_database(self, store: Store, paths: Paths) -> None:
        import optuna

        url = database.sqlite_url(paths)
        optuna.create_study(study_name="beside", storage=url)
        store.close()
        made = Store(paths).create(RunConfig(), owner="server")
        assert Store(paths).runs() == [made]
        assert optuna.get_all_study_names(url) == ["beside"]


def test_the_parts_of_a_whole_are_found(store: Store) -> None:
    whole = "20261121-120000-000-abcd"
    parts = [
        store.create(RunConfig(), owner="server", part=Part(kind="crossval", of=whole, number=i))
        for i in range(2)
    ]
    store.create(RunConfig(), owner="server")
    assert store.runs(part_of=whole) == parts[::-1]
    store.reindex()
    assert store.runs(part_of=whole) == parts[::-1]
