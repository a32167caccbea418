"""The long-lived process behind the pages for everything short that needs Keras.

``python -m core.compute ARTIFACTS`` reads pickled ``(name, arguments)`` from its standard input
and answers ``("ok", result)`` or ``("error", LabError)``. Both ends are ours and the pipe is
private, so pickle is safe here, and arrays travel as they are.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from core.asking.judging import judge
from core.augment import apply_augmentation
from core.errors import LabError
from core.evaluation.labels import find_issues
from core.explain import (
    activations_of_run,
    attack_on_run,
    filters_of_run,
    heat_maps_of_run,
    layers_of_run,
)
from core.inspection.asking import features_of, judge_unknown
from core.models.summary import layer_table
from core.paths import Paths
from core.prediction import predict
from core.search.results import importance_in
from core.signals import give_way


def operations(paths: Paths) -> dict[str, Callable[..., Any]]:
    """What a page may ask for."""
    return {
        "ready": lambda: True,
        # Plain tuples: the server would have to load Keras to unpickle a class of a Keras module.
        "layer_table": lambda *shape: [tuple(row) for row in layer_table(*shape)],
        "apply_augmentation": apply_augmentation,
        # Not in the server: cleanlab would cost it 98 MB.
        "find_label_issues": lambda y_true, proba: tuple(find_issues(y_true, proba)),
        "judge": lambda items, takers, varied: judge(
            items, takers, lambda run_id, images: predict(paths, run_id, images, varied)
        ),
        "predict": partial(predict, paths),
        "features": lambda run_id, images: features_of(paths, run_id, images),
        "judge_unknown": lambda run_id, images: tuple(judge_unknown(paths, run_id, images)),
        "heat_maps": partial(heat_maps_of_run, paths),
        "attack": partial(attack_on_run, paths),
        "layers": partial(layers_of_run, paths),
        "activations": partial(activations_of_run, paths),
        "filters": partial(filters_of_run, paths),
        "importance": partial(importance_in, paths),
    }


def answer(table: dict[str, Callable[..., Any]], name: str, arguments: tuple[Any, ...]) -> Any:
    """``(status, value)``: what went wrong is an answer too, never the end of the process."""
    try:
        return "ok", table[name](*arguments)
    except LabError as error:
        return "error", (error.text, error.remedy)
    except Exception as error:  # noqa: BLE001 - logged here, and told to the page
        traceback.print_exc()
        return "crash", f"{type(error).__name__}: {error}"


def main() -> None:
    """Serve until the server closes the pipe or is gone."""
    give_way()
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    table = operations(Paths(Path(sys.argv[1])))
    while True:
        try:
            name, arguments = pickle.load(requests)  # noqa: S301 - our own parent process
        except EOFError:
            return
        pickle.dump(answer(table, name, arguments), replies)
        replies.flush()


if __name__ == "__main__":
    main()
