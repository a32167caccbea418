"""Scores by hand, and the division into public and private."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.competition.scoring import Answers, Score, Solution, judge, split_public
from core.competition.settings import METRICS, name_key, tidy_name
from core.errors import CompetitionError
from core.evaluation.metrics import wilson_interval

SOLUTION = Solution(
    np.arange(6), np.array([0, 1, 1, 0, 1, 0], np.int32), np.array([1, 1, 1, 0, 0, 0], np.bool_)
)
CLASSES = Answers.of_classes(np.array([0, 1, 0, 1, 1, 1]), 2)
"""Two of three public ones are right, one of three private ones."""


def test_accuracy() -> None:
    scores = judge("accuracy", SOLUTION, CLASSES)
    low, high = wilson_interval(2, 3)
    assert scores.public == Score(value=0.6667, low=round(low, 4), high=round(high, 4))
    assert scores.private.value == 0.3333


def test_macro_f1() -> None:
    # Public: class 0 has 1 of 1 right and 1 too many, F1 2/3; class 1 has 1 of 2, F1 2/3.
    scores = judge("macro_f1", SOLUTION, CLASSES)
    assert scores.public.value == 0.6667
    # Private: class 0 none of 2 right; class 1 is right once, and two more were taken for it.
    assert scores.private.value == 0.25
    assert scores.public.low is not None


def test_answers_that_are_no_numbers_are_refused() -> None:
    """Their score would be none either, and what was written down could not be read again."""
    proba = np.full((6, 2), 0.5, np.float32)
    proba[5] = np.nan
    for metric in METRICS:
        with pytest.raises(CompetitionError, match="Not every answer is a number"):
            judge(metric, SOLUTION, Answers(proba))


def test_log_loss() -> None:
    proba = np.array([[0.5, 0.5], [0.5, 0.5], [0.75, 0.25], [1, 0], [0, 1], [1, 0]], np.float32)
    scores = judge("log_loss", SOLUTION, Answers(proba))
    assert scores.public.value == round((2 * math.log(2) + math.log(4)) / 3, 4)
    assert scores.private.value == 0
    with pytest.raises(CompetitionError, match="probability for every class"):
        judge("log_loss", SOLUTION, CLASSES)


def test_public_images_are_the_same_share_of_every_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 60, 20]).astype(np.int32)
    public = split_public(labels, 0.3, 5)
    assert np.bincount(labels[public]).tolist() == [30, 18, 6]
    np.testing.assert_array_equal(public, split_public(labels, 0.3, 5))
    assert (public != split_public(labels, 0.3, 6)).any()
    with pytest.raises(CompetitionError, match="each part needs 10"):
        split_public(labels[:30], 0.3, 5)


def test_nicknames() -> None:
    assert tidy_name("  Ana \t  Paz\u200b ") == "Ana Paz"
    assert name_key("Ana Paz") == name_key("anapaz") == name_key("ＡＮＡ  PAZ\u200b")
    assert name_key("José") == name_key("JOSE\u0301")
    assert name_key("Ana") != name_key("Ania")
    assert name_key("Ana") == name_key("A\ufe0fn\u034fa\u3164")  # what nobody sees is no other name
    for empty in ("", "  ", "\u200b", "…"):
        with pytest.raises(CompetitionError, match="nickname"):
            tidy_name(empty)
    with pytest.raises(CompetitionError, match="at most 24"):
        tidy_name("x" * 25)
