"""A quick look at a source before it is imported: how large its pictures are, and a few of them.

Strangers' bytes are decoded in a process of its own (:mod:`core.datasets.preview`) that has little
time and is gone afterwards: nothing in a file can block or endanger the server.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from core.errors import N_, LabError, Text, text
from core.paths import Paths

TIMEOUT_SECONDS = 20.0
SAMPLE_SIDE = 320
"""The longer side of the sample's pictures in pixels, at most."""
SAMPLE_PICTURES = 4
# What reading the output of a process that died half-way may raise.
_NO_SAMPLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
_ROOT = Path(__file__).resolve().parents[2]


class Facts(BaseModel, frozen=True):
    """What was found; ``height`` and ``width`` are the medians in pixels."""

    pictures: int = 0
    unlabelled: int = 0
    classes: list[str] = []
    given: bool = False
    """Whether the source says which split the pictures belong to."""
    height: int = 0
    width: int = 0
    grey: bool = False
    groups: int = 0
    """Superclasses that could be learned instead of the classes."""
    problem: Text | None = None
    """Why it cannot be imported; then nothing else is known."""


class SourceSample(NamedTuple):
    """``facts``, and some pictures uint8 (h, w, 3) of different classes, in their proportions."""

    facts: Facts
    pictures: Sequence[NDArray[np.uint8]]


def sample_source(
    paths: Paths,
    file: Path,
    called: str | None = None,
    background: str = "white",
    seconds: float = TIMEOUT_SECONDS,
) -> SourceSample:
    """Look at the file or folder ``file``, which people know as ``called``.

    Whatever is wrong with it is the ``problem`` of the facts: a sample is no reason to fail.
    """
    paths.create()
    # Here and not in the process, which may be killed before it can clear up. Called so that what
    # a killed server leaves is swept by the next import.
    with tempfile.TemporaryDirectory(prefix=".staging-sample-", dir=paths.imports) as scratch:
        command = [sys.executable, "-m", "core.datasets.preview", str(file.resolve()), scratch]
        command += [called or "", background]
        try:
            done = subprocess.run(
                command,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=True,
            )
            return unpacked(done.stdout)
        except (subprocess.SubprocessError, *_NO_SAMPLE) as error:
            return _nothing(error)


def _nothing(error: Exception) -> SourceSample:
    problem = text(N_("A preview could not be made ({error})."), error=type(error).__name__)
    if isinstance(error, subprocess.TimeoutExpired):
        problem = text(
            N_("There is no preview: looking at the file took more than {seconds} s."),
            seconds=round(error.timeout),
        )
    return SourceSample(Facts(problem=problem), [])


def failed(error: LabError) -> SourceSample:
    """The sample of a source that cannot be imported."""
    return SourceSample(Facts(problem=error.text), [])


def packed(sample: SourceSample) -> bytes:
    """For the way from one process to the other."""
    out = io.BytesIO()
    arrays = {f"picture{i}": picture for i, picture in enumerate(sample.pictures)}
    facts = np.frombuffer(sample.facts.model_dump_json().encode(), np.uint8)
    np.savez(out, facts=facts, allow_pickle=False, **arrays)
    return out.getvalue()


def unpacked(data: bytes) -> SourceSample:
    """The reverse of :func:`packed`; ValueError if it is something else."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        try:
            facts = Facts.model_validate_json(arrays["facts"].tobytes())
        except ValidationError as error:
            raise ValueError("no facts") from error
        names = sorted(name for name in arrays.files if name.startswith("picture"))
        return SourceSample(facts, [arrays[name] for name in names])
