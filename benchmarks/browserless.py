"""A viewer without a browser: speaks the app's websocket, counts bytes, measures time."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

ROOT = Path(__file__).parents[1]


class Answer(NamedTuple):
    """One run of the script (or of a fragment): seconds until it had finished, bytes sent."""

    seconds: float
    size: int


class Viewer:
    """One session on one page."""

    def __init__(self, port: int, page: str = "", query: str = "") -> None:
        self._socket = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(f"http://127.0.0.1:{port}"),
            max_size=None,
        )
        self._page, self._query = page, query
        self.fragments: dict[str, float] = {}
        """Fragments that the browser would run again by itself, and after how many seconds."""
        self._hash = ""
        self._ids: dict[str, str] = {}
        self._chosen: dict[str, str] = {}
        self._clicked: dict[str, str] = {}
        self.charts: dict[str, str] = {}
        """Charts that can be clicked, and the fragment that each of them is in."""
        self.first = self.rerun()

    def choose(self, key: str, label: str) -> Answer:
        """Choose an option of a segmented control, by its label, for this and all later runs."""
        self._chosen[key] = label
        return self.rerun()

    def click(self, chart: str, index: int) -> Answer:
        """Click an item of a chart, which runs its fragment."""
        selected = [{"series_index": 0, "data_indices": [index]}]
        self._clicked[chart] = json.dumps({"selection": {"selected": selected, "areas": []}})
        return self.rerun(self.charts[chart], timer=False)

    def rerun(self, fragment: str = "", *, timer: bool = True) -> Answer:
        """Run the page, or one of its fragments as its timer or a click would."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        state.page_script_hash = self._hash
        if not self._hash:
            state.page_name = self._page
        state.fragment_id = fragment
        state.is_auto_rerun = bool(fragment) and timer
        for key, label in self._chosen.items():
            widget = state.widget_states.widgets.add()
            widget.id = self._ids[key]
            widget.string_array_value.data.append(label)
        for chart, selection in self._clicked.items():
            widget = state.widget_states.widgets.add()
            widget.id, widget.string_value = chart, selection
        start = time.perf_counter()
        self._socket.send(message.SerializeToString())
        size = self._until_finished(whole=not fragment)
        return Answer(time.perf_counter() - start, size)

    def _until_finished(self, *, whole: bool) -> int:
        size = 0
        while True:
            data = self._socket.recv(timeout=60)
            size += len(data)
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.new_element.HasField("button_group"):
                widget = message.delta.new_element.button_group.id
                # "$$ID-<hash>-<key>"
                self._ids[widget.split("-", 2)[2]] = widget
            if kind == "delta" and message.delta.new_element.HasField("echarts_chart"):
                self.charts[message.delta.new_element.echarts_chart.id] = message.delta.fragment_id
            if kind == "auto_rerun":
                timer = message.auto_rerun
                self.fragments[timer.fragment_id] = timer.interval
            elif kind == "new_session" and whole:
                self.fragments.clear()
            elif kind == "navigation":
                # Not new_session's: that names Home.py when a deep link comes to a warm server.
                self._hash = message.navigation.page_script_hash
            elif kind == "script_finished" and not self._again(message):
                return size

    @staticmethod
    def _again(message: ForwardMsg) -> bool:
        """Whether the script ends only to run again at once (st.rerun)."""
        return message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(artifacts: Path) -> Iterator[int]:
    """The app as users start it, on a free port; yields the port once it answers."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "serve", f"--server.port={port}"],
        cwd=ROOT,
        env={**os.environ, "LIENZO_ARTIFACTS": str(artifacts)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int) -> None:
    for _ in range(3000):  # a minute: the machine may have other things to do
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
            return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("the server does not answer")


def let_keras_load() -> None:
    """A server that has just started loads it in two other processes, on the same cores."""
    time.sleep(12)
