"""The server's side of :mod:`core.compute`: ask, wait, get an answer; restart what has died."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from core.asking.items import Item
from core.asking.judging import Taker, Verdict
from core.config import AugmentConfig, ModelConfig
from core.errors import N_, LabError, RunError, Text
from core.fair import FairLock
from core.jobs.workers import ROOT, worker_environment
from core.paths import Paths

TIMEOUT_SECONDS = 60.0
AT_ONCE = 4
"""Pictures of one request. Others wait for the same process, and a large network takes a second
for each."""
TOGETHER = ("occlusion",)
"""Methods that find the heat maps of several classes for the price of one."""
Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
HeatMap = tuple[Floats, float | None, float | None, tuple[int, int] | None]
"""(heat (h, w), total, difference, grid): see :class:`core.explain.Heat`."""


class RemoteError(LabError):
    """A :class:`LabError` that was raised in the other process."""

    def __init__(self, text: Text, remedy: Text | None) -> None:
        super().__init__(text.msgid, remedy=remedy, **text.params)


class ComputeService:
    """One process with Keras in it, for all sessions; requests take turns."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._lock = FairLock()
        self._process: subprocess.Popen[bytes] | None = None
        self.ready = False
        """Whether Keras has been loaded: until then an answer takes some seconds."""

    def warm_up(self) -> None:
        """Have Keras loaded before somebody waits for it; returns at once."""
        threading.Thread(target=self.ask, args=("ready",), daemon=True).start()

    def layer_table(
        self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int
    ) -> list[tuple[str, str, tuple[int, ...], int, int]]:
        """(name, kind, output shape, parameters, multiply-adds per image) of every layer.

        Raises:
            ConfigError: if the network does not fit the images.
        """
        table: list[tuple[str, str, tuple[int, ...], int, int]] = self.ask(
            "layer_table", config, image_shape, classes
        )
        return table

    def apply_augmentation(
        self,
        config: AugmentConfig,
        images: npt.NDArray[np.uint8],
        shares: npt.NDArray[np.float32],
        seed: int,
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """See :func:`core.augment.apply_augmentation`."""
        changed: tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]] = self.ask(
            "apply_augmentation", config, images, shares, seed
        )
        return changed

    def find_label_issues(
        self, y_true: npt.NDArray[np.int32], proba: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """See :func:`core.evaluation.labels.find_issues`."""
        found: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]] = self.ask(
            "find_label_issues", y_true, proba
        )
        return found

    def predict(
        self, run_id: str, images: npt.NDArray[np.uint8], varied: bool = False
    ) -> npt.NDArray[np.float32]:
        """See :func:`core.prediction.predict`; between portions others have their turn."""
        # Each of many versions is a picture more.
        size = 1 if varied else AT_ONCE
        starts = range(0, len(images), size) or (0,)
        portions = (images[start : start + size] for start in starts)
        return np.concatenate([self.ask("predict", run_id, part, varied) for part in portions])

    def judge(self, items: Sequence[Item], takers: Sequence[Taker], varied: bool) -> list[Verdict]:
        """See :func:`core.asking.judging.judge`: one portion, the first of ``items``."""
        verdicts: list[Verdict] = self.ask("judge", list(items), tuple(takers), varied)
        return verdicts

    def features(self, run_id: str, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See :func:`core.inspection.asking.features_of`."""
        vectors: npt.NDArray[np.float32] = self.ask("features", run_id, images)
        return vectors

    def judge_unknown(
        self, run_id: str, images: npt.NDArray[np.uint8]
    ) -> tuple[npt.NDArray[np.float32], float]:
        """See :func:`core.inspection.asking.judge_unknown`."""
        judged: tuple[npt.NDArray[np.float32], float] = self.ask("judge_unknown", run_id, images)
        return judged

    def heat_maps(
        self, run_id: str, image: Pixels, method: str, labels: Sequence[int]
    ) -> list[HeatMap]:
        """See :func:`core.explain.heat_maps_of_run`."""
        portions = [tuple(labels)] if method in TOGETHER else [(label,) for label in labels]
        maps: list[HeatMap] = []
        for portion in portions:
            maps += self.ask("heat_maps", run_id, image, method, portion)
        return maps

    def attack(self, run_id: str, image: Pixels, label: int) -> tuple[Pixels, Floats]:
        """See :func:`core.explain.attack_on_run`."""
        found: tuple[Pixels, Floats] = self.ask("attack", run_id, image, label)
        return found

    def layers(self, run_id: str) -> list[tuple[str, str, int, int, int]]:
        """See :func:`core.explain.layers_of_run`."""
        found: list[tuple[str, str, int, int, int]] = self.ask("layers", run_id)
        return found

    def activations(
        self, run_id: str, image: Pixels, layer: str
    ) -> tuple[Pixels, npt.NDArray[np.int64], Floats]:
        """See :func:`core.explain.activations_of_run`."""
        found: tuple[Pixels, npt.NDArray[np.int64], Floats] = self.ask(
            "activations", run_id, image, layer
        )
        return found

    def filters(self, run_id: str) -> tuple[str, Pixels]:
        """See :func:`core.explain.filters_of_run`."""
        found: tuple[str, Pixels] = self.ask("filters", run_id)
        return found

    def importance(self, study_id: str) -> list[tuple[str, float]]:
        """See :func:`core.search.results.importance`."""
        found: list[tuple[str, float]] = self.ask("importance", study_id)
        return found

    def ask(self, name: str, *arguments: Any) -> Any:
        """Have one operation done.

        Raises:
            LabError: what the operation raised.
            RunError: if the process died or took longer than :data:`TIMEOUT_SECONDS`; the next
                request finds a new one.
        """
        with self._lock:
            process = self._ready()
            watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
            watchdog.start()
            try:
                status, value = _exchange(process, (name, arguments))
            except (EOFError, BrokenPipeError, pickle.UnpicklingError):
                process.kill()
                process.wait()
                raise RunError(
                    N_("The computing process ended or took too long; please try again.")
                ) from None
            finally:
                watchdog.cancel()
            self.ready = True
        if status == "error":
            raise RemoteError(*value)
        if status == "crash":
            raise RunError(N_("Unexpected error: {error}."), error=value)
        return value

    def close(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            with (self._paths.root / "cache" / "compute.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "core.compute", str(self._paths.root.absolute())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=ROOT,
                    # The GPU belongs to the trainings; one picture is quick without it.
                    env=worker_environment("-1"),
                    start_new_session=True,
                )
        return self._process


def _exchange(process: subprocess.Popen[bytes], request: object) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    # As a whole: a request that cannot be pickled must not leave half of it in the pipe.
    process.stdin.write(pickle.dumps(request))
    process.stdin.flush()
    return pickle.load(process.stdout)  # noqa: S301 - our own child process
