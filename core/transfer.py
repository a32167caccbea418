"""Transfer learning in two stages: the new head alone, then the backbone with it.

Most trainings have one stage; for them a :class:`Course` changes nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from core.callbacks import PROGRESS_SECONDS, Halted
from core.checkpoint import Array, TrainingState
from core.config import RunConfig, TransferConfig
from core.datasets.dataset import Dataset
from core.feeding import Batches
from core.judging import patient_again
from core.models.transfer import FEATURES, set_frozen, settle_quickly
from core.models.weights import find_weights, load_pretrained
from core.paths import RunPaths
from core.precision import precision
from core.records import Progress, write_progress
from core.signals import StopSignal
from core.stages import keeps_features, stage_config, stages_of
from core.trainer import Trainer, build_network, compile_model
from core.watching import Watcher, Watching

FEATURE_BATCH = 64
Told = Callable[[int, int], None]
"""Hears how many megabytes of some so many have been downloaded; from another thread."""


class Course:
    """The stages of one training, one after the other.

    ``model`` is what is trained at present: with a frozen backbone and unchanging images only the
    head, on features that are computed once; ``config`` are the settings of the present stage.
    """

    def __init__(
        self,
        trainer: Trainer,
        config: RunConfig,
        files: RunPaths,
        images: int,
        watching: Watching | None = None,
    ) -> None:
        """``trainer`` is not compiled yet; an epoch has so many ``images`` before any limit."""
        self._whole, self._base = trainer
        self._watching = watching
        self._watcher: Watcher | None = None
        self._config = config
        self._files = files
        self._images = images
        self._stages = stages_of(config)
        self._extract: keras.Model | None = None
        self.model, self.config, self.stage = self._whole, config, self._stages[0]

    def begin(self, saved: TrainingState | None) -> None:
        """Enter the stage that a checkpoint was made in, or the first.

        Raises:
            RunError: if the pretrained weights cannot be had.
        """
        names = [stage.name for stage in self._stages]
        self.stage = self._stages[names.index(saved.stage) if saved else 0]
        if isinstance(self._config.model, TransferConfig):
            settle_quickly(self._base)
        # A checkpoint of the head alone holds no backbone.
        if saved is None or self.stage.name == "frozen":
            self._load_first_weights()
        history = saved.history if saved else []
        self._enter(sum(epoch.stage != self.stage.name for epoch in history))

    def _load_first_weights(self) -> None:
        model = self._config.model
        if self._files.start.is_file():
            # Our own file; no Lambda layers, no code inside.
            kept = keras.saving.load_model(self._files.start, compile=False, safe_mode=True)
            self._base.set_weights(kept.get_weights())
        elif isinstance(model, TransferConfig) and model.pretrained:
            with _told(model, self._tell_download):
                load_pretrained(self._base, model)

    def _tell_download(self, done: int, whole: int) -> None:
        told = Progress(phase="downloading", epochs=self._config.train.epochs)
        write_progress(self._files, told.model_copy(update={"step": done, "steps": whole}))

    @property
    def base(self) -> keras.Model:
        """The network that is kept, whichever part of it is trained at present."""
        return self._base

    def watchers(self) -> list[keras.callbacks.Callback]:
        """Who writes down what the network of this stage says about validation images."""
        if self._watching is None or self._watcher is None:
            return []
        return [self._watching.callback(self._files, self._watcher)]

    def advance(self, state: TrainingState) -> list[Array] | None:
        """Go on to the next stage, with patience anew; None if there is no other.

        Returns:
            The weights to come back to if the next stage makes nothing better.
        """
        if self.stage == self._stages[-1]:
            return None
        self.stage = self._stages[self._stages.index(self.stage) + 1]
        self._enter(state.epoch)
        forget_features(self._files)
        state.stage, state.complete = self.stage.name, False
        state.judges = patient_again(state.judges)
        return list(self.model.get_weights()) if self._config.train.restore_best else []

    def feed(self, batches: Batches, name: str, signal: StopSignal) -> Batches:
        """The batches that ``model`` takes: images as they are, or their features.

        Raises:
            Halted: if somebody wants the run to stop meanwhile.
        """
        if self._extract is None:
            return batches
        file = self._files.features(name)
        if not file.is_file():
            told = Progress(phase="features", epochs=self._config.train.epochs)
            with _partial(file) as partial:
                _compute(self._extract, batches, partial, _Teller(self._files, told, signal))
        return batches.over(np.load(file, mmap_mode="r"))

    def _enter(self, before: int) -> None:
        """Make ready for a stage that begins when so many epochs are over."""
        self.config = stage_config(self._config, self.stage)
        model = self._config.model
        if isinstance(model, TransferConfig):
            set_frozen(self._base, model, frozen=self.stage.name == "frozen")
        cached = keeps_features(self._config, self.stage)
        with precision(self._config):
            self._extract = _extractor(self._base) if cached else None
            in_use = _head(self._base) if cached else self._whole
            epochs = self.stage.until - before
            self._watcher = self._watching.metric() if self._watching else None
            more = [self._watcher] if self._watcher else []
            self.model = compile_model(in_use, self.config, self._images, epochs, more)


def build_trainer(
    config: RunConfig, dataset: Dataset, *, stage: int = 0, tell: Told | None = None
) -> Trainer:
    """A network as it is trained on images at the beginning of a stage, for whoever tries it out.

    Only in the first stage pretrained weights are loaded; ``tell`` hears of their download.

    Raises:
        ConfigError: if the architecture does not fit the images.
        RunError: if the pretrained weights cannot be had.
    """
    whole, base = build_network(config, dataset)
    stages, model = stages_of(config), config.model
    wanted, before = stages[stage], 0 if stages[stage] == stages[0] else stages[0].until
    if isinstance(model, TransferConfig):
        settle_quickly(base)
        if model.pretrained and not before:
            with _told(model, tell or _silently):
                load_pretrained(base, model)
        set_frozen(base, model, frozen=wanted.name == "frozen")
    with precision(config):
        used, images = stage_config(config, wanted), dataset.info.splits["train"]
        return Trainer(compile_model(whole, used, images, wanted.until - before), base)


def forget_features(files: RunPaths) -> None:
    """Remove the features of a run; nothing reads them once the backbone learns."""
    for file in files.folder.glob(files.features("*").name):
        file.unlink()


def _extractor(base: keras.Model) -> keras.Model:
    return keras.Model(base.input, base.get_layer(FEATURES).output, name="backbone")


def _head(base: keras.Model) -> keras.Model:
    """The layers behind the features as a network of their own, sharing their weights."""
    names = [layer.name for layer in base.layers]
    place = names.index(FEATURES)
    features = x = keras.Input(base.layers[place].output.shape[1:], name="head_input")
    for layer in base.layers[place + 1 :]:
        x = layer(x)
    return keras.Model(features, x, name="head")


class _Teller(NamedTuple):
    """Where to say how far the features are, and where to hear that they are not wanted."""

    files: RunPaths
    progress: Progress
    signal: StopSignal


def _compute(extract: keras.Model, batches: Batches, file: Path, teller: _Teller) -> None:
    """Write the features (n, c) float32 of all rows of ``batches``, in their own order."""
    images = batches.in_order(FEATURE_BATCH)
    shape = (len(images.rows), int(extract.output.shape[-1]))
    features = np.lib.format.open_memmap(file, "w+", np.float32, shape)
    begin, told = time.monotonic(), 0.0
    for index in range(len(images)):
        if teller.signal.reason:
            raise Halted(teller.signal.reason)
        place = index * FEATURE_BATCH
        features[place : place + FEATURE_BATCH] = extract.predict_on_batch(images[index][0])
        now = time.monotonic()
        if now - told >= PROGRESS_SECONDS:
            left = (now - begin) / (index + 1) * (len(images) - index - 1)
            changes = {"step": index + 1, "steps": len(images), "eta_seconds": left}
            write_progress(teller.files, teller.progress.model_copy(update=changes))
            told = now
    features.flush()


@contextmanager
def _partial(file: Path) -> Iterator[Path]:
    """A name to write under; the file is there as a whole or not at all."""
    partial = file.with_name(f".{file.name}.tmp")
    yield partial
    partial.replace(file)


def _silently(_done: int, _whole: int) -> None:
    """Nobody waits for a word."""


@contextmanager
def _told(model: TransferConfig, tell: Told) -> Iterator[None]:
    """Tell how much of the weights has been downloaded, as far as they have to be."""
    if find_weights(model) is not None:
        yield
        return
    done = threading.Event()
    # Four bytes per parameter; the file's own size is known to the far end only.
    whole = max(1, model.row.parameters // 250_000)
    thread = threading.Thread(target=_watch, args=(tell, whole, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _watch(tell: Told, whole: int, done: threading.Event) -> None:
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    begin = time.time()
    while not done.wait(0.5):
        sizes = [
            stat.st_size
            for part in folder.glob("*/*")
            if (stat := part.stat()).st_mtime >= begin and part.is_file()
        ]
        tell(min(max(sizes, default=0) // 1_000_000, whole), whole)
