"""A finished run's network at work on new pictures, or the networks that it is made of."""

from __future__ import annotations

import functools
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from core.alive import come_on
from core.ensembles.making import answer
from core.errors import N_, RunError
from core.evaluating import EVAL_BATCH, softmax
from core.evaluation.varying import average_over, variants
from core.networks import members_of, network_version
from core.parts import Member
from core.paths import Paths
from core.records import RunRecord, read_record, run_paths
from core.snapshots import load_snapshot

KEPT_MODELS = 4
"""Models that stay in memory whatever their size; a class mostly looks at a few."""
KEPT_PARAMETERS = 50_000_000
"""More models stay as long as they have no more parameters in all (200 MB): those of an ensemble
are asked one after the other, again and again."""
MOST_MODELS = 32


def load_model(paths: Paths, run_id: str) -> keras.Model:
    """The saved model of a run.

    Raises:
        NotFoundError: if there is no such run.
        RunError: if the run has saved no model (it failed, is still training, or is made of other
            runs).
    """
    return network_of(paths, Member(run=run_id))


def network_of(paths: Paths, member: Member) -> keras.Model:
    """The network of a member; raises as :func:`load_model`."""
    files = run_paths(paths, member.run)
    if not files.model.is_file() and read_record(paths, member.run).is_composed:
        raise RunError(
            N_("Run {run} has no network of its own: it asks those of other runs."), run=member.run
        )
    try:
        if member.snapshot is None:
            return _KEPT.model(_Name(files.model, files.model.stat().st_mtime_ns))
        snapshot = files.snapshot(member.snapshot)
        name = _Name(files.model, files.model.stat().st_mtime_ns, snapshot)
        return _KEPT.model(name._replace(snapshot_version=snapshot.stat().st_mtime_ns))
    except FileNotFoundError:
        raise RunError(
            N_("Run {run} has no model: it has not finished an epoch."), run=member.run
        ) from None


class _Name(NamedTuple):
    """A network on the disk."""

    file: Path
    version: int
    snapshot: Path | None = None
    snapshot_version: int = 0


class _Kept:
    """The models that were asked for last."""

    def __init__(self) -> None:
        self._models: OrderedDict[_Name, keras.Model] = OrderedDict()

    def model(self, name: _Name) -> keras.Model:
        if name not in self._models:
            self._models[name] = _loaded(name)
        self._models.move_to_end(name)
        while self._too_many():
            self._models.popitem(last=False)
        return self._models[name]

    def _too_many(self) -> bool:
        if len(self._models) <= KEPT_MODELS:
            return False
        parameters = sum(int(model.count_params()) for model in self._models.values())
        return len(self._models) > MOST_MODELS or parameters > KEPT_PARAMETERS


_KEPT = _Kept()


def _loaded(name: _Name) -> keras.Model:
    # Our own files, written by core.training; no Lambda layers, no code inside.
    model = keras.saving.load_model(name.file, compile=False, safe_mode=True)
    if name.snapshot is not None:
        model.set_weights(load_snapshot(name.snapshot))
    return model


def predict(
    paths: Paths, run_id: str, images: npt.NDArray[np.uint8], varied: bool = False
) -> npt.NDArray[np.float32]:
    """Probabilities (n, classes) for pictures (n, h, w, c) uint8 of the run's image shape; of a
    run that is made of others, what they say together.

    ``varied``: the mean over the versions of every picture that the run's augmentation allows
    (:mod:`core.evaluation.varying`).

    Raises:
        NotFoundError, RunError: as :func:`load_model`, or if a member is gone.
        StoreError: if what an ensemble has learned is damaged.
    """
    record = read_record(paths, run_id)
    if not record.is_composed:
        return _asked(paths, Member(run=run_id, varied=varied), images)
    network_version(paths, record)  # says which member is gone, if one is
    return _together(paths, record, images, varied)


def _together(
    paths: Paths, record: RunRecord, images: npt.NDArray[np.uint8], varied: bool
) -> npt.NDArray[np.float32]:
    assert record.composition is not None
    asked = [m.model_copy(update={"varied": m.varied or varied}) for m in members_of(record)]
    proba = np.stack([_asked(paths, member, images) for member in asked])
    return answer(paths.run(record.id), record.composition, proba)


def _asked(paths: Paths, member: Member, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    model = network_of(paths, member)
    if not member.varied:
        return _proba(model, images)
    versions = variants(read_record(paths, member.run).config.augment, images.shape[1:3])
    return average_over(images, versions, functools.partial(_proba, model))


def _proba(model: keras.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    logits = []
    for start in range(0, len(images), EVAL_BATCH):
        batch = images[start : start + EVAL_BATCH]
        logits.append(keras.ops.convert_to_numpy(model(batch, training=False)))
        come_on()
    return softmax(np.concatenate(logits))
