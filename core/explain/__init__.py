"""Why a network says what it says of one picture: heat maps, attacks, a look inside.

The functions of the modules take a Keras model; those here take a run. They return plain arrays,
since they answer other processes (core/compute.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from core.errors import N_, ConfigError, RunError
from core.explain.attack import attack
from core.explain.cams import grad_cam, grad_cam_pp
from core.explain.inside import activations, first_filters
from core.explain.integrated import integrated_gradients, nodes_for
from core.explain.occlusion import occlusion
from core.explain.places import halves, places
from core.paths import Paths
from core.prediction import load_model

Pixels = npt.NDArray[np.uint8]


class Heat(NamedTuple):
    """How the places of a picture speak for a class.

    ``heat`` (h, w) float32: in [0, 1] where a method only knows what speaks for the class
    (Grad-CAM, Grad-CAM++), in [-1, 1] where below zero speaks against it (integrated gradients,
    occlusion). ``total`` and ``difference`` are what the completeness axiom of integrated gradients
    compares: the sum over all pixels, and what it should be, in logits; ``None`` for the others.
    ``grid`` is how many places (height, width) a class activation map tells apart.
    """

    heat: npt.NDArray[np.float32]
    total: float | None = None
    difference: float | None = None
    grid: tuple[int, int] | None = None


Method = Callable[[keras.Model, Pixels, Sequence[int]], list[Heat]]
"""(network, picture, classes) → the heat map of each."""


def _cam(method: Callable[[keras.Model, Pixels, int], npt.NDArray[np.float32]]) -> Method:
    def maps(model: keras.Model, image: Pixels, labels: Sequence[int]) -> list[Heat]:
        grid = halves(model).place.grid
        return [Heat(method(model, image, label), grid=grid) for label in labels]

    return maps


def _integrated(model: keras.Model, image: Pixels, labels: Sequence[int]) -> list[Heat]:
    nodes = nodes_for(model)
    found = [integrated_gradients(model, image, label, nodes=nodes) for label in labels]
    return [
        Heat(signed(one.pixels.sum(axis=-1)), float(one.pixels.sum()), one.difference)
        for one in found
    ]


METHODS: dict[str, Method] = {
    "grad_cam": _cam(grad_cam),
    "grad_cam_pp": _cam(grad_cam_pp),
    "integrated": _integrated,
    "occlusion": lambda *of: [Heat(signed(one)) for one in occlusion(*of)],
}


def signed(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """(h, w) of any size → float32 in [-1, 1].

    One is the 99th percentile of the magnitudes: a single pixel would leave all others pale.
    """
    top = np.quantile(np.abs(values), 0.99) or np.abs(values).max() or 1.0
    return np.clip(values / top, -1, 1).astype(np.float32)


def heat_maps(model: keras.Model, image: Pixels, method: str, labels: Sequence[int]) -> list[Heat]:
    """The heat maps of some classes by a method of :data:`METHODS`.

    Args:
        image: (h, w, c) uint8 of the network's input shape.

    Raises:
        ConfigError: if there is no such method or class, the picture has another shape, or the
            method does not apply to this network; it says why.
    """
    _check(model, image, *labels)
    if method not in METHODS:
        raise ConfigError(
            N_("There is no method “{received}”; there are {known}."),
            received=method,
            known=", ".join(METHODS),
        )
    return METHODS[method](model, image, labels)


def _check(model: keras.Model, image: Pixels, *labels: int) -> None:
    wanted, classes = tuple(model.input_shape[1:]), int(model.output_shape[-1])
    if image.shape != wanted or image.dtype != np.uint8:
        raise ConfigError(
            N_("The network takes pictures of {wanted} pixels, received {received}."),
            wanted="×".join(map(str, wanted)),
            received="×".join(map(str, image.shape)),
        )
    for label in labels:
        if not 0 <= label < classes:
            raise ConfigError(
                N_("The network knows the classes 0 to {last}, received {received}."),
                last=classes - 1,
                received=label,
            )


PlainHeat = tuple[npt.NDArray[np.float32], float | None, float | None, tuple[int, int] | None]


def heat_maps_of_run(
    paths: Paths, run_id: str, image: Pixels, method: str, labels: Sequence[int]
) -> list[PlainHeat]:
    """A :class:`Heat` as a plain tuple for every class of ``labels``.

    Raises:
        NotFoundError, RunError: as :func:`core.prediction.load_model`.
        ConfigError: as :func:`heat_maps`.
    """
    maps = heat_maps(network(paths, run_id), image, method, labels)
    return [(one.heat, one.total, one.difference, one.grid) for one in maps]


def attack_on_run(
    paths: Paths, run_id: str, image: Pixels, label: int
) -> tuple[Pixels, npt.NDArray[np.float32]]:
    """See :func:`core.explain.attack.attack`; raises as :func:`heat_maps_of_run`."""
    model = network(paths, run_id)
    _check(model, image, label)
    found = attack(model, image, label)
    return found.images, found.proba


def layers_of_run(paths: Paths, run_id: str) -> list[tuple[str, str, int, int, int]]:
    """(name, kind, height, width, channels) of every layer with maps; none for an MLP."""
    return [
        (place.layer.name, type(place.layer).__name__, *place.grid, place.channels)
        for place in places(network(paths, run_id))
    ]


def activations_of_run(
    paths: Paths, run_id: str, image: Pixels, layer: str
) -> tuple[Pixels, npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """See :func:`core.explain.inside.activations`."""
    model = network(paths, run_id)
    _check(model, image)
    found = activations(model, image, layer)
    return found.maps, found.channels, found.means


def filters_of_run(paths: Paths, run_id: str) -> tuple[str, Pixels]:
    """See :func:`core.explain.inside.first_filters`."""
    return first_filters(network(paths, run_id))


def network(paths: Paths, run_id: str) -> keras.Model:
    """See :func:`core.prediction.load_model`; a damaged file is told, too."""
    try:
        return load_model(paths, run_id)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            N_("The network of run {run} cannot be read: {error}."),
            run=run_id,
            error=str(error)[:200],
        ) from error
