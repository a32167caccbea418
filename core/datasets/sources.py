"""Where pictures come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from core.datasets.containers.opening import open_container
from core.datasets.formats.base import Found, Reading
from core.datasets.formats.samples import sample_in
from core.datasets.formats.table import FORMATS
from core.datasets.names import from_folder


@dataclass(frozen=True)
class PathSource:
    """A file or folder on this machine; ``called`` is its name for people, if it has another."""

    path: Path
    called: str | None = None

    @property
    def origin(self) -> str:
        return self.called or from_folder(self.path.resolve().name)

    def find(self, reading: Reading) -> Found:
        """By the first format that claims it.

        Raises:
            NotFoundError: if there is nothing at the path.
            DatasetError: if it cannot become a dataset.
        """
        container = open_container(self.path, self.called)
        listing = container.listing()
        form = next(form for form in FORMATS if form.claims(container, listing))
        found = form.find(container, listing, reading)
        return replace(found, submission=sample_in(container, listing, found))
