"""``runs``, ``show``, ``stop``, ``delete``, ``reindex``"""

from __future__ import annotations

import io
import sys

import pytest

from core.config import RunConfig
from core.errors import N_, text
from core.records import Failure, RunStatus
from core.store import Store
from tests.commands.driving import Cli, finished_run

NO_RUN = "20260101-000000-000-abcd"


def test_runs_lists_the_newest_first(cli: Cli, store: Store) -> None:
    assert cli.json("runs") == []
    first, second = finished_run(store), finished_run(store, status=RunStatus.STOPPED)
    listed = cli.json("runs")
    assert [r["run_id"] for r in listed] == [second.id, first.id]
    assert listed[1]["test_accuracy"] == 0.935
    line = cli.text("runs").splitlines()[2]
    for shown in (first.id, "finished", "digits", "cnn", "3/20", "93.5 %", "1.2 M", "1 min 20 s"):
        assert shown in line


def test_damaged_folders_are_reported_and_never_fatal(cli: Cli, store: Store) -> None:
    good = finished_run(store)
    torn = finished_run(store)
    store.paths.run(torn.id).record.write_text('{"id": ')
    (store.paths.runs / "holiday photos").mkdir()
    (store.paths.runs / "a file").write_text("")
    report = cli.json("reindex")
    assert report["runs"] == 1
    assert {p["folder"] for p in report["problems"]} == {torn.id, "holiday photos", "a file"}
    assert [r["run_id"] for r in cli.json("runs")] == [good.id]
    assert "holiday photos" in cli.err
    assert "runs: 1, folders with problems: 3" in cli.text("reindex")
    assert cli.json("show", torn.id, code=1)["kind"] == "store"


def test_a_running_run_whose_folder_is_torn_does_not_stop_the_listing(
    cli: Cli, store: Store
) -> None:
    running = store.create(RunConfig(), owner="cli", taken=True)
    store.paths.run(running.id).record.write_text("")
    assert [r["run_id"] for r in cli.json("runs")] == [running.id]
    assert "warning" in cli.err


def test_show_tells_everything(cli: Cli, store: Store) -> None:
    record = finished_run(
        store, failure=Failure(what=text(N_("{n} things"), n=3)), status=RunStatus.FAILED
    )
    shown = cli.json("show", record.id)
    assert shown["run_id"] == record.id
    assert shown["config"]["train"]["epochs"] == 20
    assert shown["failure"] == {"what": "3 things", "remedy": None}
    assert shown["history"] == []
    assert shown["summary"]["parameters"] == 1_234_567
    out = cli.text("show", record.id)
    for said in ("3 things", "optimizer.learning_rate", "1.2 M"):
        assert said in out


@pytest.mark.parametrize("run_id", [NO_RUN, "../../etc", "..", "x\x1b[2J"])
@pytest.mark.parametrize("command", ["show", "errors", "delete", "resume", "stop", "predict"])
def test_unknown_runs_are_refused(cli: Cli, command: str, run_id: str) -> None:
    extra = {"predict": ["x.png"], "delete": ["--yes"]}.get(command, [])
    assert "There is no run" in cli.refused(command, run_id, *extra)


def test_stop_leaves_a_wish_for_a_living_run_only(cli: Cli, store: Store) -> None:
    running = store.create(RunConfig(), owner="cli", taken=True)
    assert cli.json("stop", running.id)["stop_requested"] is True
    assert store.paths.run(running.id).stop.exists()
    over = finished_run(store)
    assert "finished" in cli.json("stop", over.id, code=1)["error"]
    dead = store.create(RunConfig(), owner="cli", taken=True).changed(pid_started=1.0)
    store.save(dead)
    assert "died" in cli.json("stop", dead.id, code=1)["error"]
    assert not store.paths.run(dead.id).stop.exists()


def test_delete_asks_on_a_terminal_unless_told_not_to(
    cli: Cli, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = finished_run(store)
    folder = store.paths.run(record.id).folder
    terminal = io.StringIO("\ny\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert cli.json("delete", record.id) == {"run_id": record.id, "deleted": False}
    assert folder.exists()
    assert "[y/N]" in cli.err
    assert cli.json("delete", record.id) == {"run_id": record.id, "deleted": True}
    assert not folder.exists()
    other = finished_run(store)
    cli.text("delete", "--yes", other.id)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))  # nobody is there, as in a script
    cli.text("delete", finished_run(store).id)
    assert cli.json("runs") == []
