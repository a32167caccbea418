from __future__ import annotations

import csv

import numpy as np
import pytest

from core.datasets.superclasses import superclasses
from core.datasets.vocabularies import VOCABULARIES
from core.evaluation.matrix_csv import matrix_csv
from core.evaluation.ordering import (
    by_error,
    by_group,
    by_similarity,
    merged,
    most_wrong,
    neighbours,
)

# 0 and 2 are taken for each other, 1 and 3 likewise; 4 has no images.
MATRIX = np.array(
    [[6, 0, 4, 0, 0], [0, 8, 0, 2, 0], [2, 1, 7, 0, 0], [0, 5, 0, 5, 0], [0, 0, 0, 0, 0]]
)


def test_the_worst_first_and_the_unknown_last() -> None:
    assert by_error(MATRIX) == (3, 0, 2, 1, 4)


def test_what_is_confused_lies_side_by_side() -> None:
    place = {index: at for at, index in enumerate(by_similarity(MATRIX))}
    assert sorted(place) == [0, 1, 2, 3, 4]
    assert abs(place[0] - place[2]) == abs(place[1] - place[3]) == 1


@pytest.mark.parametrize("classes", [0, 1, 2, 5, 320])
def test_any_number_of_classes_also_without_a_mistake(classes: int) -> None:
    assert sorted(by_similarity(np.eye(classes, dtype=int))) == list(range(classes))


def test_blocks_appear_again_after_shuffling() -> None:
    blocks = np.kron(np.eye(4, dtype=int), np.full((5, 5), 3)) + 10 * np.eye(20, dtype=int)
    shuffled = np.random.default_rng(0).permutation(20)
    order = np.array(by_similarity(blocks[np.ix_(shuffled, shuffled)]))
    groups = shuffled[order] // 5
    assert (np.diff(groups) != 0).sum() == 3


def test_neighbours_are_those_it_is_confused_with() -> None:
    assert neighbours(MATRIX, 0, 3) == (0, 2)
    assert neighbours(MATRIX, 1, 1) == (1, 3)
    assert neighbours(MATRIX, 4, 3) == (4,)


def test_the_most_wrong_in_class_order() -> None:
    assert most_wrong(MATRIX, 2) == (1, 2)
    assert most_wrong(MATRIX, 9) == (0, 1, 2, 3, 4)


def test_groups_are_sums_of_their_members() -> None:
    groups = np.array([1, 0, 1, 0, 0])
    assert merged(MATRIX, groups, 2).tolist() == [[20, 0], [1, 19]]
    assert by_group(groups.tolist()) == (1, 3, 4, 0, 2)


def test_superclasses_of_cifar_100_are_twenty_with_five_each() -> None:
    found = superclasses("cifar100", VOCABULARIES["cifar100"])
    assert found is not None
    assert found.names == tuple(VOCABULARIES["cifar100-coarse"])
    assert np.bincount(found.of).tolist() == [5] * 20
    of = dict(zip(VOCABULARIES["cifar100"], found.of, strict=True))
    assert found.names[of["maple tree"]] == "trees"
    assert found.names[of["train"]] == "vehicles 1"


def test_superclasses_of_a_part_and_of_others() -> None:
    assert superclasses("cifar100", ("wolf", "rose", "bear")) == (
        "cifar100-coarse",
        ("flowers", "large carnivores"),
        (1, 0, 1),
    )
    assert superclasses("cifar100", ("wolf", "bear")) is None
    assert superclasses("cifar100", ("wolf", "rose", "robot")) is None
    assert superclasses("cifar10", VOCABULARIES["cifar10"]) is None


def test_the_table_holds_names_that_no_spreadsheet_computes() -> None:
    rows = list(
        csv.reader(matrix_csv(np.array([[1, 2], [3, 4]]), ["=A1", "b,c"], "t").splitlines())
    )
    assert rows == [["t", "'=A1", "b,c"], ["'=A1", "1", "2"], ["b,c", "3", "4"]]
    assert matrix_csv(np.zeros((0, 0), int), [], "t") == "t\n"
