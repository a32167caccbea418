"""The files of a long task, in a folder about a dataset or a run: part of :mod:`core.paths`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TaskPaths:
    """What has been found out about a dataset or run: per task its result, and the files of its
    process."""

    folder: Path

    def result(self, task: str) -> Path:
        return self.folder / f"{task}.npz"

    def process(self, task: str) -> Path:
        return self.folder / f"{task}.process.json"

    def progress(self, task: str) -> Path:
        return self.folder / f"{task}.progress.json"

    def cancel(self, task: str) -> Path:
        """Exists while somebody wants the task to end."""
        return self.folder / f"{task}.cancel"

    def log(self, task: str) -> Path:
        return self.folder / f"{task}.log"


@dataclass(frozen=True)
class InspectionPaths(TaskPaths):
    """What was found out about one run's network."""

    def features(self, split: str) -> Path:
        """What its last hidden layer makes of the images of a split."""
        return self.folder / f"features-{split}.npy"

    @property
    def varied(self) -> Path:
        """As :attr:`RunPaths.predictions`, the mean over several versions of every image."""
        return self.result("varied")

    @property
    def train_predictions(self) -> Path:
        """As :attr:`RunPaths.predictions`, for training images."""
        return self.folder / "train-predictions.npz"
