"""What else than an import a job may be asked for: kinds of work on datasets that are here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.datasets.dataset import DatasetInfo
from core.datasets.recipe import Recipe
from core.errors import N_, Text, text


class Derive(BaseModel, frozen=True):
    """Make a new dataset."""

    kind: Literal["derive"] = "derive"
    recipe: Recipe

    @property
    def needs(self) -> tuple[str, ...]:
        """The datasets that must stay where they are until it is done."""
        return tuple(origin.name for origin in self.recipe.origins)


class Export(BaseModel, frozen=True):
    """Write a zip of class folders into the job's folder."""

    kind: Literal["export"] = "export"
    dataset: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.dataset,)


class FindDuplicates(BaseModel, frozen=True):
    """Compare all images of a dataset."""

    kind: Literal["duplicates"] = "duplicates"
    dataset: str

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.dataset,)


Work = Annotated[Derive | Export | FindDuplicates, Field(discriminator="kind")]


def ready_message(info: DatasetInfo) -> Text:
    """What has come of an import or derivation."""
    sentence = (
        N_("“{name}” is ready. Images: {imported}; left out: {skipped}.")
        if info.derived
        else N_("“{name}” is ready. Pictures imported: {imported}; files skipped: {skipped}.")
    )
    return text(sentence, name=info.name, imported=info.imported, skipped=info.skipped)
