"""What the tabs of the dialog about one picture ask the computing process, each thing once."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.config import AugmentConfig
from core.errors import N_, RunError
from core.networks import network_version
from core.records import enough_names
from ui.closer_subject import Subject
from ui.digest import digest
from ui.names import class_names
from ui.state import get_lab

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Asked(NamedTuple):
    """A picture and a network, by name: equal ones have equal answers.

    ``version`` is when the network's file was written: a run that is resumed writes another.
    """

    run_id: str
    version: int
    picture: str


class HeatMap(NamedTuple):
    """See :class:`core.explain.Heat`."""

    heat: Floats
    total: float | None
    difference: float | None
    grid: tuple[int, int] | None


class Activations(NamedTuple):
    """See :class:`core.explain.inside.Activations`."""

    maps: Pixels
    channels: NDArray[np.int64]
    means: Floats


class Layer(NamedTuple):
    """A layer with maps of ``height`` × ``width``."""

    name: str
    kind: str
    height: int
    width: int
    channels: int


def names_of(subject: Subject) -> tuple[str, ...]:
    """The classes as they are shown, by number where a folder from elsewhere names too few."""
    return enough_names(class_names(subject.record), len(subject.proba))


def tone_of(subject: Subject, label: int) -> Literal["good", "bad"] | None:
    """Whether a class would be the right answer, as galleries mark it."""
    if subject.truth is None:
        return None
    return "good" if label == subject.truth else "bad"


def _asked(subject: Subject) -> Asked:
    """Raises RunError if a network's file is gone."""
    if subject.record.is_composed:
        version = network_version(get_lab().paths, subject.record)
        return Asked(subject.record.id, version, digest(subject.pixels))
    try:
        version = get_lab().paths.run(subject.record.id).model.stat().st_mtime_ns
    except FileNotFoundError:
        raise RunError(
            N_("Nothing can be asked of run {run}: its network is not there (any more)."),
            run=subject.record.id,
        ) from None
    return Asked(subject.record.id, version, digest(subject.pixels))


def proba_of(subject: Subject) -> Floats:
    """What the network says (classes,) of the picture, if it is another one than it was asked
    about; all these functions raise LabError, and say why."""
    return _proba_of(_asked(subject), subject.pixels)


@st.cache_data(show_spinner=False, max_entries=500)
def _proba_of(asked: Asked, _image: Pixels) -> Floats:
    found: Floats = get_lab().compute.predict(asked.run_id, _image[None])[0]
    return found


def heat_maps(subject: Subject, method: str, labels: tuple[int, ...]) -> list[HeatMap]:
    """The heat maps of some classes."""
    return [HeatMap(*one) for one in _heat_maps(_asked(subject), method, labels, subject.pixels)]


@st.cache_data(show_spinner=False, max_entries=100)
def _heat_maps(
    asked: Asked, method: str, labels: tuple[int, ...], _image: Pixels
) -> list[tuple[Floats, float | None, float | None, tuple[int, int] | None]]:
    return get_lab().compute.heat_maps(asked.run_id, _image, method, labels)


def attack(subject: Subject, label: int) -> tuple[Pixels, Floats]:
    """The picture changed by 0, 1, … grey levels against a class, and the probabilities of each."""
    return _attack(_asked(subject), label, subject.pixels)


@st.cache_data(show_spinner=False, max_entries=50)
def _attack(asked: Asked, label: int, _image: Pixels) -> tuple[Pixels, Floats]:
    return get_lab().compute.attack(asked.run_id, _image, label)


def layers(subject: Subject) -> list[Layer]:
    """The layers of the network that still have maps."""
    return [Layer(*row) for row in _layers(*_asked(subject)[:2])]


@st.cache_data(show_spinner=False, max_entries=50)
def _layers(run_id: str, version: int) -> list[tuple[str, str, int, int, int]]:
    return get_lab().compute.layers(run_id)


def activations(subject: Subject, layer: str) -> Activations:
    """The strongest maps of a layer."""
    return Activations(*_activations(_asked(subject), layer, subject.pixels))


@st.cache_data(show_spinner=False, max_entries=50)
def _activations(
    asked: Asked, layer: str, _image: Pixels
) -> tuple[Pixels, NDArray[np.int64], Floats]:
    return get_lab().compute.activations(asked.run_id, _image, layer)


def filters(subject: Subject) -> tuple[str, Pixels]:
    """What the units of the first layer look for."""
    return _filters(*_asked(subject)[:2])


@st.cache_data(show_spinner=False, max_entries=20)
def _filters(run_id: str, version: int) -> tuple[str, Pixels]:
    return get_lab().compute.filters(run_id)


def augmented(subject: Subject, draws: int, seed: int) -> tuple[Pixels, Floats]:
    """The picture as training might see it, some times, and the probabilities of each."""
    return _augmented(_asked(subject), draws, seed, subject)


@st.cache_data(show_spinner=False, max_entries=50)
def _augmented(asked: Asked, draws: int, seed: int, _subject: Subject) -> tuple[Pixels, Floats]:
    changes = alone(_subject.record.config.augment)
    images = np.repeat(_subject.pixels[None], draws, axis=0)
    shares = np.ones((draws, 1), np.float32)
    compute = get_lab().compute
    changed, _same = compute.apply_augmentation(changes, images, shares, seed)
    return changed, compute.predict(asked.run_id, changed)


def alone(config: AugmentConfig) -> AugmentConfig:
    """Without mixing: there is no other picture to mix with."""
    return config.model_copy(update={"mixing": "none"})
