"""What people say of a run: tags and a note, kept beside the record, which never changes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, ValidationError, field_validator

from core.errors import N_, RunError, StoreError
from core.paths import Paths, write_atomic
from core.records import run_paths

LONGEST_TAG = 40
MOST_TAGS = 20
LONGEST_NOTE = 2000


class Remarks(BaseModel, frozen=True):
    """``remarks.json``: short words to find a run by, and a sentence or two about it."""

    tags: Annotated[tuple[str, ...], Field(max_length=MOST_TAGS)] = ()
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""

    @field_validator("tags", mode="before")
    @classmethod
    def _tidy(cls, tags: object) -> object:
        """Each once, on one line, sorted; empty ones are none."""
        if not isinstance(tags, list | tuple):
            return tags
        words = {" ".join(str(tag).split())[:LONGEST_TAG] for tag in tags}
        return tuple(sorted(words - {""}, key=str.casefold))

    def with_tags(self, *, add: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> Remarks:
        """Raises RunError if these would be too many."""
        kept = [tag for tag in self.tags if tag not in drop]
        return make_remarks((*kept, *add), self.note)


def make_remarks(tags: tuple[str, ...], note: str) -> Remarks:
    """What a person has typed.

    Raises:
        RunError: if there are too many tags or the note is too long.
    """
    try:
        return Remarks(tags=tags, note=note.strip())
    except ValidationError as error:
        raise RunError(
            N_(
                "A run may have {tags} tags and a note of {length} characters: received "
                "{n} tags and {received} characters."
            ),
            tags=MOST_TAGS,
            length=LONGEST_NOTE,
            n=len(tags),
            received=len(note),
        ) from error


def read_remarks(paths: Paths, run_id: str) -> Remarks:
    """What has been said of a run; nothing if there is no such file.

    Raises:
        NotFoundError: if there is no such run.
        StoreError: if the file is damaged.
    """
    file = run_paths(paths, run_id).remarks
    try:
        return Remarks.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Remarks()
    except (OSError, ValidationError) as error:
        raise StoreError(
            N_("The tags and the note of run {run} in {file} cannot be read."),
            run=run_id,
            file=str(file),
        ) from error


def write_remarks(paths: Paths, run_id: str, remarks: Remarks) -> None:
    """Raises NotFoundError if there is no such run."""
    write_atomic(run_paths(paths, run_id).remarks, remarks.model_dump_json(indent=1))
