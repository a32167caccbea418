"""From an exception in a training to a sentence and a remedy."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from core.config import RunConfig
from core.errors import N_, LabError, text
from core.records import Failure

TOO_LONG = N_("The steps were too long: try a learning rate of {rate}.")
"""What to do about a loss that is no longer a number."""
_MEMORY_WORDS = (
    "resource_exhausted",  # JAX: XlaRuntimeError
    "resourceexhausted",  # TensorFlow
    "out of memory",  # CUDA, whoever calls it
    "outofmemory",  # torch.OutOfMemoryError
    "oom when",
    "bad_alloc",
    "alloc_failed",  # cuDNN, cuBLAS
    "can't allocate memory",  # PyTorch on a CPU
    "cannot allocate memory",  # the system
)
_LOG_TAIL_BYTES = 20_000
_OFTEN_MEMORY = (-6, -7, -9, -11)
"""Abort, bus error, kill, segmentation fault: seen where TensorFlow was given too little memory
(by a limit just above what it held: a clean error in most tries, -6 and -11 in others)."""
SMALLEST_BATCH = 8
"""A batch that is not made smaller any more."""


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
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return is_memory_talk(f"{type(error).__name__} {error}")


def out_of_memory(config: RunConfig) -> Failure:
    batch, smaller = config.train.batch_size, smaller_batch(config)
    if smaller is None:
        remedy = text(N_("Try a smaller network or smaller images."))
    else:
        remedy = text(
            N_("Try a batch size of {smaller} instead of {batch}, or a smaller network."),
            smaller=smaller,
            batch=batch,
        )
    what = text(N_("There was not enough memory."))
    return Failure(what=what, remedy=remedy, smaller_batch=smaller)


def smaller_batch(config: RunConfig) -> int | None:
    """Half the batch; None where the images of a batch can hardly be what fills the memory."""
    batch = config.train.batch_size
    return batch // 2 if batch > SMALLEST_BATCH else None


def explain_death(
    exit_code: int | None, log: Path, config: RunConfig, *, since: int = 0
) -> Failure:
    """Of a worker that left no last word: its exit code and its log are all that is known.

    What stands before the byte ``since`` was said in former lives of the run.

    Where memory cannot be had, libraries below Python end the process themselves.
    """
    if exit_code != 0 and is_memory_talk(_tail(log, since)):
        return out_of_memory(config)
    what = text(
        N_("The process of this training ended unexpectedly (exit code {code})."),
        code=exit_code if exit_code is not None else "?",
    )
    if exit_code in _OFTEN_MEMORY:
        remedy = text(
            N_(
                "Resume it; if it happens again, the machine may be short of memory: "
                "try a smaller batch."
            )
        )
        return Failure(what=what, remedy=remedy, smaller_batch=smaller_batch(config))
    return Failure(what=what, remedy=text(N_("Resume it; if it happens again, the log says more.")))


def is_memory_talk(said: str) -> bool:
    """Whether these words of a library are about memory that could not be had."""
    return any(word in said.lower() for word in _MEMORY_WORDS)


def _tail(log: Path, since: int) -> str:
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since, size - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
