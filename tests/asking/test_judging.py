"""What runs say of pictures, counted and written down."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.asking.batches import Batches, BatchRequest, BatchState, next_size
from core.asking.items import Item, Items, open_archive
from core.asking.judging import AT_ONCE, Taker, Verdict, judge, judge_all, taker
from core.asking.results import Tally, columns, lines
from core.config import RunConfig
from core.errors import N_, NotFoundError, RunError, text
from core.records import RunRecord, RunStatus, now
from tests.asking.making import asked, by_brightness, pack, picture


def items(*brightness: int) -> Items:
    return Items([Item(str(i), f"{i}.png", picture(b)) for i, b in enumerate(brightness)])


def verdicts(*given: tuple[str, list[float], list[float]]) -> list[Verdict]:
    """Of folder, and probabilities of two runs."""
    return [
        Verdict("x", (folder,), None, (1, 1), (), tuple(np.array(p, np.float32) for p in both))
        for folder, *both in given
    ]


def test_every_run_takes_a_picture_in_its_own_way() -> None:
    shapes: dict[str, Any] = {}

    def predict(run_id: str, images: Any) -> Any:
        shapes[run_id] = images.shape
        return by_brightness(run_id, images)

    found = judge(items(255, 0, 51), [asked("a", side=2), asked("b", side=3)], predict)
    assert shapes == {"a": (3, 2, 2, 1), "b": (3, 3, 3, 1)}
    light = [round(float(v.proba[0][1]), 3) for v in found]
    assert light == [1, 0, 0.2]
    assert [int(v.proba[1].argmax()) for v in found] == [0, 1, 1]
    assert found[0].size == (4, 6)


def test_what_cannot_be_read_is_an_answer_and_the_others_go_on() -> None:
    mixed = Items([Item("1", "bad", b"hello"), Item("2", "good", picture(255))])
    bad, good = judge(mixed, [asked()], by_brightness)
    assert bad.problem is not None
    assert bad.proba == ()
    assert good.proba[0].tolist() == [0, 1]
    only_bad = judge(mixed[:1], [asked()], by_brightness)
    assert [v.problem is not None for v in only_bad] == [True]


def test_a_portion_ends_with_its_time_and_with_its_number() -> None:
    many = items(*[0] * (AT_ONCE + 5))
    assert len(judge(many, [asked()], by_brightness, seconds=0)) == 1
    assert len(judge(many, [asked()], by_brightness, seconds=60)) == AT_ONCE
    assert [v.name for v in judge_all(many, [asked()], by_brightness)] == [i.name for i in many]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("dark",), 0),
        (("DARK ",), 0),
        (("train", "light"), 1),
        (("light", "holiday"), 1),
        (("light", "dark"), 0),
        (("very_dark-one",), None),
        ((), None),
    ],
)
def test_the_innermost_folder_called_like_a_class_is_the_truth(
    folders: Sequence[str], expected: int | None
) -> None:
    assert asked().truth(folders) == expected


def test_a_run_is_asked_as_it_has_learnt() -> None:
    record = RunRecord(
        id="20260101-000000-000-abcd",
        config=RunConfig(),
        status=RunStatus.FINISHED,
        created=now(),
        owner="cli",
        lab_id="x",
        class_names=("sea horse", "cat"),
        image_shape=(8, 8, 1),
        resize="pad",
        background="white",
    )
    made = taker(record, ("caballito de mar", "gato"))
    assert made.how == ((8, 8, 1), "pad", "white")
    assert [made.truth((f,)) for f in ("Sea_Horse", "GATO", "dog")] == [0, 1, None]
    with pytest.raises(RunError, match="no trained network"):
        taker(record.changed(image_shape=None))


def test_counts_of_two_runs() -> None:
    tally, runs = Tally(2), [asked("a"), asked("b")]
    for verdict in verdicts(
        ("dark", [0.9, 0.1], [0.2, 0.8]),
        ("light", [0.3, 0.7], [0.4, 0.6]),
        ("somewhere", [0.3, 0.7], [0.4, 0.6]),
    ):
        tally.add(verdict, runs)
    tally.add(Verdict("torn", ("dark",), text("damaged")), runs)
    assert (tally.readable, tally.unreadable, tally.agreed) == (3, 1, 2)
    assert (tally.known, tally.right) == ([2, 2], [2, 1])
    assert [tally.accuracy(i) for i in (0, 1)] == [1.0, 0.5]
    assert tally.problems[0][0] == "torn"
    assert Tally(1).accuracy(0) is None


def test_runs_of_other_classes_agree_by_name_only() -> None:
    tally, turned = Tally(2), asked("b", ("light", "dark"))
    tally.add(verdicts(("", [0.9, 0.1], [0.1, 0.9]))[0], [asked("a"), turned])
    tally.add(verdicts(("", [0.9, 0.1], [0.9, 0.1]))[0], [asked("a"), turned])
    assert tally.agreed == 1


def test_a_line_per_picture_and_run() -> None:
    assert columns(2) == [
        *("file", "run", "true_class", "predicted_class", "probability"),
        *("class_2", "probability_2", "problem"),
    ]
    evil = asked("a", ("=1+1", "light"))
    verdict = verdicts(("light", [0.25, 0.75], [1.0, 0.0]))[0]._replace(name="=cmd.png")
    first, second = lines(verdict, [evil, asked("b")], 2)
    assert first == ["'=cmd.png", "a", "light", "light", "0.750000", "'=1+1", "0.250000", ""]
    assert second[1:5] == ["b", "light", "dark", "1.000000"]
    bad = next(lines(Verdict("torn", (), text("damaged")), [evil], 2))
    assert bad == ["torn", "a", "", "", "", "", "", "damaged"]
    # More classes are asked for than there are: as many columns as in every other line.
    assert len(next(lines(verdict, [evil], 5))) == len(columns(5))


def ask(portion: Sequence[Item], runs: Sequence[Taker], varied: bool) -> list[Verdict]:
    return judge(portion, runs, by_brightness)


def over(batches: Batches, batch_id: str) -> BatchState:
    until = time.monotonic() + 20
    while not (state := batches.read(batch_id)).is_over() and time.monotonic() < until:
        time.sleep(0.01)
    return state


def test_a_batch_becomes_a_table_and_an_accuracy(tmp_path: Path) -> None:
    dark = {f"dark__{i}": picture(i) for i in range(AT_ONCE)}
    light = {"light__bright": picture(250), "light__dim": picture(10), "light__torn": b"no"}
    file = pack(tmp_path / "1.zip", **dark, **light)
    batches = Batches(tmp_path / "results", ask)
    request = BatchRequest(Items([], [open_archive(file, "1.zip")]), (asked(),), 2)
    batch_id = batches.start(request)
    state = over(batches, batch_id)
    assert (state.status, state.done, state.total) == ("finished", AT_ONCE + 3, AT_ONCE + 3)
    assert state.tally.accuracy(0) == (AT_ONCE + 1) / (AT_ONCE + 2)
    rows = list(csv.DictReader(io.StringIO(batches.result(batch_id).decode())))
    assert len(rows) == AT_ONCE + 3
    assert rows[-1]["problem"].startswith("The file is not a picture")
    assert rows[-3] | {"probability": ""} == {
        **{"file": "1.zip/light/bright.png", "run": "a", "true_class": "light"},
        **{"predicted_class": "light", "probability": "", "class_2": "dark"},
        **{"probability_2": rows[-3]["probability_2"], "problem": ""},
    }


def test_batches_take_turns_and_can_be_cancelled(tmp_path: Path) -> None:
    go, asked_for = threading.Event(), []

    def slow(portion: Sequence[Item], runs: Sequence[Taker], varied: bool) -> list[Verdict]:
        asked_for.append(portion[0].name)
        assert go.wait(20)
        return judge(portion[:1], runs, by_brightness)

    batches = Batches(tmp_path, slow)
    first = batches.start(BatchRequest(items(0, 0, 0), (asked(),), 2))
    while not asked_for:
        time.sleep(0.01)
    second = batches.start(BatchRequest(items(255), (asked(),), 2))
    assert batches.read(second).status == "waiting"
    batches.cancel(first)
    go.set()
    state = over(batches, first)
    assert (state.status, state.done) == ("cancelled", 1)
    assert len(batches.result(first).splitlines()) == 2
    assert over(batches, second).status == "finished"
    batches.cancel("unknown")
    with pytest.raises(NotFoundError, match="worked out again"):
        batches.read("unknown")


def test_a_small_batch_does_not_wait_for_all_of_a_large_one(tmp_path: Path) -> None:
    go, asked_for = threading.Event(), []

    def slow(portion: Sequence[Item], runs: Sequence[Taker], varied: bool) -> list[Verdict]:
        asked_for.append(runs[0].run_id)
        assert go.wait(20)
        return judge(portion[:1], runs, by_brightness)

    batches = Batches(tmp_path, slow)
    large = batches.start(BatchRequest(items(0, 0, 0, 0), (asked("large"),), 2))
    while not asked_for:
        time.sleep(0.01)
    small = batches.start(BatchRequest(items(255), (asked("small"),), 2))
    time.sleep(0.1)  # until it waits for its turn
    go.set()
    assert over(batches, small).status == over(batches, large).status == "finished"
    assert asked_for.index("small") == 1


def test_a_table_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    batches = Batches(tmp_path / "results", ask)
    request = BatchRequest(items(0), (asked(),), 2)
    batch_id = batches.start(request)
    assert over(batches, batch_id).status == "finished"
    batch = batches._batches[batch_id]
    batch.file = tmp_path
    batches._run(batch, request)
    assert batch.state.status == "failed"
    assert "IsADirectoryError" in str(batch.state.message)


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [(4, 0.1, 8), (AT_ONCE, 0.1, AT_ONCE), (8, 1.0, 8), (8, 5.0, 4), (1, 50.0, 1)],
)
def test_portions_are_as_large_as_they_are_quick(size: int, seconds: float, expected: int) -> None:
    assert next_size(size, seconds) == expected


@pytest.mark.parametrize(
    ("error", "said"),
    [(RunError(N_("It died.")), "It died."), (KeyError("x"), "Unexpected error")],
)
def test_trouble_ends_a_batch_with_a_word(tmp_path: Path, error: Exception, said: str) -> None:
    def fails(*_given: object) -> list[Verdict]:
        raise error

    batches = Batches(tmp_path, fails)
    state = over(batches, batches.start(BatchRequest(items(0), (asked(),), 2)))
    assert state.status == "failed"
    assert said in str(state.message)


def test_a_class_without_a_name_is_called_by_its_number() -> None:
    unnamed = asked("b", names=("dark",))
    (verdict,) = judge(items(0), [unnamed], by_brightness)  # "b" says the opposite: light
    (line,) = lines(verdict, [unnamed], 2)
    assert line[3:7] == ["1", "1.000000", "dark", "0.000000"]
    tally = Tally(1)
    tally.add(verdict, [unnamed])
    assert tally.readable == tally.agreed == 1
