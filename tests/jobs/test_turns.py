"""Who is next, and when: names take turns."""

from __future__ import annotations

from math import inf

from core.jobs.turns import Waiting, Working, forecast


def runs(*words: str, seconds: float = 10) -> list[Waiting]:
    """``A1 A2 L1``: queued in this order, the letter is the name."""
    return [Waiting(word, word[0], rank=i, seconds=seconds) for i, word in enumerate(words)]


def order(
    waiting: list[Waiting],
    working: str = "",
    served: dict[str, float] | None = None,
    slots: int = 1,
) -> str:
    places = forecast(waiting, [Working(name) for name in working], served or {}, slots)
    return " ".join(place.run_id for place in places)


def test_names_take_turns_however_many_runs_they_have() -> None:
    assert order(runs("A1", "A2", "A3", "L1", "L2", "M1")) == "A1 L1 M1 A2 L2 A3"


def test_who_was_served_last_comes_last() -> None:
    assert order(runs("A2", "A3", "L1"), served={"A": 5.0}) == "L1 A2 A3"
    assert order(runs("A2", "L2"), served={"A": 5.0, "L": 9.0}) == "A2 L2"


def test_who_has_more_at_work_waits() -> None:
    assert order(runs("A3", "L2"), "AL", {"A": 2.0, "L": 1.0}, slots=3) == "L2 A3"
    # Ana has two of three slots: Luis' second run comes before her third, though he was served
    # later.
    assert order(runs("A3", "L2"), "AAL", {"A": 1.0, "L": 2.0}, slots=4).startswith("L2")


def test_several_free_slots_are_shared() -> None:
    assert order(runs("A1", "A2", "L1"), slots=2) == "A1 L1 A2"


def test_one_name_alone_keeps_its_order_and_ties_go_to_the_older() -> None:
    assert order(runs("A1", "A2", "A3")) == "A1 A2 A3"
    same = [Waiting("A2", "A", 0), Waiting("A1", "A", 0)]
    assert order(same) == "A1 A2"


def test_what_was_moved_counts_within_a_name_only() -> None:
    """Ana moves her last run to her front: nobody else loses a place by it."""
    moved = [*runs("L1", "M1", "M2"), Waiting("M3", "M", rank=-100)]
    assert order(moved) == "L1 M3 M1 M2"


def test_a_run_that_was_at_work_and_the_teachers_choice_come_first() -> None:
    first, second, third = runs("A1", "L1", "L2")
    ahead = third._replace(ahead=-1.0)
    goes_on = second._replace(goes_on=True)
    assert order([first, goes_on, ahead]) == "L1 L2 A1"
    twice = [first._replace(ahead=-1.0), second, third._replace(ahead=-2.0)]
    assert order(twice) == "L2 A1 L1"


def starts(waiting: list[Waiting], working: list[Working], slots: int) -> list[float | None]:
    return [place.starts_in for place in forecast(waiting, working, {}, slots)]


def test_starts_are_added_up() -> None:
    assert starts(runs("A1", "A2"), [Working("L", 7)], 1) == [7, 17]
    # Two slots: one is free in 3 s, the other in 8; the run of 10 s that begins at 3 ends at 13.
    assert starts(runs("A1", "A2", "A3"), [Working("L", 3), Working("M", 8)], 2) == [3, 8, 13]
    assert starts(runs("A1", "A2", "A3"), [], 2) == [0, 0, 10]


def test_what_is_not_known_is_not_made_up() -> None:
    assert starts(runs("A1"), [Working("L")], 1) == [None]
    assert starts(runs("A1", "A2", seconds=inf), [Working("L", 4)], 1) == [4, None]
    # The slot of which something is known is enough for one.
    assert starts(runs("A1", "A2"), [Working("L"), Working("M", 5)], 2) == [5, 15]


def test_more_at_work_than_slots() -> None:
    """The server was started anew with fewer."""
    assert starts(runs("A1"), [Working("L", 5), Working("M", 9)], 1) == [9]
    assert starts([], [Working("L", 5)], 1) == []
