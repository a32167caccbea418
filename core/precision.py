"""Mixed precision: 16-bit computing where it pays, weights always in 32 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from core.backends import has_gpu
from core.config import RunConfig
from core.jobs.devices import computes_bfloat16
from core.models.norm import BatchNormalization


def policy_of(choice: str) -> str:
    """Keras' name for ``auto``, ``on`` or ``off`` on the device of this process.

    On a GPU that knows it bfloat16, which needs no scaling of the loss, otherwise float16.
    """
    gpu = has_gpu()
    if choice == "off" or (choice == "auto" and not gpu):
        return "float32"
    return "mixed_float16" if gpu and not computes_bfloat16() else "mixed_bfloat16"


@contextmanager
def precision(config: RunConfig) -> Iterator[None]:
    """Inside, networks are built for the precision that a run is to be trained in."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy_of(config.train.precision))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def to_keep(model: keras.Model) -> keras.Model:
    """The network as it is saved: in 32 bits throughout, without an optimizer, same weights.

    It can be loaded by plain Keras anywhere, and says the same on a CPU as on a GPU.
    """
    # Of a compiled network the clone would be compiled, too.
    bare = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    kept = keras.models.clone_model(bare, clone_function=_in_full)
    kept.set_weights(model.get_weights())
    return kept


def _in_full(layer: keras.Layer) -> keras.Layer:
    cls = keras.layers.BatchNormalization if isinstance(layer, BatchNormalization) else type(layer)
    return cls.from_config({**layer.get_config(), "dtype": "float32"})
