"""Everything a server holds, made once and shared by all sessions."""

from __future__ import annotations

import atexit
from pathlib import Path

from core.caps import max_epochs, max_minutes
from core.crossval.conductor import FoldConductor
from core.datasets.digits import ensure_digits
from core.jobs.devices import slots
from core.jobs.probes import Probes
from core.jobs.runner import Supervisor, make_launcher
from core.jobs.service import ComputeService
from core.jobs.workers import HostLauncher
from core.paths import Paths, default_root
from core.search.conductor import Conductor
from core.store import Store


class Lab:
    """Store, runner and computing process over one ``artifacts/`` directory."""

    def __init__(self, root: Path | None = None) -> None:
        self.paths = Paths(root or default_root()).create()
        self.store = Store(self.paths)
        ensure_digits(self.paths)
        devices = slots()
        max_epochs(), max_minutes()  # settings that cannot be meant are told at once
        self._launcher = make_launcher(self.store, devices)
        self.runner = Supervisor(self.store, self._launcher, devices)
        self._conductor = Conductor(self.store, self.runner, len(devices))
        self.runner.companions.append(self._conductor)
        self.runner.companions.append(FoldConductor(self.store, self.runner))
        self.compute = ComputeService(self.paths)
        self.probes = Probes(self.paths, devices[0])

    def start(self) -> None:
        """Begin to work through the queue, and load Keras where it will be needed."""
        self.runner.start()
        self.compute.warm_up()
        if isinstance(self._launcher, HostLauncher):
            self._launcher.warm_up()
        atexit.register(self.close)

    def close(self) -> None:
        """Trainings save what they have and end; the next start goes on with them."""
        self.runner.close()
        self._conductor.close()
        self.compute.close()
        self.probes.close()
