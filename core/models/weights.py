"""Pretrained weights: from the server's folder, from Keras' own cache, or downloaded."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from core.config_models import TransferConfig
from core.errors import N_, RunError, StoreError, text
from core.models.resnet34 import layer_weights
from core.models.safetensors import Array, read_safetensors
from core.models.transfer import FEATURES, application, backbone_layers

FOLDER_VARIABLE = "LIENZO_WEIGHTS_DIR"
RESNET34_URL = "https://huggingface.co/timm/resnet34.a1_in1k/resolve/main/model.safetensors"
DOWNLOAD_TIMEOUT = 20.0
"""Seconds without an answer until the server counts as unreachable."""
_ENDINGS = (".h5", ".safetensors")
_WIDTH = re.compile(r"_(\d\.\d+)_")


def load_pretrained(model: keras.Model, config: TransferConfig) -> None:
    """Put the backbone's ImageNet weights into a network of ``build_transfer``.

    Raises:
        RunError: if they are neither in ``LIENZO_WEIGHTS_DIR`` nor can be downloaded, or are
            those of another network.
    """
    if config.backbone == "resnet34":
        _load_resnet34(model, config)
        return
    file = find_weights(config)
    donor = application(config, weights=None) if file else _downloaded(config)
    if file:
        with _explained(config, file):
            donor.load_weights(file)
    _transplant(donor, model, config)


def find_weights(config: TransferConfig) -> Path | None:
    """The file in ``LIENZO_WEIGHTS_DIR`` of the usual name, or one whose name has the backbone."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder or not Path(folder).is_dir():
        return None
    files = sorted(p for p in Path(folder).iterdir() if p.name.lower().endswith(_ENDINGS))
    usual = [file for file in files if file.name == config.file_name]
    return next(iter(usual + [file for file in files if _is_for(file.name, config)]), None)


def _is_for(name: str, config: TransferConfig) -> bool:
    """Whether a file name speaks of the backbone, and of no other width of it."""
    plain, wanted = _plain(name), _plain(config.backbone)
    place = plain.find(wanted)
    if place < 0 or plain[place + len(wanted) :].startswith("v2"):  # resnet50v2 is another one
        return False
    width = _WIDTH.search(name)
    return config.backbone != "mobilenet_v2" or not width or float(width[1]) == float(config.alpha)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@contextmanager
def _explained(config: TransferConfig, file: Path) -> Iterator[None]:
    """Whatever Keras says of a file that does not fit, as a sentence."""
    try:
        yield
    except (ValueError, KeyError, OSError, StoreError) as error:
        raise RunError(
            N_("The file {file} does not hold the weights of {backbone} without its top: {error}"),
            file=str(file),
            backbone=config.row.title,
            error=str(error)[:300],
        ) from error


def _downloaded(config: TransferConfig) -> keras.Model:
    return _download(config, lambda: application(config, weights="imagenet"))


def _download(config: TransferConfig, fetch: Callable[[], Any]) -> Any:
    """What ``fetch`` gets from the internet, or from Keras' cache of what it once got.

    Raises:
        RunError: naming the file that has to be placed where.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
    try:
        return fetch()
    except Exception as error:  # Keras raises nothing narrower; all of it is told
        raise RunError(
            N_("The ImageNet weights of {backbone} could not be downloaded: {error}"),
            remedy=text(
                N_(
                    "Without internet, place the file {file} in the folder that the variable "
                    "LIENZO_WEIGHTS_DIR names (at present: {folder}), or set the weights to none."
                ),
                file=config.file_name,
                folder=os.environ.get(FOLDER_VARIABLE) or "–",
            ),
            backbone=config.row.title,
            error=str(error)[:300],
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def _transplant(donor: keras.Model, model: keras.Model, config: TransferConfig) -> None:
    """Copy all weights in order; both networks are made by the same plan."""
    targets = [v for layer in _receiving(model) for v in layer.weights]
    values = _weights_of(donor)
    if [tuple(v.shape) for v in targets] != [v.shape for v in values]:
        raise RunError(N_("These are not the weights of {backbone}."), backbone=config.row.title)
    for variable, value in zip(targets, values, strict=True):
        variable.assign(value)
    if config.backbone in ("vgg19", "resnet50"):
        # They were trained on blue, green, red: turned round once, they take colours as we do.
        targets[0].assign(values[0][:, :, ::-1, :])


def _receiving(model: keras.Model) -> list[keras.Layer]:
    """The backbone, and the normalisation that ConvNeXt has behind its pooling."""
    layers = backbone_layers(model)
    layers += [layer for layer in model.layers if layer.name == f"{FEATURES}_norm"]
    return [layer for layer in layers if not _adapted(layer)]


def _adapted(layer: keras.Layer) -> bool:
    """EfficientNetB0's own input normalisation, which our preprocessing stands for."""
    return isinstance(layer, keras.layers.Normalization)


def _weights_of(donor: keras.Model) -> list[Array]:
    """All weights in the order of the layers, as our layers have them.

    Keras' ConvNeXt differs from ours in two: a depthwise convolution is one in groups, and the
    factors of the channels are a layer of their own, which go into the layer before here.
    """
    found: list[Array] = []
    for layer in _flat(donor):
        values = [keras.ops.convert_to_numpy(w) for w in layer.weights]
        if type(layer).__name__ == "LayerScale":
            found[-2:] = [value * values[0] for value in found[-2:]]
        elif getattr(layer, "groups", 1) > 1:
            found += [np.swapaxes(values[0], 2, 3), *values[1:]]
        elif not _adapted(layer):
            found += values
    return found


def _flat(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _load_resnet34(model: keras.Model, config: TransferConfig) -> None:
    file = find_weights(config) or Path(
        _download(config, lambda: keras.utils.get_file("resnet34.safetensors", RESNET34_URL))
    )
    with _explained(config, file):
        load_resnet34(model, read_safetensors(file))


def load_resnet34(model: keras.Model, tensors: dict[str, Array]) -> None:
    """Put PyTorch's tensors into the layers of the same names.

    Raises:
        KeyError, ValueError: if a tensor is missing or has another shape.
    """
    for layer in backbone_layers(model):
        if layer.weights:
            layer.set_weights([np.ascontiguousarray(v) for v in layer_weights(layer, tensors)])
