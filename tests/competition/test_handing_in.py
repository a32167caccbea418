"""Who may hand in how often, what the ranking says of it, and what it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from core.competition.board import ranking, ranking_csv
from core.competition.entries import append, read_entries
from core.competition.handing_in import (
    Receipt,
    add_baseline,
    all_submitted,
    choose,
    read_allowance,
    remove,
    submit_file,
    submit_run,
    submitted_by,
)
from core.competition.opening import (
    allow,
    close,
    delete,
    extend,
    list_competitions,
    load_solution,
    needing,
    open_now,
    open_with_labels,
    read_competition,
    reveal,
)
from core.competition.scoring import judge
from core.competition.settings import Competition, Settings, Stage
from core.datasets.dataset import Dataset
from core.datasets.registry import delete_dataset, open_dataset, rename_dataset
from core.errors import CompetitionError, DatasetError, LabError, NotFoundError, StoreError
from core.paths import Paths
from core.records import now
from core.store import Store
from tests.competition.contest import (
    TRUTH,
    N,
    answered,
    at,
    labels_csv,
    make_competition,
    make_unlabelled,
    with_right,
)


def hand_in(
    paths: Paths, made: Competition, name: str, right: int, when: datetime | None = None
) -> Receipt:
    """A file of which the first ``right`` answers are right."""
    clock = (lambda: when) if when else now
    return submit_file(paths, made.id, name, ("a.csv", labels_csv(with_right(right))), clock)


def test_the_limit_ends_at_midnight_and_bad_files_cost_nothing(paths: Paths) -> None:
    made = make_competition(paths, per_day=2)
    assert hand_in(paths, made, "Ana", 10, at(1, 23, 58)).allowance.left == 1
    with pytest.raises(CompetitionError, match="Line 2"):
        submit_file(paths, made.id, "Ana", ("x", b"f,c\nzz.png,cat\nu2.png,cat\n"))
    assert hand_in(paths, made, " ANA", 20, at(1, 23, 59)).allowance == (0, at(2, 0))
    with pytest.raises(CompetitionError, match=r"2 times today.*2026-12-02 00:00"):
        hand_in(paths, made, "a n a", 30, at(1, 23, 59))
    assert hand_in(paths, made, "Bea", 30, at(1, 23, 59)).allowance.left == 1
    assert hand_in(paths, made, "Ana", 30, at(2, 0)).allowance == (1, at(3, 0))
    assert read_allowance(paths, made, "ana", at(2, 1)).left == 1
    (first, *_) = reversed(submitted_by(paths, made, "ana"))
    remove(paths, made.id, submitted_by(paths, made, "Ana")[0].id)
    assert read_allowance(paths, made, "ana", at(2, 1)).left == 2
    assert first.nickname == "Ana"


def test_two_at_once_never_pass_the_limit(paths: Paths) -> None:
    made = make_competition(paths, per_day=3)
    gate = threading.Barrier(8)
    came: list[Receipt | None] = []

    def attempt(right: int) -> None:
        gate.wait()
        try:
            came.append(hand_in(paths, made, "Ana", right))
        except CompetitionError:
            came.append(None)

    threads = [threading.Thread(target=attempt, args=(30 + i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(receipt is not None for receipt in came) == 3
    assert len(all_submitted(paths, made)) == 3
    assert sorted(receipt.allowance.left for receipt in came if receipt) == [0, 1, 2]


def test_the_same_answers_again_cost_nothing(paths: Paths) -> None:
    """A button that is pressed twice, or pressed in two tabs at the same time."""
    made = make_competition(paths)
    gate = threading.Barrier(2)
    refused: list[str] = []

    def attempt() -> None:
        gate.wait()
        try:
            hand_in(paths, made, "Ana", 30)
        except CompetitionError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert "under this name before, as “a.csv”" in refused[0]
    assert read_allowance(paths, made, "Ana").left == 4
    hand_in(paths, made, "Bea", 30)
    remove(paths, made.id, submitted_by(paths, made, "Ana")[0].id)
    hand_in(paths, made, "Ana", 30)


def test_the_ranking_shares_places_and_marks_what_is_to_be_beaten(paths: Paths) -> None:
    dataset = make_unlabelled(paths)
    made = open_with_labels(paths, dataset, labels_csv(), Settings(title="P"), 0.5)
    for name, right in (("Ana", 60), ("Bea", 0), ("Cia", 60), ("bea", 60), ("Dia", 0)):
        hand_in(paths, made, name, right)
    rows = ranking(paths, made)
    assert [(row.rank, row.nickname, row.submissions) for row in rows] == [
        (1, "Ana", 1),
        (1, "Cia", 1),
        (1, "Bea", 2),
        (None, "", 0),
        (None, "", 0),
        (4, "Dia", 1),
    ]
    assert [str(row.label) for row in rows if row.label] == [
        "To beat",
        "Always the commonest class",
    ]
    assert rows[2].is_of(" BEA ")
    lines = ranking_csv(made, rows).splitlines()
    assert lines[0] == "rank,nickname,score,low,high,submissions,at"
    assert lines[1].startswith("1,Ana,1.0,")


def test_less_is_better_for_log_loss(paths: Paths) -> None:
    make_unlabelled(paths)
    made = make_competition(paths, metric="log_loss")
    with pytest.raises(CompetitionError, match="probability for every class"):
        hand_in(paths, made, "Ana", 60)
    header = "id,cat,dog,bird"
    for name, sure in (("Ana", 0.5), ("Bea", 0.9)):
        proba = np.full((N, 3), (1 - sure) / 2)
        proba[np.arange(N), TRUTH] = sure
        lines = [f"u{i}.png," + ",".join(f"{p:.4f}" for p in row) for i, row in enumerate(proba)]
        submit_file(paths, made.id, name, ("a", "\n".join([header, *lines]).encode()))
    rows = ranking(paths, made)
    assert [row.nickname for row in rows] == ["Bea", "Ana", ""]
    assert [row.best.value for row in rows] == [0.1054, 0.6931, 1.0986]


def by_part(paths: Paths, made: Competition, public: bool) -> bytes:
    """Right on the public images and wrong on all others, or the reverse."""
    right = load_solution(paths, made.id).public == public
    return labels_csv(np.where(right, TRUTH, (TRUTH + 1) % 3))


def test_the_end(paths: Paths) -> None:
    """The best public submission counts, or the better of two that were chosen."""
    made = make_competition(paths, per_day=9)
    for name in ("Ana", "Bea"):
        submit_file(paths, made.id, name, ("fit.csv", by_part(paths, made, True)))
        submit_file(paths, made.id, name, ("good.csv", by_part(paths, made, False)))
    hand_in(paths, made, "Cia", 0)
    good, fitted = submitted_by(paths, made, "Bea")
    with pytest.raises(CompetitionError, match="At most 2"):
        choose(paths, made, "Bea", ["a", "b", "c"])
    with pytest.raises(CompetitionError, match="own submissions"):
        choose(paths, made, "Ana", [good.id])
    choose(paths, made, "bea", [good.id, fitted.id])
    with pytest.raises(CompetitionError, match="still open"):
        reveal(paths, made.id)
    assert close(paths, made.id).stage(now()) is Stage.CLOSED
    with pytest.raises(CompetitionError, match="is not open"):
        hand_in(paths, made, "Dia", 60)
    assert extend(paths, made.id, None).stage(now()) is Stage.OPEN
    close(paths, made.id)
    made = reveal(paths, made.id)
    rows = [row for row in ranking(paths, made) if row.label is None]
    finals = [(r.rank, r.nickname, r.final and r.final.value, r.moved) for r in rows]
    assert finals == [(1, "Bea", 1.0, 0), (2, "Ana", 0.0, -1), (2, "Cia", 0.0, 1)]
    lines = ranking_csv(made, ranking(paths, made)).splitlines()
    assert lines[0].endswith("final_score,public_rank,moved")
    assert lines[1].endswith(",1.0,1,0")
    for change in (lambda: allow(paths, made.id, 3), lambda: choose(paths, made, "Ana", [])):
        with pytest.raises(CompetitionError, match="nothing can be changed"):
            change()


def test_times(paths: Paths) -> None:
    made = make_competition(paths, opens=at(2, 8), closes=at(3, 8))
    assert made.stage(at(2, 7)) is Stage.COMING
    for when in (at(2, 7), at(3, 8)):
        with pytest.raises(CompetitionError, match="is not open"):
            hand_in(paths, made, "Ana", 5, when)
    hand_in(paths, made, "Ana", 5, at(3, 7))
    with pytest.raises(CompetitionError, match="before it opens"):
        extend(paths, made.id, at(1, 8))


def test_runs(paths: Paths) -> None:
    store, dataset = Store(paths), make_unlabelled(paths)
    made = make_competition(paths)
    run = answered(store, dataset.info, with_right(60))
    assert submit_run(paths, made.id, "Ana", run.id).score.value == 1
    with pytest.raises(CompetitionError, match="under this name before"):
        submit_run(paths, made.id, "ana", run.id)
    submit_run(paths, made.id, "Bea", run.id)
    add_baseline(paths, made.id, run.id)
    assert "To beat: CNN" in str(ranking(paths, made)[0].label)
    other = answered(store, dataset.info, TRUTH)
    store.save(other.changed(class_names=("cat", "dog", "wolf")))
    with pytest.raises(CompetitionError, match="differ in bird, wolf"):
        submit_run(paths, made.id, "Ana", other.id)
    store.save(other.changed(image_shape=(8, 8, 1)))
    with pytest.raises(CompetitionError, match="8×8×1"):
        submit_run(paths, made.id, "Ana", other.id)


def test_the_dataset_may_be_renamed_but_not_deleted(paths: Paths) -> None:
    made = make_competition(paths)
    rename_dataset(paths, "secret", "other")
    hand_in(paths, made, "Ana", 5)
    delete_dataset(paths, "other")
    with pytest.raises(LabError, match=r"no longer here|no dataset"):
        hand_in(paths, made, "Ana", 5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"title": " "}, "title of 1 to 80"),
        ({"description": "x" * 4001}, "description may have"),
        ({"opens": at(2, 8), "closes": at(2, 8)}, "before it opens"),
        ({"public_share": 0.01}, "each part needs 10"),
    ],
)
def test_bad_rules_leave_nothing(paths: Paths, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(CompetitionError, match=said):
        make_competition(paths, **settings)
    assert list_competitions(paths) == ([], [], [])


def test_scores_to_beat(paths: Paths) -> None:
    dataset = make_unlabelled(paths)
    for score in (-1.0, 80.0, float("nan")):
        with pytest.raises(CompetitionError, match="between 0 and 1"):
            open_with_labels(paths, dataset, labels_csv(), Settings(title="P"), score)


def test_labels_of_a_deletion_that_was_killed_are_swept(paths: Paths) -> None:
    made = make_competition(paths)
    files = paths.competition(made.id)
    doomed = files.folder.with_name(f".deleted-{made.id}")
    files.folder.rename(doomed)
    other = make_competition(paths)
    Store(paths).close()
    assert not doomed.exists()
    assert [c.id for c in list_competitions(paths).competitions] == [other.id]


def test_no_endless_score_to_beat(paths: Paths) -> None:
    """It would be written as nothing, and no line of the file could be read again."""
    dataset = make_unlabelled(paths)
    settings = Settings(title="P", metric="log_loss")
    with pytest.raises(CompetitionError, match="between 0 and 100"):
        open_with_labels(paths, dataset, labels_csv(), settings, float("inf"))


def test_a_damaged_request_is_told_and_the_others_are_listed(paths: Paths) -> None:
    made = make_competition(paths)
    damaged = paths.competition("20260101-000000-abcdef")
    damaged.folder.mkdir()
    damaged.request.write_bytes(b"?")
    found = list_competitions(paths)
    assert [c.id for c in found.competitions] == [made.id]
    assert [folder for folder, _problem in found.problems] == ["20260101-000000-abcdef"]


def test_opened_before_its_time_and_who_needs_a_dataset(paths: Paths) -> None:
    made = make_competition(paths, opens=at(2, 8), closes=at(3, 8).replace(year=2036))
    assert open_now(paths, made.id).stage(now()) is Stage.OPEN
    assert needing(paths, "another") == []
    assert [c.id for c in needing(paths, made.fingerprint)] == [made.id]
    close(paths, made.id)
    reveal(paths, made.id)
    assert needing(paths, made.fingerprint) == []


def test_damage_and_strange_ids(paths: Paths) -> None:
    made = make_competition(paths)
    files = paths.competition(made.id)
    for strange in ("../runs", "", "20260101-000000-abcdef"):
        with pytest.raises(NotFoundError):
            read_competition(paths, strange)
    hand_in(paths, made, "Ana", 5)
    with files.submissions.open("ab") as end:
        end.write(b'{"torn')
    assert len(read_entries(files)) == 2
    append(files, read_entries(files)[-1])
    assert len(read_entries(files)) == 3
    files.submissions.write_bytes(b"?\n" + files.submissions.read_bytes())
    with pytest.raises(StoreError, match="damaged"):
        ranking(paths, made)
    files.record.write_bytes(b"?")
    found = list_competitions(paths)
    assert found.competitions == []
    assert found.problems[0][0] == made.id
    delete(paths, made.id)
    assert list_competitions(paths) == ([], [], [])


def test_the_dataset_must_have_images_without_label(paths: Paths) -> None:
    make_unlabelled(paths)
    info = open_dataset(paths, "secret").info
    bare = info.model_copy(update={"splits": {"train": 6, "val": 30, "test": 0}})
    with pytest.raises(DatasetError, match="no pictures in the split"):
        open_with_labels(
            paths, Dataset(bare, paths.dataset("secret")), labels_csv(), Settings(title="P")
        )


def walk(found: object) -> Iterator[object]:
    """Everything in what a page is given."""
    yield found
    if isinstance(found, BaseModel):
        yield from walk(dict(found))
    elif isinstance(found, dict):
        for value in found.values():
            yield from walk(value)
    elif isinstance(found, list | tuple | set):
        for value in found:
            yield from walk(value)


def test_what_pages_get_knows_no_label_and_no_private_score(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All functions that pages call and show the result of; the private scores are marked."""
    made = make_competition(paths)

    def marked(*args: Any) -> Any:
        scores = judge(*args)
        return scores._replace(private=scores.private.model_copy(update={"value": 0.123456}))

    monkeypatch.setattr("core.competition.handing_in.judge", marked)
    receipt = hand_in(paths, made, "Ana", 40)
    entries = read_entries(paths.competition(made.id))
    assert 0.123456 in list(walk(entries))
    close(paths, made.id)
    shown = [
        receipt,
        list_competitions(paths),
        read_competition(paths, made.id),
        ranking(paths, made),
        submitted_by(paths, made, "Ana"),
        all_submitted(paths, made),
        read_allowance(paths, made, "Ana"),
    ]
    for found in walk(shown):
        assert not isinstance(found, np.ndarray)
        assert found != 0.123456
    made = reveal(paths, made.id)
    assert 0.123456 in list(walk(ranking(paths, made)))


def test_a_second_competition_makes_no_private_image_public(paths: Paths) -> None:
    public = [
        load_solution(paths, make_competition(paths, public_share=share).id).public
        for share in (0.3, 0.3, 0.5)
    ]
    np.testing.assert_array_equal(public[0], public[1])
    assert public[2].sum() == 30
    assert (public[0] <= public[2]).all()
    other = open_with_labels(
        paths, open_dataset(paths, "secret"), labels_csv(with_right(0)), Settings(title="P")
    )
    assert (load_solution(paths, other.id).public != public[0]).any()


def test_labels_lie_in_one_place_only(paths: Paths) -> None:
    made = make_competition(paths)
    hand_in(paths, made, "Ana", 40)
    files = paths.competition(made.id)
    assert files.folder.stat().st_mode & 0o077 == 0
    names = {file.name for file in Path(files.folder).iterdir()}
    assert names == {".lock", "competition.json", "solution.npz", "submissions.jsonl"}
    solution = load_solution(paths, made.id)
    np.testing.assert_array_equal(solution.y_true, TRUTH)
    assert np.bincount(TRUTH[solution.public]).tolist() == [6, 6, 6]
