"""Runs as rows: what the columns hold, what a search finds, and what is read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core import database
from core import store as store_module
from core.config import RunConfig
from core.errors import ConfigError, NotFoundError, RunError, StoreError
from core.fields import FIELDS, SETTINGS, RunRow, differing
from core.grouping import Spread, seed_groups, spread
from core.listing import Listing, Query, all_tags, found, ordered, values_of
from core.parts import Part, Start
from core.paths import Paths
from core.records import RunRecord, RunStatus, RunSummary, now
from core.remarks import Remarks, make_remarks, read_remarks
from core.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Paths(tmp_path / "lab"))


def run(number: int = 0, accuracy: float | None = None, **settings: object) -> RunRecord:
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    record = RunRecord(
        id=f"20260102-0304{number:02d}-000-abcd",
        config=RunConfig().with_values(dotted),
        status=RunStatus.QUEUED,
        created=now(),
        owner="server",
        lab_id="x",
    )
    if accuracy is None:
        return record
    figures = RunSummary(epochs=3, parameters=10, seconds=4.5, best_val_accuracy=accuracy)
    return record.changed(status=RunStatus.FINISHED, summary=figures)


def row(record: RunRecord, *tags: str, **changes: Any) -> RunRow:
    return RunRow(record.changed(**changes), Remarks(tags=tags))


def test_a_row_has_every_setting_and_every_figure() -> None:
    made = row(run(accuracy=0.5, optimizer__learning_rate=0.01, data__dataset="pets"), "best")
    assert made["run"] == "0102-0304-abcd"
    assert made["tags"] == ("best",)
    assert (made["best_val_accuracy"], made["epochs"], made["seconds"]) == (0.5, 3, 4.5)
    assert (made["optimizer.learning_rate"], made["data.dataset"]) == (0.01, "pets")
    assert made["network"] == "CNN"
    sections = RunConfig().model_dump()
    settings = {f"{section}.{name}" for section in sections for name in sections[section]}
    assert settings <= FIELDS.keys()
    assert set(RunSummary.model_fields) <= FIELDS.keys()


def test_settings_without_effect_are_no_values() -> None:
    adam, sgd = row(run()), row(run(optimizer__name="sgd"))
    assert adam["optimizer.momentum"] is None
    assert sgd["optimizer.momentum"] == 0.9
    assert adam["model.units"] is None  # of another architecture
    assert row(run(model__architecture="mlp"))["model.units"] == 128


def test_what_differs() -> None:
    rows = [row(run()), row(run(train__epochs=7, optimizer__momentum=0.5))]
    assert [field.key for field in differing(rows)] == ["train.epochs"]
    assert differing(rows[:1]) == differing([]) == []


STUDY = "20260203-040506-000-beef"
ROWS = [
    row(run(3, 0.9, data__dataset="pets", model__architecture="mlp"), "final", by="Ana"),
    row(run(2, 0.7, data__dataset="pets")),
    row(run(1), "Final test", by="Bea", part=Part(kind="study", of=STUDY, number=4)),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), [3, 2, 1]),
        (Query("PETS cnn"), [2]),
        (Query("final"), [3, 1]),
        (Query("0102-0304"), [3, 2, 1]),
        (Query("ana adam"), [3]),
        (Query("nothing"), []),
        (Query(statuses=(RunStatus.QUEUED,)), [1]),
        (Query(datasets=("pets", "birds")), [3, 2]),
        (Query(architectures=("mlp",)), [3]),
        (Query(names=("Bea", "Ana"), tags=("final",)), [3]),
        (Query(parts=("0203-0405-beef",)), [1]),
        (Query("beef"), [1]),
        (Query(least_accuracy=0.7), [3, 2]),
        (Query(least_accuracy=0.71), [3]),
    ],
)
def test_searching(query: Query, expected: list[int]) -> None:
    assert [int(r.id[13:15]) for r in found(ROWS, query)] == expected


def test_sorting_puts_what_is_unknown_last() -> None:
    rising = ordered(ROWS, "best_val_accuracy")
    assert [r["best_val_accuracy"] for r in rising] == [0.7, 0.9, None]
    falling = ordered(ROWS, "best_val_accuracy", descending=True)
    assert [r["best_val_accuracy"] for r in falling] == [0.9, 0.7, None]
    with pytest.raises(ConfigError, match="best_val_accuracy"):
        ordered(ROWS, "fame")


def test_what_can_be_chosen() -> None:
    assert values_of(ROWS, "data.dataset") == ["digits", "pets"]
    assert values_of(ROWS, "by") == ["Ana", "Bea"]
    assert all_tags(ROWS) == ["final", "Final test"]


def test_the_listing_follows_the_store(store: Store) -> None:
    listing = Listing(store)
    assert listing.rows() == ()
    one, two = (store.create(RunConfig(), owner="server") for _ in range(2))
    first = listing.rows()
    assert [r.id for r in first] == [two.id, one.id]
    assert first[0].settings is first[1].settings
    assert listing.rows() is first  # nothing has changed: nothing is read
    store.save(one)
    store.refresh(two.id)
    assert listing.rows() is first
    store.save(one.changed(status=RunStatus.FAILED))
    assert [r["status"] for r in listing.rows()] == [RunStatus.QUEUED, RunStatus.FAILED]
    assert listing.rows()[0] is first[0]
    store.delete(two.id)
    assert [r.id for r in listing.rows()] == [one.id]
    store.reindex()
    assert [r["status"] for r in listing.rows()] == [RunStatus.FAILED]


def test_a_clock_that_is_set_back_hides_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing, made = Listing(store), store.create(RunConfig(), owner="server")
    listing.rows()
    for module in (database, store_module):
        monkeypatch.setattr(module, "milliseconds", lambda: 5)
    store.save(made.changed(status=RunStatus.STOPPED))
    assert listing.rows()[0]["status"] is RunStatus.STOPPED
    store.paths.run(made.id).record.write_text(
        made.changed(status=RunStatus.FAILED).model_dump_json()
    )
    store.reindex()
    assert listing.rows()[0]["status"] is RunStatus.FAILED


def test_tags_and_notes_lie_beside_the_record(store: Store, tmp_path: Path) -> None:
    listing, made = Listing(store), store.create(RunConfig(), owner="server")
    listing.rows()
    store.remark(made.id, make_remarks(("two  words", "best", "best", " "), " It works. "))
    assert store.read(made.id) == made
    assert read_remarks(store.paths, made.id) == Remarks(
        tags=("best", "two words"), note="It works."
    )
    assert listing.rows()[0]["tags"] == ("best", "two words")
    store.save(made.changed(status=RunStatus.FAILED))
    assert listing.rows()[0]["note"] == "It works."
    store.reindex()
    assert Listing(store).rows()[0]["tags"] == ("best", "two words")
    with pytest.raises(NotFoundError):
        store.remark("20260101-000000-000-abcd", Remarks())


def test_tags_added_and_dropped() -> None:
    before = make_remarks(("a", "b"), "note")
    assert before.with_tags(add=("c",), drop=("a",)) == Remarks(tags=("b", "c"), note="note")
    with pytest.raises(RunError, match="received 21 tags"):
        make_remarks(tuple(map(str, range(21))), "")
    with pytest.raises(RunError, match="2001 characters"):
        make_remarks((), "x" * 2001)


def test_damaged_remarks_are_told_and_the_run_is_there(store: Store) -> None:
    made = store.create(RunConfig(), owner="server")
    store.paths.run(made.id).remarks.write_text("{")
    with pytest.raises(StoreError, match=made.id):
        read_remarks(store.paths, made.id)
    assert [folder for folder, _ in store.reindex().problems] == [made.id]
    assert store.runs() == [made]


def test_mean_and_deviation() -> None:
    assert spread([]) == Spread(0, None, None)
    assert spread([0.5]) == Spread(1, 0.5, None)
    found = spread([0.25, 0.5, 0.75, float("nan")])
    assert (found.n, found.mean) == (3, 0.5)
    assert found.deviation == pytest.approx(0.25)


def test_runs_with_several_seeds() -> None:
    rows = [
        row(run(10, 0.2, train__seed=0), status=RunStatus.STOPPED),  # somebody had enough
        row(run(9, 0.95, train__seed=1)),  # a repetition: the newest of the seed counts
        row(run(8, 0.9, train__seed=0)),
        row(run(7, 0.8, train__seed=1)),
        row(run(6, 0.7, train__seed=2, train__epochs=7)),  # alone with its settings
        row(run(5, train__seed=3)),  # has no figures
        row(run(4, 0.1, train__seed=4), start=Start(run="20260101-000000-000-abcd", epochs=3)),
        row(run(3, 0.1, train__seed=5), dataset_fingerprint="another"),
    ]
    (group,) = seed_groups(rows)
    assert [r.id for r in group.rows] == [rows[1].id, rows[2].id]
    assert group.seeds == (0, 1)
    assert group.spread("best_val_accuracy").mean == pytest.approx(0.925)
    assert len(seed_groups(rows, least=1)) == 4
    assert seed_groups([]) == []


def test_every_field_can_be_told_apart() -> None:
    assert len({field.key for field in SETTINGS}) == len(SETTINGS)
    assert all(field.label for field in FIELDS.values())
