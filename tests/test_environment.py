"""What stands before the first import: scripts/env.py, the pinned versions, the settings."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import env
from scripts.env import DEV, GPU, ROOT, RUNTIME, Environment, SetupError

LOCK_FILES = [RUNTIME, DEV, GPU]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
HOST = re.compile(r"://|\b[\w-]+\.(com|org|net|io|dev)\b|--(extra-)?index-url|--find-links|@")


class Shell:
    """Stands for pip and venv: remembers what was asked, fails on demand."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.asked: list[str] = []
        self.commands: list[Sequence[str]] = []
        self.broken = False

    def call(self, command: Sequence[str], purpose: str) -> None:
        self.asked.append(purpose)
        self.commands.append(command)
        if self.broken:
            raise SetupError(purpose)
        if "venv" in command:
            self.environment.python.parent.mkdir(parents=True)
            self.environment.python.touch()

    def news(self) -> list[str]:
        """What was asked since the last look."""
        news, self.asked = self.asked, []
        return news


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    for name in (RUNTIME, DEV):
        (tmp_path / name).write_text(f"{name} as it was")
    return Environment(tmp_path)


@pytest.fixture
def shell(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell(environment)
    monkeypatch.setattr(env, "call", shell.call)
    monkeypatch.setattr(env, "version_of", lambda command, imports="sys": (3, 12))
    return shell


def test_first_time_creates_and_installs_then_nothing(
    environment: Environment, shell: Shell
) -> None:
    environment.ensure(RUNTIME, DEV)
    assert shell.news() == ["create .venv", f"install {RUNTIME}", f"install {DEV}"]
    environment.ensure(RUNTIME, DEV)
    assert shell.news() == []


def test_changed_file_alone_is_installed_again(environment: Environment, shell: Shell) -> None:
    environment.ensure(RUNTIME, DEV)
    (environment.root / DEV).write_text("another version")
    shell.news()
    environment.ensure(RUNTIME, DEV)
    assert shell.news() == [f"install {DEV}"]


def test_touched_file_is_not_a_changed_file(environment: Environment, shell: Shell) -> None:
    environment.ensure(RUNTIME)
    os.utime(environment.root / RUNTIME, (1, 1))
    shell.news()
    environment.ensure(RUNTIME)
    assert shell.news() == []


def test_failed_installation_is_not_taken_for_done(environment: Environment, shell: Shell) -> None:
    environment.ensure(RUNTIME)
    (environment.root / RUNTIME).write_text("another version")
    shell.broken = True
    with pytest.raises(SetupError):
        environment.ensure(RUNTIME)
    # Nobody knows which packages pip had replaced, so even the old text is installed anew.
    (environment.root / RUNTIME).write_text(f"{RUNTIME} as it was")
    shell.broken = False
    shell.news()
    environment.ensure(RUNTIME)
    assert shell.news() == [f"install {RUNTIME}"]


def test_half_a_package_means_a_new_environment(environment: Environment, shell: Shell) -> None:
    environment.ensure(RUNTIME)
    library = "Lib" if os.name == "nt" else "lib/python3.12"
    package = environment.folder / library / "site-packages" / "keras-3.0.dist-info"
    package.mkdir(parents=True)
    (package / "INSTALLER").touch()
    shell.news()
    environment.ensure(RUNTIME)
    assert shell.news() == []
    (package / "INSTALLER").unlink()
    environment.ensure(RUNTIME)
    assert shell.news() == ["create .venv", f"install {RUNTIME}"]
    assert not package.exists()


@pytest.mark.parametrize("answer", [None, (3, 10), (3, 14)])
def test_python_that_is_gone_or_unsupported_means_a_new_environment(
    environment: Environment,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, int] | None,
) -> None:
    environment.ensure(RUNTIME)
    monkeypatch.setattr(env, "version_of", lambda command, imports="sys": answer)
    shell.news()
    environment.ensure(RUNTIME)
    assert shell.news() == ["create .venv", f"install {RUNTIME}"]


def test_unreadable_stamp_is_no_stamp(environment: Environment, shell: Shell) -> None:
    environment.ensure(RUNTIME)
    environment.stamp.write_text('{"requirements.txt": "ab')
    shell.news()
    environment.ensure(RUNTIME)
    assert shell.news() == [f"install {RUNTIME}"]


def test_pip_checks_hashes_and_compiles(environment: Environment, shell: Shell) -> None:
    environment.ensure(RUNTIME)
    assert {"--require-hashes", "--only-binary", "--compile"} <= set(shell.commands[-1])


def test_what_it_runs_may_write_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(Environment, "python", Path(sys.executable))
    (tmp_path / "told.py").write_text("import sys; print(sys.dont_write_bytecode)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert Environment(tmp_path).module("told") == 0
    assert capfd.readouterr().out == "False\n"


def test_one_process_at_a_time_changes_the_environment(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a") as other:
        with env.only_one(tmp_path / "lock"):
            assert not env.try_lock(other)
        assert env.try_lock(other)


@pytest.mark.parametrize(
    ("version", "expected"),
    [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((2, 7), False)],
)
def test_supported_versions(version: tuple[int, int], expected: bool) -> None:
    assert env.supported(version) is expected


def test_supported_versions_are_those_of_pyproject() -> None:
    (major, oldest), (_, newest) = env.OLDEST, env.NEWEST
    assert project()["requires-python"] == f">={major}.{oldest},<{major}.{newest + 1}"


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_unsupported_python_is_refused_in_plain_words(
    version: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(env, "another_python", lambda: None)
    monkeypatch.setitem(env.TASKS, "run", env.Task("", lambda *_: pytest.fail("it started")))
    assert env.main(["run"]) == 1
    message = capsys.readouterr().err
    assert "needs Python 3.11 to 3.13" in message
    assert f"this one is {version[0]}.{version[1]}." in message
    assert "make run PYTHON=" in message


def test_another_python_is_asked_not_only_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"python3.13": None, "python3.12": (3, 11), "python3.11": (3, 11)}
    monkeypatch.setattr(env, "version_of", lambda command: answers.get(command[0]))
    assert env.another_python() == ["python3.11"]


def test_version_of_this_python() -> None:
    assert env.version_of([sys.executable]) == sys.version_info[:2]
    assert env.version_of([sys.executable], "no_such_module") is None
    assert env.version_of(["no-such-python"]) is None


def test_an_old_python_can_read_the_script_that_refuses_it() -> None:
    ast.parse((ROOT / "scripts" / "env.py").read_text(), feature_version=(3, 7))


def test_missing_ensurepip_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(env, "apt_install", lambda *packages: False)
    with pytest.raises(SetupError, match=r"apt-get install python3\.\d+-venv"):
        env.need_venv_module()


def test_nothing_is_installed_without_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "as_root", lambda: None)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("ran a command"))
    assert env.apt_install("chromium") is False


def test_browser_of_the_variable_comes_first() -> None:
    assert env.find_browser({env.BROWSER_VARIABLE: sys.executable}) == sys.executable
    assert env.find_browser({env.BROWSER_VARIABLE: "/no/such/browser"}) is None


def test_missing_browser_is_told_with_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(env, "find_browser", lambda: None)
    monkeypatch.setattr(env, "apt_install", lambda *packages: False)
    env.need_browser()
    assert "apt-get install chromium" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("failing", "expected"), [("", 0), ("ruff", 1), ("mypy", 1), ("pytest", 1)]
)
def test_every_check_runs_and_pytest_last(
    environment: Environment,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    expected: int,
) -> None:
    ran: list[str] = []

    def module(self: Environment, *words: str) -> int:
        ran.append(words[0])
        return int(words[0] == failing)

    monkeypatch.setattr(Environment, "module", module)
    monkeypatch.setattr(env, "need_browser", lambda: None)
    assert env.test(environment, []) == expected
    assert ran == ["ruff", "ruff", "mypy", "pytest"]


def test_make_has_every_task_and_ci_only_calls_it() -> None:
    phony = re.search(r"^\.PHONY: help (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert phony[1].split() == list(env.TASKS)
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in ci if "make" in line] == ["exec make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_installation_guide_names_every_task() -> None:
    guide = (ROOT / "docs" / "install.md").read_text()
    assert [name for name in env.TASKS if f"make {name}" not in guide] == []


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def entries(name: str) -> Iterator[str]:
    """The requirements of a lock file, each with its hashes on one line, comments removed."""
    text = re.sub(r"(?m)^\s*#.*\n?", "", (ROOT / name).read_text())
    yield from filter(None, text.replace("\\\n", " ").splitlines())


def versions(name: str) -> Mapping[str, set[str]]:
    """Package to versions; more than one where they differ between Pythons."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries(name):
        requirement = Requirement(entry.split("--hash", 1)[0])
        found[canonicalize_name(requirement.name)].add(str(requirement.specifier))
    return found


@pytest.mark.parametrize("name", LOCK_FILES)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    loose = [e for e in entries(name) if not (re.match(r"[\w.-]+==[\w.+]+ ", e) and HASH.search(e))]
    assert loose == []
    assert len(versions(name)) > 50


@pytest.mark.parametrize("name", LOCK_FILES)
def test_lock_files_name_no_place(name: str) -> None:
    assert HOST.findall((ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", [DEV, GPU])
def test_lock_files_agree(name: str) -> None:
    """Same versions, same hashes: installing one on top of another changes nothing."""
    assert set(entries(RUNTIME)) - set(entries(name)) == set()


def declared() -> Iterator[tuple[str, Requirement]]:
    """Each range of pyproject.toml with the lock file that answers it."""
    text = tomllib.loads((ROOT / "pyproject.toml").read_text())
    sources = {
        RUNTIME: text["project"]["dependencies"],
        GPU: text["project"]["optional-dependencies"]["gpu"],
        DEV: text["dependency-groups"]["dev"],
    }
    yield from ((name, Requirement(item)) for name, items in sources.items() for item in items)


def test_pins_are_inside_the_declared_ranges() -> None:
    pins = {name: versions(name) for name in LOCK_FILES}
    for name, wanted in declared():
        found = pins[name][canonicalize_name(wanted.name)]
        assert found, f"{wanted} is not in {name}: make lock"
        assert all(wanted.specifier.contains(v.removeprefix("==")) for v in found), wanted


def test_gpu_libraries_are_for_linux_only() -> None:
    nvidia = [entry for entry in entries(GPU) if re.match("nvidia-(?!ml-py)", entry)]
    assert len(nvidia) > 5
    assert [entry for entry in nvidia if "sys_platform == 'linux'" not in entry] == []


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


def flat(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key


@pytest.mark.parametrize("option", list(flat(settings())))
def test_streamlit_knows_the_option(option: str) -> None:
    streamlit.get_option(option)  # raises for a name that Streamlit would only warn about


def test_essential_settings() -> None:
    table = settings()
    assert table["runner"]["postScriptGC"] is False
    assert table["browser"]["gatherUsageStats"] is False
    assert table["server"]["address"] == "127.0.0.1"
    assert table["server"]["port"] == 8501
    assert table["server"]["enableXsrfProtection"] is True
    assert table["server"]["enableCORS"] is True
    assert table["server"]["fileWatcherType"] == "none"


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_theme_is_readable(name: str) -> None:
    theme = settings()["theme"][name]
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 4.5
    assert contrast(theme["primaryColor"], "#ffffff") >= 4.5  # the text of primary buttons
    assert contrast(theme["textColor"], theme["backgroundColor"]) >= 7
    assert contrast(theme["textColor"], theme["secondaryBackgroundColor"]) >= 7
    assert len(theme["chartSequentialColors"]) == 10  # Streamlit takes no other number
    assert len(set(theme["chartCategoricalColors"])) == 8
