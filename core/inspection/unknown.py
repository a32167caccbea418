"""Whether a picture is like anything a network was trained on: a score, and where to draw the line.

A picture's *traces* are the mean activity of the channels of several layers. The score is their
distance from those of the training pictures in units of how these spread (Mahalanobis' distance;
over several layers: Lee, Lee, Lee and Shin 2018). The line is drawn where 95 % of the validation
pictures (of the test, where there are none), which are of the known kind but were not learned
from, still count as known. The energy
of the logits (Liu and others 2020) and the distance to the k-th nearest training picture (Sun and
others 2022) were measured beside it by ``benchmarks/inspection.py``, and found much worse.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ACCEPTED = 0.95
"""The share of pictures of the known kind that count as known."""

Traces = NDArray[np.float32]
Scores = NDArray[np.float32]


class Familiar(NamedTuple):
    """What the training pictures leave as traces: ``mean`` and ``scale`` (t,), ``precision``
    (t, t) of what is scaled, float32; a score above ``threshold`` means unknown."""

    mean: Traces
    scale: Traces
    precision: Traces
    threshold: float


def fit(train: Traces, unlearned: Traces, accepted: float = ACCEPTED) -> Familiar:
    """From traces (n, t) of training pictures, n > 1, and (m, t), m > 0, of others of the kind.

    The share ``accepted`` of the latter, or a little more, counts as known.
    """
    from sklearn.covariance import LedoitWolf

    mean, spread = train.mean(axis=0), train.std(axis=0)
    # What never varies (a dead channel) is counted as it is, not magnified.
    scale = np.where(spread > 1e-6, spread, 1).astype(np.float32)
    # Shrunk: of few pictures, or of channels that go together, no distance would come otherwise.
    found = LedoitWolf(assume_centered=True).fit((train - mean) / scale)
    familiar = Familiar(mean, scale, found.precision_.astype(np.float32), 0.0)
    scores = strangeness(unlearned, familiar)
    threshold = float(np.quantile(scores, accepted, method="higher"))
    return familiar._replace(threshold=threshold)


def strangeness(traces: Traces, familiar: Familiar) -> Scores:
    """How strange pictures with traces (n, t) are: (n,), 0 for the mean of the training."""
    away = (traces - familiar.mean) / familiar.scale
    squares = np.einsum("nt,nt->n", away @ familiar.precision, away)
    score: Scores = np.sqrt(np.maximum(squares, 0)).astype(np.float32)
    return score
