"""What a competition is: its rules, and how far it is."""

from __future__ import annotations

import functools
import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field

from core.errors import N_, CompetitionError

Metric = Literal["accuracy", "macro_f1", "log_loss"]
LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 4000
LONGEST_NAME = 24
"""Characters of a nickname."""
MOST_PER_DAY = 100
MOST_LOSS = 100.0
"""No log loss is higher: an endless one could not even be written down."""
DIGITS = 4
"""Scores are rounded to so many decimals: with 1,000 public images exact for accuracy, and two that
look alike on the screen are a tie."""


class Measure(NamedTuple):
    """A metric: its name, whether more is better, and whether it needs probabilities."""

    label: str
    explanation: str
    higher: bool = True
    needs_proba: bool = False


METRICS: dict[Metric, Measure] = {
    "accuracy": Measure(N_("Accuracy"), N_("The share of images that are answered right.")),
    "macro_f1": Measure(
        N_("Macro F1"),
        N_("The mean of F1 over the classes: rare classes count as much as common ones."),
    ),
    "log_loss": Measure(
        N_("Log loss"),
        N_(
            "How little was expected of the true class, on average: lower is better, and being "
            "sure and wrong costs most. Files must give a probability for every class."
        ),
        higher=False,
        needs_proba=True,
    ),
}


class Stage(StrEnum):
    """How far a competition is."""

    COMING = "coming"
    OPEN = "open"
    CLOSED = "closed"
    REVEALED = "revealed"


STAGES: dict[Stage, str] = {
    Stage.COMING: N_("not open yet"),
    Stage.OPEN: N_("open"),
    Stage.CLOSED: N_("closed"),
    Stage.REVEALED: N_("finished"),
}


class Settings(BaseModel, frozen=True):
    """What the teacher chooses. ``public_share`` of the images, in (0, 1), count for the ranking
    that is shown from the beginning; moments have a time zone."""

    title: str
    description: str = ""
    metric: Metric = "accuracy"
    public_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    per_day: Annotated[int, Field(ge=1, le=MOST_PER_DAY)] = 5
    opens: datetime | None = None
    closes: datetime | None = None


class Competition(BaseModel, frozen=True):
    """``competition.json``: what everybody may know of a competition."""

    id: str
    settings: Settings
    dataset: str
    """The name when it was opened; ``fingerprint`` decides."""
    fingerprint: str
    class_names: tuple[str, ...]
    vocabulary: str = ""
    images: int
    public_images: int
    copied_from: str | None = None
    """The dataset that it was copied from, which shows the labels as long as it is here: what it
    was called."""
    copied_fingerprint: str | None = None
    created: datetime
    revealed: datetime | None = None

    @property
    def measure(self) -> Measure:
        return METRICS[self.settings.metric]

    def stage(self, now: datetime) -> Stage:
        if self.revealed:
            return Stage.REVEALED
        opens, closes = self.settings.opens, self.settings.closes
        if closes and now >= closes:
            return Stage.CLOSED
        return Stage.COMING if opens and now < opens else Stage.OPEN

    def changed(self, **settings: object) -> Competition:
        return self.model_copy(update={"settings": self.settings.model_copy(update=settings)})


def check_settings(settings: Settings) -> Settings:
    """The same, tidied.

    Raises:
        CompetitionError: if a text is missing or too long, or it would end before it begins.
    """
    title = " ".join(settings.title.split())
    if not title or len(title) > LONGEST_TITLE:
        raise CompetitionError(
            N_("A competition needs a title of 1 to {most} characters; received {received}."),
            most=LONGEST_TITLE,
            received=len(title),
        )
    if len(settings.description) > LONGEST_DESCRIPTION:
        raise CompetitionError(
            N_("The description may have {most} characters; received {received}."),
            most=LONGEST_DESCRIPTION,
            received=len(settings.description),
        )
    opens, closes = settings.opens, settings.closes
    if opens and closes and closes <= opens:
        raise CompetitionError(
            N_("It would close before it opens. Choose a later end, or an earlier beginning.")
        )
    return settings.model_copy(update={"title": title})


def check_to_beat(metric: Metric, score: float | None) -> None:
    """Raises CompetitionError if it is no score of this metric."""
    highest = 1.0 if METRICS[metric].higher else MOST_LOSS
    if score is not None and not 0 <= score <= highest:
        raise CompetitionError(
            N_("The score to beat must lie between {low} and {high}; received {received}."),
            low=0,
            high=highest,
            received=score,
        )


_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks to Unicode, and nothing to the eye: variation selectors, joiners, fillers."""


def tidy_name(name: str) -> str:
    """A nickname on one line, without what cannot be seen.

    Raises:
        CompetitionError: if nothing is left, or it is too long.
    """
    shown = "".join(c for c in " ".join(name.split()) if c.isprintable()).strip()
    if not name_key(shown):
        raise CompetitionError(
            N_("Who hands in? A nickname is needed: at least one letter or digit.")
        )
    if len(shown) > LONGEST_NAME:
        raise CompetitionError(
            N_("A nickname has at most {most} characters; received {received}."),
            most=LONGEST_NAME,
            received=len(shown),
        )
    return shown


@functools.lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """The same for names that differ only in case, in spaces or in the way they are encoded."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    kept = "".join(c for c in _UNSEEN.sub("", folded) if c.isprintable() and not c.isspace())
    return kept if any(c.isalnum() for c in kept) else ""
