"""In which order the classes of a confusion matrix are shown."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.evaluation.confusions import worst_classes
from core.evaluation.metrics import Ints, per_class, row_normalised

EXACT_ORDER = 300
"""Up to so many classes the leaves of the tree are put into the best order (30 ms; cubic)."""
Order = tuple[int, ...]


class ClassOrder(StrEnum):
    """What lies side by side."""

    GIVEN = "given"  # as in the dataset
    ERROR = "error"  # the lowest recall first
    SIMILARITY = "similarity"  # what is confused with each other, so that blocks appear
    GROUP = "group"  # superclass by superclass


def by_error(matrix: Ints) -> Order:
    """The lowest recall first; classes without images, of which nothing is known, last."""
    scores = per_class(matrix)
    known = [score.index for score in worst_classes(scores)]
    return (*known, *(score.index for score in scores if score.recall is None))


def by_similarity(matrix: Ints) -> Order:
    """Classes that are confused with each other side by side.

    Of the shares of the true class, both directions added: average linkage, and of all orders
    that its tree allows the one whose neighbours are the most alike (Bar-Joseph and others 2001).
    """
    from scipy.cluster.hierarchy import (
        leaves_list,
        linkage,
        optimal_leaf_ordering,
    )
    from scipy.spatial.distance import squareform

    if len(matrix) < 3:
        return tuple(range(len(matrix)))
    shares = row_normalised(matrix)
    alike = shares + shares.T
    np.fill_diagonal(alike, 0)
    far = alike.max() - alike if alike.any() else np.ones_like(alike)
    np.fill_diagonal(far, 0)
    distances = squareform(far, checks=False)
    tree = linkage(distances, "average")
    if len(matrix) <= EXACT_ORDER:
        tree = optimal_leaf_ordering(tree, distances)
    return tuple(leaves_list(tree).tolist())


def neighbours(matrix: Ints, index: int, k: int) -> Order:
    """A class, and the at most ``k`` others with which it is confused most, in either direction;
    of equals those with the lower index. Never one with which it is not confused."""
    both = np.array(matrix[index] + matrix[:, index])
    both[index] = 0
    best = np.argsort(-both, kind="stable")[:k]
    return (index, *best[both[best] > 0].tolist())


def merged(matrix: Ints, groups: Ints, n: int) -> npt.NDArray[np.int64]:
    """The matrix of ``n`` groups, from that of their members; ``groups`` (classes,) names each
    class's group."""
    member = np.eye(n, dtype=np.int64)[np.asarray(groups)]
    result: npt.NDArray[np.int64] = member.T @ np.asarray(matrix, np.int64) @ member
    return result


def by_group(groups: Sequence[int]) -> Order:
    """Group by group; within one as given."""
    return tuple(sorted(range(len(groups)), key=groups.__getitem__))


def most_wrong(matrix: Ints, k: int) -> Order:
    """The ``k`` classes with the most mistakes, missed or mistakenly seen; of equals those with
    the lower index. In class order."""
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    return tuple(np.sort(np.argsort(-wrong, kind="stable")[:k]).tolist())
