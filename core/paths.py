"""Every file name under ``artifacts/``, and the one way to replace a file."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from core.task_paths import InspectionPaths, TaskPaths


def write_atomic(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Replace ``path`` as a whole: a reader sees the old content or the new, never a part.

    ``durable`` syncs to the disk before the switch, so that a power cut leaves one of the two as
    well; what is rewritten several times a second does without.
    """
    payload = data.encode() if isinstance(data, str) else data
    # Of this thread alone: pages and the supervisor write in one process.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    with partial.open("wb") as file:
        file.write(payload)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    partial.replace(path)


def default_root() -> Path:
    """``LIENZO_ARTIFACTS``, or ``artifacts/`` beside the code."""
    return Path(os.environ.get("LIENZO_ARTIFACTS") or Path(__file__).parents[1] / "artifacts")


def _plain(fingerprint: str) -> str:
    """Run folders and datasets may be copied from anywhere: what they say is no path."""
    return re.sub(r"[^\w-]", "_", fingerprint)


@dataclass(frozen=True)
class CompetitionPaths(TaskPaths):
    """The files of one competition. Its labels are the result of the task ``solution``."""

    @property
    def record(self) -> Path:
        return self.folder / "competition.json"

    @property
    def request(self) -> Path:
        """What a competition shall be whose dataset is still being made."""
        return self.folder / "request.json"

    @property
    def solution(self) -> Path:
        return self.result("solution")

    @property
    def submissions(self) -> Path:
        """What was handed in, one line each, with all scores: nothing for a page."""
        return self.folder / "submissions.jsonl"

    @property
    def lock(self) -> Path:
        """Held while somebody hands in or the teacher changes something."""
        return self.folder / ".lock"


@dataclass(frozen=True)
class RunPaths:
    """The files of one run."""

    folder: Path

    @property
    def record(self) -> Path:
        return self.folder / "run.json"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def progress(self) -> Path:
        return self.folder / "progress.json"

    @property
    def steps(self) -> Path:
        return self.folder / "steps.json"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.npz"

    def features(self, split: str) -> Path:
        """What a frozen backbone makes of the images of a split, while it is frozen."""
        return self.folder / f"features-{split}.npy"

    @property
    def model(self) -> Path:
        return self.folder / "model.keras"

    @property
    def predictions(self) -> Path:
        return self.folder / "predictions.npz"

    @property
    def stacking(self) -> Path:
        """What an ensemble has learned about its members' answers."""
        return self.folder / "stacking.npz"

    @property
    def snapshots(self) -> Path:
        """The folder of the networks as they stood after single epochs: core/snapshots.py."""
        return self.folder / "snapshots"

    def snapshot(self, epoch: int) -> Path:
        """The weights after an epoch, from 1."""
        return self.snapshots / f"epoch-{epoch:05d}.npz"

    def snapshot_predictions(self, epoch: int) -> Path:
        """As :attr:`predictions`, of the network after that epoch."""
        return self.snapshots / f"predictions-{epoch:05d}.npz"

    @property
    def looks(self) -> Path:
        """Who has seen its test results, one line each: core/sealing.py."""
        return self.folder / "looks.jsonl"

    @property
    def watched(self) -> Path:
        """Confusion matrix and samples of the last validation: core/evaluation/watched.py."""
        return self.folder / "watched.npz"

    @property
    def start(self) -> Path:
        """The network that this run goes on from, if it goes on from another run."""
        return self.folder / "start.keras"

    @property
    def before(self) -> Path:
        """The epochs that had led to it, one line each."""
        return self.folder / "before.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def stop(self) -> Path:
        """Exists while somebody wants this run to stop."""
        return self.folder / "stop"

    @property
    def place(self) -> Path:
        """Where in the queue a person has moved this run."""
        return self.folder / "place.json"

    @property
    def remarks(self) -> Path:
        """Tags and a note: core/remarks.py."""
        return self.folder / "remarks.json"

    @property
    def inspection(self) -> InspectionPaths:
        """What was found out about its network once it had ended: :mod:`core.inspection`."""
        return InspectionPaths(self.folder / "inspection")

    @property
    def unlabelled(self) -> TaskPaths:
        """Its answers about images without a label: a task per dataset, named by fingerprint."""
        return TaskPaths(self.folder / "unlabelled")

    @property
    def comments(self) -> Path:
        """What people have written about single images."""
        return self.folder / "comments.json"

    @property
    def comments_lock(self) -> Path:
        """Held while one of them writes."""
        return self.folder / ".comments.lock"

    @property
    def tensorboard(self) -> Path:
        """The folder of its event files."""
        return self.folder / "tensorboard"

    @property
    def lock(self) -> Path:
        """Held by the process that trains the run, for as long as it lives."""
        return self.folder / ".lock"

    @property
    def scratch(self) -> Path:
        """The worker's temporary directory: what a kill leaves there is swept with it."""
        return self.folder / "tmp"


@dataclass(frozen=True)
class StudyPaths:
    """The files of one hyper-parameter search."""

    folder: Path

    @property
    def spec(self) -> Path:
        return self.folder / "study.json"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def changing(self) -> Path:
        """Held for a moment by whoever changes one of the two."""
        return self.folder / ".changing.lock"

    @property
    def conducting(self) -> Path:
        """Held by the process that conducts the study."""
        return self.folder / ".conducting.lock"

    @property
    def remaking(self) -> Path:
        """Held by whoever opens its trials, and puts lost ones into the database again."""
        return self.folder / ".remaking.lock"


@dataclass(frozen=True)
class DatasetPaths:
    """The files of one prepared dataset."""

    folder: Path

    @property
    def info(self) -> Path:
        return self.folder / "dataset.json"

    @property
    def report(self) -> Path:
        return self.folder / "report.json"

    @property
    def recipe(self) -> Path:
        """How a derived dataset was made, row by row where rows were named."""
        return self.folder / "recipe.json"

    @property
    def dropped(self) -> Path:
        """What a derived dataset left out, a line for every image."""
        return self.folder / "dropped.csv"

    @property
    def relabelled(self) -> Path:
        """Which images of a derived dataset were given another class, a line for every one."""
        return self.folder / "relabelled.csv"

    @property
    def repairs(self) -> Path:
        """The names of all repaired pictures: too many to be read with the report."""
        return self.folder / "repairs.json"

    @property
    def submission(self) -> Path:
        """The form of the file that a competition expects, if there is one."""
        return self.folder / "submission.json"

    def images(self, split: str) -> Path:
        return self.folder / f"{split}-images.npy"

    def labels(self, split: str) -> Path:
        return self.folder / f"{split}-labels.npy"

    def names(self, split: str) -> Path:
        return self.folder / f"{split}-names.json"


@dataclass(frozen=True)
class Paths:
    """The layout of one ``artifacts/`` directory."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "lienzo.db"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def studies(self) -> Path:
        return self.root / "studies"

    @property
    def imports(self) -> Path:
        """Uploads waiting to be prepared, and datasets half prepared."""
        return self.root / "cache" / "imports"

    def retired(self, fingerprint: str) -> DatasetPaths:
        """What runs still show of a dataset that was deleted."""
        return DatasetPaths(self.root / "retired" / _plain(fingerprint))

    def decisions(self, fingerprint: str) -> Path:
        """What people have decided about single labels of a dataset."""
        return self.root / "decisions" / f"{_plain(fingerprint)}.jsonl"

    def duplicates(self, fingerprint: str) -> Path:
        """Which rows of a dataset hold the same pixels."""
        return self.root / "cache" / "duplicates" / f"{_plain(fingerprint)}.npz"

    @property
    def analyses(self) -> Path:
        return self.root / "cache" / "analysis"

    def inspection_lock(self, purpose: str) -> Path:
        """Held while an inspection of a run is started (``start``), and while one works
        (``turn``)."""
        return self.root / "cache" / f"inspection.{purpose}.lock"

    @property
    def competitions(self) -> Path:
        return self.root / "competitions"

    def competition(self, competition_id: str) -> CompetitionPaths:
        return CompetitionPaths(self.competitions / competition_id)

    @property
    def collected(self) -> Path:
        """Pictures taken with a webcam that are no dataset yet."""
        return self.root / "cache" / "collected"

    def soup(self, key: str) -> TaskPaths:
        """Networks whose weights are being averaged."""
        return TaskPaths(self.root / "cache" / "soups" / _plain(key))

    @property
    def tried(self) -> Path:
        """Zips that somebody wants judged, and what was said of their pictures; for a day."""
        return self.root / "cache" / "tried"

    @property
    def names(self) -> Path:
        return self.root / "cache" / "names"

    def name_of(self, browser: str) -> Path:
        """What the person at a browser wants to be called."""
        return self.names / _plain(browser)

    @property
    def runner_lock(self) -> Path:
        return self.root / "runner.lock"

    @property
    def index_lock(self) -> Path:
        return self.root / "cache" / "index.lock"

    @property
    def lab_id(self) -> Path:
        return self.root / "lab_id"

    def run(self, run_id: str) -> RunPaths:
        return RunPaths(self.runs / run_id)

    def study(self, study_id: str) -> StudyPaths:
        return StudyPaths(self.studies / study_id)

    def dataset(self, name: str) -> DatasetPaths:
        return DatasetPaths(self.datasets / name)

    def analysis(self, key: str) -> TaskPaths:
        return TaskPaths(self.analyses / key)

    def create(self) -> Paths:
        for folder in (self.runs, self.datasets, self.imports):
            folder.mkdir(parents=True, exist_ok=True)
        return self
