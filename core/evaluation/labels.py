"""Which labels are probably wrong, and which images are hard to label: from predictions alone.

The first by confident learning (Northcutt, Jiang, Chuang 2021), as ``cleanlab`` implements it. It
is loaded by the function that needs it, which a server calls in the computing process: with it
come scikit-learn and 98 MB.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.evaluation.metrics import Floats, Ints
from core.evaluation.predictions import Predictions

Positions = npt.NDArray[np.int64]
Qualities = npt.NDArray[np.float64]

CLOSE = 0.2
"""By less than this the two likeliest classes of an ambiguous image differ."""
STRANGE_SHARE = 0.02
"""The part of the images that is offered as out of place."""
GAMMA = 0.1
"""How much small probabilities count in :func:`spread`: the value of the method's authors."""


class Issues(NamedTuple):
    """Labels that are probably wrong, the worst first.

    ``position`` (m,) int64 in the predictions; ``quality`` (m,) float64 in [0, 1], how well the
    label agrees with the network: 0 is worst.
    """

    position: Positions
    quality: Qualities


class LabelIssue(NamedTuple):
    """An image to look at: ``row`` in its split, the class that it was ``given`` and the
    ``suggested`` one, with their probabilities in [0, 1]; ``quality`` in [0, 1], 0 is worst;
    ``position`` in the predictions."""

    row: int
    given: int
    suggested: int
    quality: float
    given_proba: float
    suggested_proba: float
    position: int


def label_issues(predictions: Predictions) -> tuple[LabelIssue, ...]:
    """The labels that are probably wrong, the worst first."""
    found = find_issues(predictions.y_true, predictions.proba)
    return as_issues(predictions, found.position, found.quality)


def find_issues(y_true: Ints, proba: Floats) -> Issues:
    """By confident learning, from labels (n,) and the probabilities (n, classes) of a network that
    has not learned them; about a second for 10,000 images of 1,000 classes.

    Of one class, or no image, nothing can be said; nor where all labels are the same, since then
    it is not known how sure the network usually is of any other class. A class of which there is
    one image keeps it.
    """
    if len(np.unique(y_true)) < 2:
        return Issues(np.zeros(0, np.int64), np.zeros(0))
    from cleanlab.filter import find_label_issues

    shares = proba.astype(np.float64)
    np.clip(shares, 0, 1, out=shares)  # what rounding may have put above 1 would be refused
    with warnings.catch_warnings():
        # That small classes may hide some is said by their number of images.
        warnings.simplefilter("ignore", UserWarning)
        found = find_label_issues(
            np.asarray(y_true, np.int64),
            shares,
            filter_by="both",
            n_jobs=1,
        )
    position = np.flatnonzero(found)
    quality = label_quality(y_true, proba)[position]
    order = np.argsort(quality, kind="stable")
    return Issues(position[order], quality[order])


def label_quality(y_true: Ints, proba: Floats) -> Qualities:
    """(n,) in [0, 1]: given / (given + other²), of the probability of the given class and that of
    the likeliest other one. 0 where the given class has none.

    The odds against the label, counted the more the surer the network is of the other class. That
    finds more than the loss, which does not ask whether any other class is likely, and more of the
    labels drawn by chance than cleanlab's margin does: see benchmarks/label_check.py.
    """
    shares = proba.astype(np.float64)
    given = np.take_along_axis(shares, np.asarray(y_true)[:, None], axis=1)[:, 0]
    other = np.take_along_axis(shares, rivals(y_true, proba)[:, None], axis=1)[:, 0]
    quality: Qualities = given / np.maximum(given + other**2, np.finfo(np.float64).tiny)
    return quality


def rivals(y_true: Ints, proba: Floats) -> Positions:
    """(n,) the likeliest class of every image that is not the given one."""
    others = np.array(proba)
    np.put_along_axis(others, np.asarray(y_true)[:, None], -1, axis=1)
    found: Positions = others.argmax(axis=1)
    return found


def ambiguous(predictions: Predictions) -> tuple[LabelIssue, ...]:
    """The images whose two likeliest classes differ by less than :data:`CLOSE`, the closest first;
    their quality is that difference."""
    proba = predictions.proba
    if proba.shape[1] < 2:
        return ()
    best = np.partition(proba, -2, axis=1)[:, -2:].astype(np.float64)
    margin = best[:, 1] - best[:, 0]
    close = np.flatnonzero(margin < CLOSE)
    order = close[np.argsort(margin[close], kind="stable")]
    return as_issues(predictions, order, margin[order])


def strange(predictions: Predictions) -> tuple[LabelIssue, ...]:
    """The :data:`STRANGE_SHARE` of the images that fit no class best, the strangest first; their
    quality is 1 for an image that is wholly of one class and 0 where all classes are alike."""
    proba = predictions.proba
    if proba.shape[1] < 2:
        return ()
    quality = 1 - spread(proba)
    # An answer that leaves nothing open fits, however few there are.
    open_ = np.flatnonzero(quality < 0.5)
    most = int(np.ceil(STRANGE_SHARE * len(quality)))
    order = open_[np.argsort(quality[open_], kind="stable")][:most]
    return as_issues(predictions, order, quality[order])


def spread(proba: Floats) -> Qualities:
    """(n,) in [0, 1]: the generalised entropy (GEN, Liu, Lochman, Zach 2023) as a share of its
    maximum. Unlike the margin it asks of all classes, and small probabilities count, too."""
    classes = proba.shape[1]
    p = np.clip(proba.astype(np.float64), 0, 1)
    most = classes * (1 / classes * (1 - 1 / classes)) ** GAMMA
    found: Qualities = np.clip(((p * (1 - p)) ** GAMMA).sum(axis=1) / most, 0, 1)
    return found


def as_issues(
    predictions: Predictions, position: Positions, quality: Qualities
) -> tuple[LabelIssue, ...]:
    """These positions with what is given and what is likelier."""
    y_true, proba = predictions.y_true[position], predictions.proba[position]
    if not len(position):
        return ()
    other = rivals(y_true, proba)
    at = np.arange(len(position))
    columns: Iterable[list[float]] = (
        predictions.rows[position].tolist(),
        y_true.tolist(),
        other.tolist(),
        quality.tolist(),
        proba[at, y_true].tolist(),
        proba[at, other].tolist(),
        position.tolist(),
    )
    return tuple(LabelIssue(*values) for values in zip(*columns, strict=True))
