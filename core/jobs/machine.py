"""What this machine computes with, and how busy it is: GPUs through NVML, else the processor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import psutil
import pynvml


class Gpu(NamedTuple):
    """One NVIDIA GPU; memory in bytes, utilisation in [0, 1] (None where the driver hides it)."""

    number: int
    name: str
    memory_used: int
    memory_total: int
    utilisation: float | None


class Machine(NamedTuple):
    """Memory in bytes, the processor's utilisation in [0, 1]."""

    gpus: tuple[Gpu, ...]
    cores: int
    cpu_utilisation: float
    memory_used: int
    memory_total: int


psutil.cpu_percent()  # the first look is since now, and not nothing


def look_at_machine() -> Machine:
    """As it is now; the processor's utilisation is that since the last look."""
    memory = psutil.virtual_memory()
    return Machine(
        gpus=_gpus(),
        cores=psutil.cpu_count() or 1,
        cpu_utilisation=psutil.cpu_percent() / 100,
        memory_used=memory.total - memory.available,
        memory_total=memory.total,
    )


def _gpus() -> tuple[Gpu, ...]:
    """None without a driver; the driver is asked anew, because it may be loaded later."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return tuple(_every_gpu())
    finally:
        pynvml.nvmlShutdown()


def _every_gpu() -> Iterator[Gpu]:
    for index in range(pynvml.nvmlDeviceGetCount()):
        # One that has fallen off the bus does not hide the others.
        with contextlib.suppress(pynvml.NVMLError):
            yield _gpu(index)


def _gpu(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    name = pynvml.nvmlDeviceGetName(handle)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        number=index,
        name=name.decode() if isinstance(name, bytes) else name,  # as in older drivers' bindings
        memory_used=int(memory.used),
        memory_total=int(memory.total),
        utilisation=_utilisation(handle),
    )


def _utilisation(handle: object) -> float | None:
    try:
        return float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    except pynvml.NVMLError:  # not supported, for instance under MIG
        return None
