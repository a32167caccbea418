"""How much memory a training will take, worked out from its settings."""

from __future__ import annotations

from core.config import RunConfig

SLOTS = {
    "sgd": 1,
    "rmsprop": 1,
    "adam": 2,
    "adamw": 2,
    "nadam": 2,
    "lion": 1,
    "muon": 2,
    "adagrad": 1,
}
"""Numbers that an optimizer keeps for every weight (SGD without momentum keeps none, Muon one
for those that it does not treat as Adam does)."""
BYTES = 4


def training_memory(config: RunConfig, parameters: int, activations: int) -> int:
    """Bytes for weights, gradients, optimizer, averages, the best epoch and one batch.

    ``activations`` are the numbers that all layers give out for one image, each of which is kept
    for the way back; the gradients of a layer are gone when the next one's are made. Measured on a
    CNN at 64×64 with 128 images a batch (TensorFlow, CPU): 866 MB, estimated 834 MB. What the
    framework itself takes comes on top.
    """
    copies = 2 + SLOTS[config.optimizer.name] + config.optimizer.ema + config.train.restore_best
    return BYTES * (copies * parameters + config.train.batch_size * activations)
