"""How a network is trained: optimizer, schedule of the learning rate, length, portions, seed.

Part of :mod:`core.config`; every field is a row of the table that form, command line and
validation are made of.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Gt, Interval, Lt

from core.errors import N_
from core.knobs import Section, knob

OptimizerName = Literal["sgd", "rmsprop", "adam", "adamw", "nadam", "lion", "muon", "adagrad"]
ScheduleName = Literal[
    "constant", "step", "exponential", "cosine", "restarts", "one_cycle", "plateau"
]
Kept = Annotated[float, Interval(ge=0, lt=1)]
"""A part of the past that is kept: all of it would never learn anything new."""
Share = Annotated[float, Interval(ge=0, le=1)]
ADAPTIVE = ("adam", "adamw", "nadam")
DECAYING = ("adamw", "lion", "muon")
"""Optimizers to which weight decay belongs; the others can be given it."""


class OptimizerConfig(Section):
    """How the weights are changed after every batch, and by how much in which epoch."""

    name: OptimizerName = knob(
        "adam",
        N_("Optimizer"),
        N_(
            "The rule that turns gradients into steps. Adam suits nearly everything; SGD with "
            "momentum often ends best with a schedule; Lion wants a rate ten times smaller; Muon "
            "serves dense layers and treats all others as Adam does."
        ),
        basic=True,
    )
    learning_rate: Annotated[float, Gt(0), Interval(le=10)] = knob(
        0.001,
        N_("Learning rate"),
        N_("Length of every step; the most important setting of all."),
        basic=True,
    )
    schedule: ScheduleName = knob(
        "constant",
        N_("Schedule"),
        N_(
            "How the learning rate changes while training; it is drawn beside the form. Cosine "
            "is a good choice for any number of epochs."
        ),
        basic=True,
    )
    warmup_epochs: Annotated[int, Interval(ge=0, le=100)] = knob(
        0,
        N_("Warm-up"),
        N_("Epochs in which the rate rises evenly from nearly nothing; steadies the first steps."),
        unit=N_("epochs"),
        when=("schedule", ("constant", "step", "exponential", "cosine", "restarts")),
    )
    step_epochs: Annotated[int, Interval(ge=1, le=10_000)] = knob(
        10,
        N_("Step every"),
        N_("Epochs after which the rate drops, again and again."),
        unit=N_("epochs"),
        when=("schedule", ("step",)),
    )
    step_factor: Annotated[float, Gt(0), Lt(1)] = knob(
        0.1,
        N_("Step factor"),
        N_("What the rate is multiplied by at every drop."),
        step=0.05,
        when=("schedule", ("step",)),
    )
    decay_factor: Annotated[float, Gt(0), Lt(1)] = knob(
        0.95,
        N_("Factor per epoch"),
        N_("What is left of the rate after every epoch; it falls a little at every step."),
        step=0.01,
        when=("schedule", ("exponential",)),
    )
    restart_epochs: Annotated[int, Interval(ge=1, le=10_000)] = knob(
        10,
        N_("First restart after"),
        N_("Epochs until the rate jumps back to its full height for the first time."),
        unit=N_("epochs"),
        when=("schedule", ("restarts",)),
    )
    restart_growth: Annotated[float, Interval(ge=1, le=10)] = knob(
        2.0,
        N_("Growth of the cycles"),
        N_("How many times as long as the one before every cycle is."),
        step=0.5,
        when=("schedule", ("restarts",)),
    )
    rise: Annotated[float, Gt(0), Lt(1)] = knob(
        0.3,
        N_("Rising part"),
        N_("Part of the training in which the rate rises to its full height."),
        step=0.05,
        when=("schedule", ("one_cycle",)),
    )
    start_share: Share = knob(
        0.04,
        N_("Share at the start"),
        N_("Where the rate begins, as a part of its full height."),
        step=0.01,
        when=("schedule", ("one_cycle",)),
    )
    final_share: Share = knob(
        0.0,
        N_("Share at the end"),
        N_("Where the rate ends, as a part of its full height."),
        step=0.01,
        when=("schedule", ("cosine", "restarts", "one_cycle")),
    )
    plateau_factor: Annotated[float, Gt(0), Lt(1)] = knob(
        0.5,
        N_("Plateau factor"),
        N_("What the rate is multiplied by when the monitored measure has stopped improving."),
        step=0.05,
        when=("schedule", ("plateau",)),
    )
    plateau_patience: Annotated[int, Interval(ge=1, le=1000)] = knob(
        3,
        N_("Plateau patience"),
        N_("Epochs without improvement before the rate is lowered."),
        unit=N_("epochs"),
        when=("schedule", ("plateau",)),
    )
    plateau_floor: Annotated[float, Interval(ge=0, le=1)] = knob(
        0.00001,
        N_("Lowest rate"),
        N_("The rate is never lowered below this."),
        step=0.00001,
        when=("schedule", ("plateau",)),
    )
    momentum: Kept = knob(
        0.9,
        N_("Momentum"),
        N_("Part of the last step that is kept."),
        step=0.05,
        when=("name", ("sgd",)),
    )
    nesterov: bool = knob(
        True,
        N_("Nesterov"),
        N_("Looks one step ahead before correcting."),
        when=("name", ("sgd",)),
    )
    rho: Kept = knob(
        0.9,
        N_("Rho"),
        N_("Part of the mean squared gradient that is kept at every step."),
        step=0.01,
        when=("name", ("rmsprop",)),
    )
    beta_1: Kept = knob(
        0.9,
        N_("Beta 1"),
        N_("Part of the mean gradient that is kept at every step."),
        step=0.01,
        when=("name", (*ADAPTIVE, "lion")),
    )
    beta_2: Kept = knob(
        0.999,
        N_("Beta 2"),
        N_("Part of the mean squared gradient that is kept at every step."),
        step=0.001,
        when=("name", ADAPTIVE),
    )
    lion_beta_2: Kept = knob(
        0.99,
        N_("Beta 2"),
        N_("Part of the momentum that is kept at every step."),
        step=0.01,
        when=("name", ("lion",)),
    )
    epsilon: Annotated[float, Gt(0), Interval(le=1)] = knob(
        1e-7,
        N_("Epsilon"),
        N_("Keeps steps finite where gradients are nearly zero; larger is more careful."),
        step=1e-7,
        when=("name", (*ADAPTIVE, "rmsprop", "adagrad")),
    )
    weight_decay: Share = knob(
        0.004,
        N_("Weight decay"),
        N_("Shrinks all weights by this part of the learning rate at every step."),
        step=0.001,
        when=("name", DECAYING),
    )
    added_decay: Share = knob(
        0.0,
        N_("Weight decay"),
        N_("Shrinks all weights by this part of the learning rate at every step."),
        step=0.001,
        when=("name", ("sgd", "rmsprop", "nadam", "adagrad")),
    )
    clipping: Literal["none", "norm", "value", "global_norm"] = knob(
        "none",
        N_("Gradient clipping"),
        N_(
            "Shortens gradients that are too long: of every weight array by itself, of every "
            "single number, or of all together; against sudden jumps of the loss."
        ),
    )
    clip_at: Annotated[float, Gt(0), Interval(le=1000)] = knob(
        1.0,
        N_("Clip at"),
        N_("The greatest length that a gradient may have."),
        step=0.1,
        when=("clipping", ("norm", "value", "global_norm")),
    )
    ema: bool = knob(
        False,
        N_("Average the weights"),
        N_(
            "Validates and keeps a moving average of the weights of all steps (EMA): steadier "
            "from epoch to epoch."
        ),
    )
    ema_momentum: Kept = knob(
        0.99,
        N_("Averaging momentum"),
        N_("Part of the average that is kept at every step; 0.99 averages some hundred steps."),
        step=0.001,
        when=("ema", (True,)),
    )


class TrainConfig(Section):
    """How long, in which portions, from which seed."""

    epochs: Annotated[int, Interval(ge=1, le=10_000)] = knob(
        20, N_("Epochs"), N_("Passes over all training images."), basic=True
    )
    batch_size: Annotated[int, Interval(ge=1, le=8192)] = knob(
        64, N_("Batch size"), N_("Images per step."), basic=True, step=16
    )
    early_stopping: bool = knob(
        True,
        N_("Early stopping"),
        N_("Ends the training when the monitored measure has stopped improving."),
        basic=True,
    )
    patience: Annotated[int, Interval(ge=1, le=1000)] = knob(
        5,
        N_("Patience"),
        N_("Epochs without improvement before the training is ended."),
        when=("early_stopping", (True,)),
    )
    restore_best: bool = knob(
        True,
        N_("Keep the best epoch"),
        N_("Keeps the weights of the best epoch by the monitored measure, not the last ones."),
    )
    monitor: Literal["val_loss", "val_accuracy"] = knob(
        "val_loss",
        N_("Monitored measure"),
        N_(
            "By what epochs are judged, for early stopping, the best epoch and the plateau "
            "schedule; without validation images it is the same measure of the training."
        ),
    )
    min_delta: Annotated[float, Interval(ge=0, le=1)] = knob(
        0.0,
        N_("Least improvement"),
        N_("What an epoch must gain on the best one to count as better."),
        step=0.001,
    )
    label_smoothing: Annotated[float, Interval(ge=0, le=0.5)] = knob(
        0.0,
        N_("Label smoothing"),
        N_(
            "Share of every label that is spread over all classes: less overconfident. The "
            "validation loss is measured without it, so that runs can be compared."
        ),
        step=0.05,
    )
    class_weights: Literal["none", "balanced", "sqrt"] = knob(
        "none",
        N_("Class weights"),
        N_(
            "Makes the images of rare classes count more: balanced gives every class the same "
            "weight in all, square root half the way there."
        ),
    )
    precision: Literal["auto", "on", "off"] = knob(
        "auto",
        N_("Mixed precision"),
        N_(
            "Computes with 16-bit numbers and keeps the weights in 32: faster on a GPU, slower on "
            "a CPU. Automatic: on if there is a GPU."
        ),
    )
    snapshots: Literal["none", "cycles", "every"] = knob(
        "none",
        N_("Keep snapshots"),
        N_(
            "Keeps the network as it stands after some epochs, to be combined on the Ensembles "
            "page: whenever a cycle of the schedule “cosine with restarts” ends (with any other "
            "schedule only at the end), or every few epochs. The latest ten stay."
        ),
    )
    snapshot_epochs: Annotated[int, Interval(ge=1, le=10_000)] = knob(
        5,
        N_("Snapshot every"),
        N_("Epochs from one snapshot to the next."),
        unit=N_("epochs"),
        when=("snapshots", ("every",)),
    )
    time_limit: Annotated[int, Interval(ge=0, le=10_080)] = knob(
        0,
        N_("Time limit"),
        N_(
            "Minutes after which the training ends as if it had been the last epoch; the first "
            "epoch is always finished. 0: no limit."
        ),
        step=1,
        unit="min",
    )
    seed: Annotated[int, Interval(ge=0, le=2**31 - 1)] = knob(
        0, N_("Seed"), N_("Start of all random numbers: same seed and settings, same result.")
    )
