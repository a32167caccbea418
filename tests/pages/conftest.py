"""Pages without a server: a lab whose worker processes are never started, and runs made by hand."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from core.lab import Lab
from core.records import RunRecord
from tests.pages import making
from ui.state import get_lab

ROOT = Path(__file__).resolve().parents[2]


def plain(markdown: str) -> str:
    """Escaped Markdown as it is read on the page."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown)


NOTHING: Mapping[str, object] = MappingProxyType({})


class OpenPage(Protocol):
    def __call__(
        self,
        page: str,
        /,
        run: RunRecord | None = None,
        lang: str = "en",
        state: Mapping[str, object] = NOTHING,
    ) -> AppTest: ...


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts directory with the digits, made once and copied for every test."""
    root = tmp_path_factory.mktemp("prepared") / "artifacts"
    Lab(root).store.close()
    return root


@pytest.fixture(autouse=True)
def _pages_are_run_by_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server that has drawn a page before.

    AppTest is at every run like a server that has not: there a directory called ``pages`` means
    that a page is run without ``Home.py``, which only the first line of each page is for.
    """
    make = PagesManager.__init__

    def init(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init)


@pytest.fixture(autouse=True)
def _keras_is_not_in_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server, where it never is (``test_architecture``).

    Other tests may have loaded it into this process; then Streamlit would reset it and collect
    all garbage after every run of a page, which made these tests take four times as long.
    """
    monkeypatch.setattr(script_runner, "_clean_problem_modules", lambda: None)


@pytest.fixture(scope="session")
def _scanned() -> Callable[[], object]:
    return functools.cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def _packages_are_scanned_once(
    monkeypatch: pytest.MonkeyPatch, _scanned: Callable[[], object]
) -> None:
    """As on a server, which looks for components in all installed packages when it starts. AppTest
    did at every first run of a page, which was nearly half of the time of these tests."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", _scanned)


@pytest.fixture
def lab(_prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """What every page gets from ``get_lab``: the digits, no run, and nothing running."""
    root = tmp_path / "artifacts"
    shutil.copytree(_prepared, root)
    monkeypatch.setenv("LIENZO_ARTIFACTS", str(root))
    monkeypatch.setattr(Lab, "start", lambda self: None)
    get_lab.clear()
    yield get_lab()
    get_lab().store.close()
    get_lab.clear()
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def make_run(lab: Lab) -> Callable[..., RunRecord]:
    """``make_run(RunStatus.FAILED, dataset, epochs=3, model__filters=8)``: see ``making``."""
    return functools.partial(making.make_run, lab.store)


@pytest.fixture
def app(lab: Lab) -> OpenPage:
    """``app("errors", run)``: the page, having run once without an exception; ``state``: what the
    session holds before."""

    def open_page(
        page: str,
        /,
        run: RunRecord | None = None,
        lang: str = "en",
        state: Mapping[str, object] = NOTHING,
    ) -> AppTest:
        test = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=60)
        test.session_state["lang"] = lang
        for name, value in state.items():
            test.session_state[name] = value
        if run:
            test.session_state["run"] = run.id
        if page != "start":
            test.switch_page(f"pages/{page}.py")  # as by a link from outside
        test.run()
        assert not test.exception, test.exception
        return test

    return open_page
