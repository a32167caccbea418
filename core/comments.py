"""What people have written about single images of a run: a file beside the run's own."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import filelock
from pydantic import BaseModel, TypeAdapter, ValidationError

from core.errors import N_, ConfigError, NotFoundError, StoreError, text
from core.paths import RunPaths, write_atomic
from core.records import now

LONGEST = 1000
"""Characters of a comment."""
LOCK_SECONDS = 10.0


class Comment(BaseModel, frozen=True):
    """On the image in ``row`` of a split of the run's dataset, by whom, and when."""

    split: str
    row: int
    text: str
    by: str = ""
    at: datetime


class Spot(NamedTuple):
    """Which image: a split of the run's dataset, and a row of it."""

    split: str
    row: int


_LIST = TypeAdapter(list[Comment])


def read_comments(files: RunPaths) -> dict[Spot, Comment]:
    """All comments of a run, the oldest first.

    Raises:
        StoreError: if the file is damaged.
    """
    try:
        found = _LIST.validate_json(files.comments.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        raise StoreError(
            N_("The comments in {file} cannot be read: expected a list of comments in JSON."),
            file=str(files.comments),
            remedy=text(N_("Mend the file or put it elsewhere; nothing has been overwritten.")),
        ) from error
    return {Spot(comment.split, comment.row): comment for comment in found}


def write_comment(files: RunPaths, spot: Spot, words: str, *, by: str) -> Comment | None:
    """Set the comment on an image in place of the one before; without words there is none.

    Several people may write at once: each change is made to what the others have left.

    Raises:
        NotFoundError: if the run has been deleted.
        ConfigError: if the text is longer than :data:`LONGEST`.
        StoreError: if the file is damaged, is locked by somebody for too long, or cannot be
            written; what was there stays.
    """
    words = words.strip()
    if len(words) > LONGEST:
        raise ConfigError(
            N_("A comment has at most {longest} characters, received {received}."),
            longest=LONGEST,
            received=len(words),
        )
    if not files.folder.is_dir():  # the lock would make it anew
        raise NotFoundError(N_("There is no run {received}."), received=files.folder.name)
    try:
        with filelock.FileLock(files.comments_lock, timeout=LOCK_SECONDS):
            comments = read_comments(files)
            comments.pop(spot, None)
            if words:
                comments[spot] = Comment(**spot._asdict(), text=words, by=by, at=now())
            write_atomic(files.comments, _LIST.dump_json(list(comments.values()), indent=1))
    except (OSError, filelock.Timeout) as error:
        raise StoreError(
            N_("The comment could not be written to {file}: {error}."),
            file=str(files.comments),
            error=str(error),
        ) from error
    return comments.get(spot)
