"""How scores of a competition are written."""

from __future__ import annotations

import functools
from datetime import datetime

import streamlit as st

from core.competition.scoring import Score
from core.competition.settings import Metric
from ui.i18n import language, moment, number, percent

REMEMBERED = 4096
"""Thirty people look at the same scores every few seconds, and Babel takes its time."""


def score(value: float, metric: Metric) -> str:
    """With as many digits as it is ranked by."""
    return _score(value, metric, language())


@functools.lru_cache(maxsize=REMEMBERED)
def _score(value: float, metric: Metric, _language: str) -> str:
    return number(value, 6) if metric == "log_loss" else percent(value, 2)


def handed_in_at(when: datetime) -> str:
    """A point in time in the browser's own time zone."""
    return _at(when, language(), st.context.timezone)


@functools.lru_cache(maxsize=REMEMBERED)
def _at(when: datetime, _language: str, _zone: str | None) -> str:
    return moment(when)


def interval(found: Score, metric: Metric) -> str | None:
    """From where to where; None where there is none."""
    if found.low is None or found.high is None:
        return None
    return f"{score(found.low, metric)} – {score(found.high, metric)}"
