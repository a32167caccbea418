"""From an exception in a training to a sentence and a remedy."""

from __future__ import annotations

import errno

from core.config import RunConfig
from core.errors import N_, LabError, text
from core.records import Failure

TOO_LONG = N_("The steps were too long: try a learning rate of {rate}.")
"""What to do about a loss that is no longer a number."""
_MEMORY_WORDS = (
    "resource_exhausted",
    "resourceexhausted",
    "out of memory",
    "oom when",
    "bad_alloc",
)


def explain(error: BaseException, config: RunConfig) -> Failure:
    """What the user is told; the traceback is in the log."""
    if isinstance(error, LabError):
        return Failure(what=error.text, remedy=error.remedy)
    if is_out_of_memory(error):
        return out_of_memory(config)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(
            what=text(N_("The disk is full.")),
            remedy=text(N_("Delete runs or datasets that are no longer needed, and start again.")),
        )
    return Failure(
        what=text(N_("Unexpected error: {error}."), error=f"{type(error).__name__}: {error}"[:400]),
        remedy=text(N_("The log of the run says more.")),
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Backends have no common class for it: the words of their messages must do."""
    said = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(word in said for word in _MEMORY_WORDS)


def out_of_memory(config: RunConfig) -> Failure:
    batch = config.train.batch_size
    if batch <= 8:
        remedy = text(N_("Try a smaller network or smaller images."))
    else:
        remedy = text(
            N_("Try a batch size of {smaller} instead of {batch}, or a smaller network."),
            smaller=batch // 2,
            batch=batch,
        )
    return Failure(what=text(N_("There was not enough memory.")), remedy=remedy)
