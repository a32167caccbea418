"""The test split's results are sealed until somebody unlocks them, and every look is counted.

Whoever chooses between runs by their test results has fitted the choice to these very images:
after some looks the test accuracy promises too much. Looks lie beside the run, one line each.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from core.errors import N_, StoreError
from core.paths import Paths

SETTING = "LIENZO_SEALED_TEST"
"""0 leaves everything open, and nothing is counted."""


class Look(BaseModel, frozen=True):
    """Somebody saw what a run is worth on the test split."""

    when: datetime
    by: str = ""
    """A nickname; empty if nobody has said."""


def seals() -> bool:
    """Whether this server seals test results at all."""
    return os.environ.get(SETTING, "").strip() != "0"


def is_sealed(paths: Paths, run_id: str) -> bool:
    """Whether the run's test results are still to be hidden: one look at the disk, no reading."""
    return seals() and not paths.run(run_id).looks.is_file()


def looks(paths: Paths, run_id: str) -> list[Look]:
    """Every look so far, the oldest first; a line that was torn by a power cut is left out."""
    file = paths.run(run_id).looks
    if not file.is_file():
        return []
    found = []
    for line in file.read_bytes().splitlines():
        try:
            found.append(Look.model_validate_json(line))
        except ValidationError:
            continue
    return found


def unlock(paths: Paths, run_id: str, by: str = "") -> None:
    """Break the seal, or count one more look at what is open already.

    Raises:
        StoreError: if it cannot be written down. Then it stays sealed: no look goes uncounted.
    """
    file = paths.run(run_id).looks
    line = Look(when=datetime.now(UTC), by=by).model_dump_json() + "\n"
    try:
        # One short write at the end of the file: two people at once lose nothing.
        with file.open("ab", buffering=0) as end:
            end.write(line.encode())
    except OSError as error:
        raise StoreError(
            N_("The look cannot be counted in {file}: {error}."), file=str(file), error=str(error)
        ) from error
