"""The slots of this machine, found without loading Keras."""

from __future__ import annotations

import os
import subprocess

from core.errors import N_, ConfigError


def slots() -> list[str]:
    """One entry per training that may run at the same time: GPU numbers, or ``cpu`` repeated.

    ``LIENZO_SLOTS`` sets how many at once on a machine without a GPU (default 1: two trainings
    on the same cores are no faster than one after the other).

    Raises:
        ConfigError: if ``LIENZO_SLOTS`` is not a number of at least 1.
    """
    gpus = _gpus()
    return gpus or ["cpu"] * _cpu_slots()


def _cpu_slots() -> int:
    wanted = os.environ.get("LIENZO_SLOTS", "1")
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ConfigError(
            N_("LIENZO_SLOTS: expected a whole number of at least 1, received {received}."),
            received=wanted,
        )
    return int(wanted)


def computes_bfloat16() -> bool:
    """Whether every GPU of this machine has bfloat16 in hardware: those since Ampere (8.0)."""
    capabilities = _ask_driver("compute_cap")
    return bool(capabilities) and min(map(float, capabilities)) >= 8


def _gpus() -> list[str]:
    """The numbers of the NVIDIA GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        listed = [gpu.strip() for gpu in visible.split(",")]
        return [gpu for gpu in listed if gpu and gpu != "-1"]
    return _ask_driver("index")


def _ask_driver(what: str) -> list[str]:
    """One word per NVIDIA GPU; none without a driver."""
    try:
        found = subprocess.run(
            ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []  # no driver, no GPU
    return found.stdout.split()
