"""How scores of a competition are written."""

from __future__ import annotations

from core.competition.scoring import Score
from core.competition.settings import Metric
from ui.i18n import number, percent


def score(value: float, metric: Metric) -> str:
    """With as many digits as it is ranked by."""
    return number(value, 6) if metric == "log_loss" else percent(value, 2)


def interval(found: Score, metric: Metric) -> str | None:
    """From where to where; None where there is none."""
    if found.low is None or found.high is None:
        return None
    return f"{score(found.low, metric)} – {score(found.high, metric)}"
