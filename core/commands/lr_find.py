"""``lr-find``: the learning-rate finder in the foreground."""

from __future__ import annotations

import tempfile

from tqdm import tqdm

from core.commands.context import Answer, Context, chatter_to
from core.commands.formats import NOTHING, duration, facts
from core.commands.parser import Command
from core.commands.train import requested_config, settings_help, training_arguments
from core.datasets.joining import learned_from
from core.jobs.probes import RateResult


def lr_find(context: Context) -> Answer:
    config = requested_config(context)
    dataset = learned_from(context.dataset(config.data.dataset), config.data)
    with tempfile.TemporaryFile("w", encoding="utf-8") as log, chatter_to(log) as person:
        from core.lr_finder import find_rate

        with tqdm(total=100, unit=" %", file=person, desc="learning rates") as bar:

            def watch(done: float) -> None:
                bar.update(round(100 * done) - bar.n)

            def tell(done: int, whole: int) -> None:
                bar.set_postfix_str(f"weights: {done} of some {whole} MB")

            found = find_rate(config, dataset, watch, tell)
    return Answer(found.model_dump(), _facts(found), ok=found.valley is not None)


def _facts(found: RateResult) -> str:
    if found.valley is None:
        return "The loss did not fall at any rate: try another network or optimizer."
    return facts(
        [
            ("suggestion (valley)", f"{found.valley:.2g}"),
            ("steepest", f"{found.steepest:.2g}" if found.steepest else NOTHING),
            (
                "rates tried",
                f"{len(found.rates)}, from {found.rates[0]:.2g} to {found.rates[-1]:.2g}",
            ),
            ("time", duration(found.seconds)),
            ("to train with it", f"--set optimizer.learning_rate={found.valley:.2g}"),
        ]
    )


LR_FIND = Command(
    "lr-find",
    "Try many learning rates on a new network and suggest one; nothing is kept.",
    lr_find,
    training_arguments,
    settings_help,
)
