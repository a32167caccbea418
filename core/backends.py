"""What Keras does not offer for every backend alike: the one module of core that imports them.

A row per backend, and core runs without any of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops


class Normalised(NamedTuple):
    """``values`` as normalised (n, h, w, c), and what they were: ``mean`` and ``variance`` (c,),
    the latter of the values as they are (divided by n, not by n - 1)."""

    values: Any
    mean: Any
    variance: Any


Kernel = Callable[[Any, Any, Any, float], Normalised]
"""(values (n, h, w, c), gamma (c,), beta (c,), epsilon) → the same normalised."""


def _tensorflow_norm(values: Any, gamma: Any, beta: Any, epsilon: float) -> Normalised:
    import tensorflow as tf

    empty = tf.zeros([0])
    found = tf.raw_ops.FusedBatchNormV3(
        x=values, scale=gamma, offset=beta, mean=empty, variance=empty, epsilon=epsilon
    )
    count = ops.cast(ops.size(values) // values.shape[-1], "float32")
    # The kernel's is the estimate for all images there are; Keras keeps that of the batch.
    return Normalised(found.y, found.batch_mean, found.batch_variance * (count - 1) / count)


NORM_KERNELS: dict[str, Kernel] = {"tensorflow": _tensorflow_norm}
"""Batch normalisation in one piece on a CPU: only what was measured to be quicker than Keras' dozen
of operations. On a GPU, XLA makes one kernel of those."""


def norm_kernel() -> Kernel | None:
    """That of the backend and device of this process."""
    return None if has_gpu() else NORM_KERNELS.get(keras.backend.backend())


def reseed(seed: int, epoch: int) -> None:
    """Begin an epoch with random numbers that are its own, where they are no variables of the
    model: with torch, Keras draws Beta numbers (MixUp) from torch's own generator."""
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(int(np.random.default_rng((seed, epoch)).integers(2**63)))


Scalar = Callable[[Any], Any]
"""A tensor → one number, by Keras operations."""


class Slope(NamedTuple):
    """What a function gives at a place, and its gradient there, of the place's shape."""

    value: Any
    gradient: Any


def _tensorflow_slope(function: Scalar, place: Any) -> Slope:
    import tensorflow as tf

    place = tf.convert_to_tensor(place)
    # The weights are not asked for: without watching them a backward pass is half the work.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(place)
        value = function(place)
    nothing = tf.UnconnectedGradients.ZERO
    return Slope(value, tape.gradient(value, place, unconnected_gradients=nothing))


def _jax_slope(function: Scalar, place: Any) -> Slope:
    import jax

    return Slope(*jax.value_and_grad(function)(ops.convert_to_tensor(place)))


def _torch_slope(function: Scalar, place: Any) -> Slope:
    import torch

    place = ops.convert_to_tensor(place).detach().requires_grad_(True)
    value = function(place)
    (found,) = torch.autograd.grad(value, place, materialize_grads=True)
    return Slope(value.detach(), found)


SLOPES: dict[str, Callable[[Scalar, Any], Slope]] = {
    "tensorflow": _tensorflow_slope,
    "jax": _jax_slope,
    "torch": _torch_slope,
}


def _tensorflow_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    quick: Callable[..., Any] = tf.function(function)
    return quick


def _jax_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    quick: Callable[..., Any] = jax.jit(function)
    return quick


COMPILERS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "tensorflow": _tensorflow_compiled,
    "jax": _jax_compiled,
}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as one program, made at the first call with each shape. With torch it
    stays as it is."""
    compiler = COMPILERS.get(keras.backend.backend())
    return compiler(function) if compiler else function


def slope(function: Scalar, place: Any) -> Slope:
    """Value and gradient of a function of one tensor, float32, in inference."""
    return SLOPES[keras.backend.backend()](function, place)


def _jax_gpu() -> bool:
    import jax

    return bool(jax.default_backend() == "gpu")


def _torch_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


_GPU: dict[str, Callable[[], bool]] = {
    "tensorflow": lambda: bool(keras.distribution.list_devices("gpu")),
    "jax": _jax_gpu,
    "torch": _torch_gpu,
}


def has_gpu() -> bool:
    """Whether this process computes on a GPU. (``keras.distribution.list_devices`` raises where
    JAX has none, and does not know torch.)"""
    return _GPU[keras.backend.backend()]()
