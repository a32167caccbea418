"""How the answers of several networks become one: pure functions on probabilities.

Everywhere ``proba`` is float (m, n, classes): what m members say of n images, rows sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.alive import come_on
from core.errors import N_, RunError, text
from core.evaluation.metrics import EPSILON
from core.parts import Method

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

TIE = 1e-3
"""What the mean probability counts beside a whole vote: it decides between equals only."""
ROUNDS = 500
STILL = 1e-5
"""Weights that change by less in a round have been found."""
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""How little stacking is held back (1 / L2); which of them is seen on a fifth of the images."""
HELD_BACK = 5
MOST_WORK = 50_000_000
"""Images × features × classes of one fit: a step takes some hundredths of a second."""
LEAST_PER_CLASS = 5
RARE = -50.0
"""Logit of a class of which there was no image to learn from."""


class Stacking(NamedTuple):
    """A linear layer on the members' centred log-probabilities: ``coefficients`` (m × classes,
    classes) and ``intercept`` (classes,), float64."""

    coefficients: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]


class Recipe(NamedTuple):
    """What a method has learned: ``weights`` (m,) that sum to 1, and the layer of a stacking."""

    weights: npt.NDArray[np.float64]
    stacking: Stacking | None = None


def equal_weights(members: int) -> npt.NDArray[np.float64]:
    return np.full(members, 1 / members)


def log_proba(proba: Floats) -> npt.NDArray[np.float64]:
    """Logits up to a constant per image, which is chosen so that their mean over classes is 0."""
    logs = np.log(np.clip(proba.astype(np.float64), EPSILON, 1.0))
    centred: npt.NDArray[np.float64] = logs - logs.mean(axis=-1, keepdims=True)
    return centred


def mean_of_probabilities(proba: Floats, recipe: Recipe) -> Floats:
    """The weighted mean (n, classes)."""
    mixed: Floats = np.tensordot(recipe.weights, proba, axes=1)
    return mixed


def mean_of_logits(proba: Floats, recipe: Recipe) -> Floats:
    """The weighted geometric mean, made to sum to 1 again."""
    return softmax(np.tensordot(recipe.weights, log_proba(proba), axes=1))


def majority(proba: Floats, recipe: Recipe) -> Floats:
    """The share of votes for each class; of classes with as many votes the one that is likelier on
    average comes out on top by a hair."""
    votes = np.zeros(proba.shape[1:])
    images = np.arange(proba.shape[1])
    for said in proba.argmax(axis=2):
        votes[images, said] += 1 / len(proba)
    mixed: Floats = (votes + TIE * proba.mean(axis=0)) / (1 + TIE)
    return mixed


def stacked(proba: Floats, recipe: Recipe) -> Floats:
    """What the layer on top says."""
    assert recipe.stacking is not None
    layer = recipe.stacking
    return softmax(_features(proba) @ layer.coefficients + layer.intercept)


def softmax(logits: Floats) -> Floats:
    """(n, classes) logits → probabilities that sum to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    proba: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return proba


def by_accuracy(proba: Floats, y_true: Ints) -> Recipe:
    """Weights by the log odds of each member's accuracy (Nitzan and Paroush 1982): so much a vote
    is worth among independent voters. One that is no better than chance has none."""
    classes = proba.shape[2]
    right = (proba.argmax(axis=2) == y_true).sum(axis=1)
    # Laplace: of few images not even a perfect score makes a vote worth endlessly much.
    share = (right + 1) / (len(y_true) + 2)
    odds = np.maximum(np.log(share * (classes - 1) / (1 - share)), 0)
    return Recipe(odds / odds.sum() if odds.sum() else equal_weights(len(proba)))


def likeliest_weights(proba: Floats, y_true: Ints) -> Recipe:
    """The weights under which the mean of probabilities has the least log loss.

    That loss has one minimum, which expectation maximisation comes to from equal weights
    (Dempster, Laird and Rubin 1977, mixture proportions): no step makes it worse, and weights stay
    non-negative with sum 1 by themselves.
    """
    truth = np.clip(proba[:, np.arange(len(y_true)), y_true].astype(np.float64), EPSILON, 1.0)
    weights = equal_weights(len(proba))
    for _round in range(ROUNDS):
        better = weights * (truth @ (1 / (weights @ truth))) / len(y_true)
        moved = float(np.abs(better - weights).max())
        weights = better
        if moved < STILL:
            break
    return Recipe(weights)


def stacking_of(proba: Floats, y_true: Ints) -> Recipe:
    """Multinomial logistic regression on the members' log-probabilities (Wolpert 1992; van der
    Laan and others 2007 for why on held-out answers). How strongly it is held back (L2) is seen on
    a fifth of the images. Loads scikit-learn: not in the server.

    Raises:
        RunError: if so many members know so many classes that it would take too long.
    """
    few = _as_many_as_pay(proba, y_true)
    proba, y_true = proba[:, few], y_true[few]
    features, part = _features(proba), folds(y_true, HELD_BACK) == 0
    losses = [
        _loss(softmax(features[part] @ layer.coefficients + layer.intercept), y_true[part])
        for strength in STRENGTHS
        for layer in [_fit(features[~part], y_true[~part], strength, proba.shape[2])]
    ]
    best = STRENGTHS[int(np.argmin(losses))]
    layer = _fit(features, y_true, best, proba.shape[2])
    return Recipe(equal_weights(len(proba)), layer)


def _as_many_as_pay(proba: Floats, y_true: Ints) -> npt.NDArray[np.bool_]:
    """All images (n,), or of each class so many that a fit ends in some seconds."""
    members, images, classes = proba.shape
    most = MOST_WORK // (members * classes * classes)
    if most >= images:
        return np.ones(images, np.bool_)
    if most < LEAST_PER_CLASS * classes:
        raise RunError(
            N_("Stacking {members} networks of {classes} classes would take too long."),
            remedy=text(N_("Choose fewer members, or another method.")),
            members=members,
            classes=classes,
        )
    chosen: npt.NDArray[np.bool_] = folds(y_true, -(-images // most)) == 0
    return chosen


def _fit(features: Floats, y_true: Ints, strength: float, classes: int) -> Stacking:
    come_on()  # thirty fits of many classes take longer than anybody waits without a word
    coefficients = np.zeros((features.shape[1], classes))
    intercept = np.full(classes, RARE)
    known = np.unique(y_true)
    intercept[known] = 0
    if len(known) > 1:
        from sklearn.linear_model import LogisticRegression

        # Ten times as exact it takes twice as long, and the loss on other images is the same.
        model = LogisticRegression(C=strength, tol=1e-3, max_iter=200).fit(features, y_true)
        # Of two classes it keeps the logit of the second one only.
        chosen = known[1:] if len(known) == 2 else known
        coefficients[:, chosen], intercept[chosen] = model.coef_.T, model.intercept_
    return Stacking(coefficients, intercept)


def _features(proba: Floats) -> npt.NDArray[np.float64]:
    """(m, n, classes) → (n, m × classes)."""
    return log_proba(proba).transpose(1, 0, 2).reshape(proba.shape[1], -1)


def _loss(proba: Floats, y_true: Ints) -> float:
    truth = proba[np.arange(len(y_true)), y_true]
    return float(-np.log(np.clip(truth, EPSILON, 1.0)).mean()) if len(y_true) else 0.0


def folds(y_true: Ints, k: int) -> npt.NDArray[np.int64]:
    """For every image the part, 0 to k - 1, that it lies in: classes are spread evenly, and the
    same images always lie in the same parts."""
    shuffled = np.random.default_rng(0).permutation(len(y_true))
    order = shuffled[np.argsort(np.asarray(y_true)[shuffled], kind="stable")]
    parts = np.empty(len(y_true), np.int64)
    parts[order] = np.arange(len(y_true)) % k
    return parts


class Combination(NamedTuple):
    """A method: what it is called, one sentence about it, how it combines, and how it learns what
    it has to learn from answers to validation images, if anything."""

    name: Method
    label: str
    about: str
    combine: Callable[[Floats, Recipe], Floats]
    learn: Callable[[Floats, Ints], Recipe] | None = None


COMBINATIONS: dict[Method, Combination] = {
    row.name: row
    for row in (
        Combination(
            "mean",
            N_("Mean of the probabilities"),
            N_("Adds up what the networks say; simple, and hard to beat."),
            mean_of_probabilities,
        ),
        Combination(
            "logits",
            N_("Mean of the logits"),
            N_("Multiplies the probabilities: a network that excludes a class counts for more."),
            mean_of_logits,
        ),
        Combination(
            "accuracy",
            N_("Weighted by accuracy"),
            N_("Mean of the probabilities in which better networks count for more."),
            mean_of_probabilities,
            by_accuracy,
        ),
        Combination(
            "weights",
            N_("Best weights"),
            N_("Mean of the probabilities with the weights that fit the validation images best."),
            mean_of_probabilities,
            likeliest_weights,
        ),
        Combination(
            "vote",
            N_("Majority vote"),
            N_("Every network has one vote; how sure it is counts only between equals."),
            majority,
        ),
        Combination(
            "stacking",
            N_("Stacking"),
            N_(
                "A logistic regression learns on validation images what to make of the networks' "
                "answers; it can also learn whom to believe about which class."
            ),
            stacked,
            stacking_of,
        ),
    )
}


def learned(method: Method, proba: Floats, y_true: Ints) -> Recipe:
    """What a method learns from these answers; equal weights where it learns nothing."""
    learn = COMBINATIONS[method].learn
    return learn(proba, y_true) if learn else Recipe(equal_weights(len(proba)))


def combined(method: Method, proba: Floats, recipe: Recipe) -> npt.NDArray[np.float32]:
    """What the members say together: (n, classes) float32, rows sum to 1."""
    return COMBINATIONS[method].combine(proba, recipe).astype(np.float32)


def cross_fitted(
    method: Method, proba: Floats, y_true: Ints, k: int = HELD_BACK
) -> npt.NDArray[np.float32]:
    """What the members say together when whatever is learned for every k-th part of the images is
    learned from the other parts: an honest answer (n, classes). Of a method that learns nothing it
    is :func:`combined`."""
    if COMBINATIONS[method].learn is None:
        return combined(method, proba, learned(method, proba, y_true))
    parts = folds(y_true, k)
    answers = np.empty(proba.shape[1:], np.float32)
    for part in range(k):
        held = parts == part
        recipe = learned(method, proba[:, ~held], y_true[~held])
        answers[held] = combined(method, proba[:, held], recipe)
    return answers
