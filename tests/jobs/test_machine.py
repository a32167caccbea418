"""The device panel's figures, with and without a driver."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pynvml
import pytest

from core.jobs.machine import Gpu, look_at_machine
from core.jobs.workers import worker_environment


def test_without_a_driver_there_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    machine = look_at_machine()
    assert machine.gpus == ()
    assert machine.cores == psutil.cpu_count()
    assert 0 < machine.memory_used < machine.memory_total
    assert 0 <= machine.cpu_utilisation <= 1


class FakeNvml:
    """Three GPUs: one that tells all, one that hides its load, one that has fallen off the bus."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = 0
        answers = {
            "nvmlInit": lambda: self.count(1),
            "nvmlShutdown": lambda: self.count(-1),
            "nvmlDeviceGetCount": lambda: 3,
            "nvmlDeviceGetHandleByIndex": self.handle,
            "nvmlDeviceGetName": lambda handle: [b"NVIDIA T4", "NVIDIA H200"][handle],
            "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=2e9, total=16e9),
            "nvmlDeviceGetUtilizationRates": self.load,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(pynvml, name, answer)

    def count(self, step: int) -> None:
        self.open += step

    def handle(self, index: int) -> int:
        if index == 2:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    def load(self, handle: int) -> SimpleNamespace:
        if handle == 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(gpu=73)


def test_gpus_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(monkeypatch)
    assert look_at_machine().gpus == (
        Gpu(0, "NVIDIA T4", 2_000_000_000, 16_000_000_000, 0.73),
        Gpu(1, "NVIDIA H200", 2_000_000_000, 16_000_000_000, None),
    )
    assert nvml.open == 0


def test_no_process_takes_all_memory_of_a_gpu() -> None:
    for device in ("cpu", "0"):
        environment = worker_environment(device)
        assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
