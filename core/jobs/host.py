"""The worker host: loads Keras once, then forks a process per training.

``python -m core.jobs.host ARTIFACTS`` says ``{"ready": true}`` when Keras is loaded, then reads
one JSON line per training, ``{"run": id}``, and answers ``{"run": id, "pid": n}`` at once and
``{"pid": n, "code": c}`` at its end. It never builds a network or touches a device itself: a fork
of a process that did would not be safe.
"""

from __future__ import annotations

import importlib
import json
import os
import selectors
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from core.paths import Paths
from core.signals import give_way


class Host:
    """Forks, and remembers whom to tell about."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._lifelines: dict[int, int] = {}
        """pid → the writing end of its standard input."""
        self._pending = b""

    def serve(self) -> None:
        """Until the server closes our standard input or is gone."""
        waker = _child_signals()
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(waker, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if waker in ready:
                    os.read(waker, 512)
                    self._reap()
                if 0 in ready and not self._obey():
                    return

    def _obey(self) -> bool:
        """Start what was asked for; False at the end of the input."""
        data = os.read(0, 65536)
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._start(json.loads(line)["run"])
        return bool(data)

    def _start(self, run_id: str) -> None:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            # No lifeline's writing end may stay open in here, neither its own nor the others':
            # whoever held one would keep the worker behind it from seeing the host die.
            for descriptor in (writing, *self._lifelines.values()):
                os.close(descriptor)
            self._become_worker(run_id, reading)
        os.close(reading)
        self._lifelines[pid] = writing
        _say({"run": run_id, "pid": pid})

    def _become_worker(self, run_id: str, lifeline: int) -> NoReturn:
        """In the child: its own session, log and lifeline; ends the process."""
        code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            log = os.open(self._paths.run(run_id).log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for target, source in ((0, lifeline), (1, log), (2, log)):
                os.dup2(source, target)
            training = importlib.import_module("core.training")
            code = training.main([run_id, "--artifacts", str(self._paths.root)])
        except BaseException:  # noqa: BLE001 - the process ends here; its log must say why
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        while self._lifelines:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            os.close(self._lifelines.pop(pid))
            _say({"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _child_signals() -> int:
    """A descriptor that becomes readable whenever a child has ended."""
    waker, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return waker


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    give_way()
    importlib.import_module("core.training")
    _say({"ready": True})
    Host(Paths(Path(sys.argv[1]))).serve()


if __name__ == "__main__":
    main()
