"""How long one heat map of one picture takes, as the dialog asks for it.

    python -m benchmarks.heat_map [--rounds N]

A CNN and an MLP on 32×32 and MobileNetV2 (width 1) at 96×96, untrained, since the time does not
depend on what they have learnt. Asked of the computing process, through its pipe. *Cold* is the
first heat map of a network: it is read and cut in two. *Warm* is the median of the others. Target:
every warm one under 1,000 ms.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from core.config import RunConfig
from core.errors import LabError
from core.explain import METHODS
from core.jobs.service import ComputeService
from core.models import build_model
from core.paths import Paths
from core.store import Store

CLASSES = 10
LABELS = (0, 1)
"""The predicted and the true class, as of a wrong prediction."""
CASES: dict[str, tuple[int, dict[str, object]]] = {
    "CNN 32×32": (32, {"model.architecture": "cnn"}),
    "MobileNetV2 96×96": (
        96,
        {
            "model.architecture": "transfer",
            "model.alpha": "1.0",
            "model.weights": "none",
            "model.input_size": 0,
        },
    ),
    "MLP 32×32": (32, {"model.architecture": "mlp"}),
}


def saved_network(store: Store, side: int, settings: dict[str, object]) -> str:
    """The id of a run as far as the computing process wants to see one."""
    config = RunConfig().with_values(settings)
    run_id = store.create(config, owner="cli").id
    build_model(config.model, (side, side, 3), CLASSES).save(store.paths.run(run_id).model)
    return run_id


def times(service: ComputeService, run_id: str, side: int, method: str, rounds: int) -> str:
    """In ms: cold and warm for one class with the processor time of a warm one (all cores
    together, so that other work on the machine counts little), and warm for two classes."""
    rng = np.random.default_rng(0)
    took: list[float] = []
    spent: list[float] = []
    for labels in [LABELS[:1]] * (rounds + 1) + [LABELS] * rounds:
        image = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
        before, start = processor_seconds(service), time.perf_counter()
        service.heat_maps(run_id, image, method, labels)
        took.append(1000 * (time.perf_counter() - start))
        spent.append(1000 * (processor_seconds(service) - before))
    warm, both = slice(1, rounds + 1), slice(rounds + 1, None)
    return (
        f"cold {took[0]:6.0f}   warm {statistics.median(took[warm]):5.0f} "
        f"(processor {statistics.median(spent[warm]):5.0f})   "
        f"two classes {statistics.median(took[both]):5.0f}"
    )


def processor_seconds(service: ComputeService) -> float:
    assert service._process
    used = psutil.Process(service._process.pid).cpu_times()
    return used.user + used.system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder)).create()
        store, service = Store(paths), ComputeService(paths)
        for name, (side, settings) in CASES.items():
            for method in METHODS:
                # A network of its own for each, or the second would find it read already.
                run_id = saved_network(store, side, settings)
                service.ask("ready")
                try:
                    said = times(service, run_id, side, method, options.rounds)
                except LabError as error:
                    said = f"does not apply: {error}"
                print(f"{name:>18} {method:>12}: {said}", flush=True)
        service.close()


if __name__ == "__main__":
    main()
