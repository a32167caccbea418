"""``queue`` and ``move``, names, and the server's limits on the command line."""

from __future__ import annotations

import time

import pytest

from core.config import RunConfig
from core.records import RunStatus, RunSummary
from core.store import Store
from tests.commands.driving import Cli


def wait(store: Store, by: str, **values: object) -> str:
    time.sleep(0.002)
    record = store.create(RunConfig(), owner="server", by=by).changed(**values)
    store.save(record)
    return record.id


def test_the_queue_in_the_order_of_turns(cli: Cli, store: Store) -> None:
    assert cli.json("queue") == []
    figures = RunSummary(epochs=10, parameters=1, seconds=20)
    wait(store, "Luis", status=RunStatus.FINISHED, summary=figures)
    first, third, second = (wait(store, by) for by in ("Ana", "Ana", "Luis"))
    rows = cli.json("queue")
    assert [row["run_id"] for row in rows] == [first, second, third]
    assert [row["by"] for row in rows] == ["Ana", "Luis", "Ana"]
    assert [row["starts_in"] for row in rows] == [0, 45, 90]  # 20 epochs of 2 s, and 5 s each
    said = cli.text("queue").splitlines()
    assert "Luis" in said[2]
    assert said[2].endswith("45 s")


def test_move(cli: Cli, store: Store) -> None:
    first, second = wait(store, "Ana"), wait(store, "Ana")
    assert cli.json("move", second, "up") == {"run_id": second, "moved": "up"}
    assert [row["run_id"] for row in cli.json("queue")] == [second, first]
    cli.text("move", first, "sideways", code=2)
    over = wait(store, "Ana", status=RunStatus.FINISHED)
    assert "only a waiting run" in cli.json("move", over, "up", code=1)["error"]


def test_names_are_listed(cli: Cli, store: Store) -> None:
    run_id = wait(store, "Ana")
    assert cli.json("runs")[0]["by"] == "Ana"
    assert "Ana" in cli.text("show", run_id)


@pytest.mark.usefixtures("no_keras")
def test_what_is_longer_than_allowed_is_refused(
    cli: Cli, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_MAX_EPOCHS", "5")
    words = ("train", "--preset", "digits-quick", "--set", "train.epochs=6")
    assert "limited to 5 on this server; 6 were asked for" in cli.json(*words, code=2)["error"]
    assert store.runs() == []
