"""What can go wrong, said once: a translatable sentence with its values, never a bare string.

``core`` knows no language. It raises a :class:`LabError` whose :class:`Text` holds the English
sentence as its key; a page renders it through a gettext catalogue, the command line in English.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

Value = str | int | float


def N_(msgid: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark a string for extraction into the catalogues; returns it unchanged."""
    return msgid


class Text(BaseModel, frozen=True):
    """An English sentence with named gaps, and what goes into them.

    JSON-able, so that a worker process can leave it in a run folder and a page can show it in
    the reader's language.
    """

    msgid: str
    params: dict[str, Value | Text] = {}
    """A gap may hold another text, which is translated too."""

    def render(
        self,
        translate: Callable[[str], str] = str,
        value: Callable[[Value], Value] = lambda v: v,
    ) -> str:
        """The sentence, translated by ``translate``, with ``value`` applied to every gap."""
        filled = {
            name: gap.render(translate, value) if isinstance(gap, Text) else value(gap)
            for name, gap in self.params.items()
        }
        return translate(self.msgid).format(**filled)

    def __str__(self) -> str:
        return self.render()


def text(msgid: str, **params: Value | Text) -> Text:
    """Shorthand: ``text(N_("{n} images"), n=3)``."""
    return Text(msgid=msgid, params=params)


class LabError(Exception):
    """Something the user can understand and mend.

    ``msgid`` says what is wrong, what was expected and what was received; ``remedy``, where
    there is one, what to do about it.
    """

    def __init__(self, msgid: str, *, remedy: Text | None = None, **params: Value | Text) -> None:
        self.text = text(msgid, **params)
        self.on_screen = self.text
        """The same for a page, where things may have other names than on the command line."""
        self.remedy = remedy
        super().__init__(str(self.text))

    def __str__(self) -> str:
        return str(self.text) if self.remedy is None else f"{self.text} {self.remedy}"


class ConfigError(LabError):
    """A setting has an impossible value, or settings contradict one another (wrong use)."""


class NotFoundError(LabError):
    """A run, dataset, preset or file of that name does not exist (wrong use)."""


class DatasetError(LabError):
    """An archive or folder cannot become a dataset."""


class ImageError(LabError):
    """One picture cannot be read."""


class RunError(LabError):
    """A training cannot go on, or the asked-for thing does not fit the run's state."""


class CompetitionError(LabError):
    """What was handed in, or asked of a competition, does not fit it."""


class StoreError(LabError):
    """A run folder or the database cannot be read or written."""
