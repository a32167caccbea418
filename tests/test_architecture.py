"""Who may import whom, what must not be loaded, and how long things may be."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {"keras", "tensorflow", "optuna", "jax", "torch"}

LAYERS: list[set[str]] = [
    {"alive", "backends", "errors", "fair", "knobs"}
    | {"config_augment", "config_models", "config_training", "parts", "task_paths"},
    {"config", "caps", "fitting", "presets", "paths"},
    {"records", "signals", "failures", "stages", "schedules", "estimates"}
    | {"comments", "continuing", "proposing", "reading_curves", "sealing"}
    | {"fields", "folders", "networks", "remarks", "sweeping"},
    {"asking", "store", "migrations", "datasets", "tasks", "analysis", "evaluation", "plots"}
    | {"database", "grouping", "listing", "pairing"},
    {"jobs", "augment", "models", "optimizers", "feeding", "checkpoint", "losses", "averaging"},
    {"callbacks", "crossval", "ensembles", "event_log", "judging", "precision", "following"},
    {"evaluating", "snapshots", "trainer", "transfer", "watching"},
    {"training", "prediction"},
    {"explain", "inspection", "lr_finder", "probing", "search", "souping"} | {"competition"},
    {"compute", "lab", "probe_job"},
    {"commands"},
    {"__main__"},
]
"""The parts of ``core``, each row above those that it may import."""
JOBS_KNOW = {
    "fair",
    "errors",
    "asking",
    "config",
    "caps",
    "parts",
    "paths",
    "task_paths",
    "failures",
    "records",
    "signals",
    "store",
    "jobs",
}
NEED_KERAS = (
    "core.augment",
    "core.averaging",
    "core.backends",
    "core.callbacks",
    "core.checkpoint",
    "core.commands.training_bar",
    "core.competition.answering",
    "core.compute",
    "core.evaluating",
    "core.event_log",
    "core.explain",
    "core.feeding",
    "core.inspection.asking",
    "core.inspection.computing",
    "core.inspection.features",
    "core.judging",
    "core.losses",
    "core.lr_finder",
    "core.models",
    "core.optimizers",
    "core.precision",
    "core.prediction",
    "core.probing",
    "core.search.ticking",
    "core.snapshots",
    "core.souping",
    "core.trainer",
    "core.training",
    "core.transfer",
    "core.watching",
)
"""Of these (and what lies in them) a server never loads one; of all others it may."""


@cache
def sources() -> dict[str, Path]:
    """Every module of the app by its name, as it is on the disk."""
    files = [ROOT / "Home.py"]
    for folder in ("core", "ui", "pages"):
        files += sorted((ROOT / folder).rglob("*.py"))
    found = {}
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(sources()[name].read_text(encoding="utf-8"))


def imports(name: str) -> set[str]:
    """What a module imports, also inside functions; our own names as far as they are modules."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (within & sources().keys()) or {str(node.module)}
    return found - {name}


def part(name: str) -> str:
    """The part of core that a module belongs to: ``core.jobs.runner`` → ``jobs``."""
    return name.split(".")[1] if "." in name else ""


def level(name: str) -> int:
    for number, names in enumerate(LAYERS):
        if part(name) in names:
            return number
    raise AssertionError(f"{name}: give it a place in LAYERS")


CORE = [name for name in sources() if name.startswith("core.")]


def test_core_knows_no_screen() -> None:
    above = {"streamlit", "ui", "pages", "Home"}
    assert {
        n: found for n in CORE if (found := {i.split(".")[0] for i in imports(n)} & above)
    } == {}


def test_ui_knows_no_page() -> None:
    for name in (name for name in sources() if name.startswith("ui")):
        assert not {i for i in imports(name) if i.split(".")[0] in ("pages", "Home")}, name


def test_core_is_written_for_every_backend() -> None:
    """Keras only: ``KERAS_BACKEND`` must be able to choose. What differs is in one module."""
    for name in (name for name in CORE if name != "core.backends"):
        assert not {i.split(".")[0] for i in imports(name)} & (FRAMEWORKS - {"keras", "optuna"}), (
            name
        )


@pytest.mark.parametrize("name", CORE)
def test_core_imports_downwards_only(name: str) -> None:
    ours = {i for i in imports(name) if i.startswith("core.")}
    assert {i for i in ours if level(i) > level(name)} == set()


def test_jobs_know_only_the_store_and_ids() -> None:
    for name in (name for name in CORE if part(name) == "jobs"):
        assert {part(i) for i in imports(name) if i.startswith("core.")} <= JOBS_KNOW, name


def circles() -> Iterator[list[str]]:
    """Every way that leads from a module back to it, found by depth first."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> Iterator[list[str]]:
        if name in way:
            yield [*way[way.index(name) :], name]
        elif name not in done:
            for other in sorted(imports(name) & sources().keys()):
                yield from visit(other, [*way, name])
            done.add(name)

    for name in sources():
        yield from visit(name, [])


def test_no_imports_in_a_circle() -> None:
    assert list(circles()) == []


def test_the_server_loads_no_framework() -> None:
    """In a fresh process: everything that a page or the command line may import."""
    light = [
        name
        for name in sources()
        if name.startswith(("core", "ui"))
        and not any(name == heavy or name.startswith(f"{heavy}.") for heavy in NEED_KERAS)
        and not name.endswith((".__main__", ".migrations.env"))  # these run when imported
    ]
    assert len(light) > 40
    code = "import sys, importlib\n"
    code += f"for name in {light}: importlib.import_module(name)\n"
    code += f"print(sorted({FRAMEWORKS | {'cleanlab'}} & set(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == "[]"


def test_pages_import_nothing_heavy() -> None:
    """Pages cannot be imported without a session; their imports can be read."""
    for name in (n for n in sources() if n.startswith("pages.") or n == "Home"):
        for imported in imports(name):
            assert imported.split(".")[0] not in FRAMEWORKS, name
            assert not imported.startswith(NEED_KERAS), name


def test_what_needs_keras_is_named_as_such() -> None:
    """The list above has no row too many."""
    for heavy in NEED_KERAS:
        mine = [name for name in sources() if name == heavy or name.startswith(f"{heavy}.")]
        reached = set().union(*(imports(name) for name in mine))
        assert "keras" in reached or any(i.startswith(NEED_KERAS) for i in reached - {*mine}), heavy


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(name: str) -> Iterator[Function]:
    return (node for node in ast.walk(tree(name)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines, without decorators and docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def positional(function: Function) -> int:
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def where(name: str, function: Function) -> str:
    return f"{sources()[name].relative_to(ROOT)}:{function.lineno} {function.name}"


def test_no_file_is_too_long() -> None:
    lines = {name: file.read_text().count("\n") for name, file in sources().items()}
    assert {n: count for n, count in lines.items() if count > 400} == {}
    assert {n: c for n, c in lines.items() if n.startswith("pages.") and c > 120} == {}


def test_no_function_is_too_long() -> None:
    found = {where(n, f): length(f) for n in sources() for f in functions(n)}
    assert {place: lines for place, lines in found.items() if lines > 60} == {}
    lengths = sorted(found.values())
    assert statistics.median(lengths) <= 10
    assert lengths[int(0.9 * len(lengths))] <= 30


def test_no_function_takes_too_many_arguments() -> None:
    found = {where(n, f): positional(f) for n in sources() for f in functions(n)}
    assert {place: count for place, count in found.items() if count > 5} == {}
