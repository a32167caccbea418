"""Create the environment, then start what lives in it: `python scripts/env.py run`.

The Makefile is a thin front to this file, so that Windows and macOS need no make. It uses
the standard library only, because nothing else is installed yet, and no syntax newer than
Python 3.7, so that an old Python gets far enough to be refused in plain words.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)
RUNTIME, DEV, GPU = "requirements.txt", "requirements-dev.txt", "requirements-gpu.txt"

LOCKS = {
    RUNTIME: [],
    DEV: ["--group", "dev", "--constraint", RUNTIME],
    GPU: ["--extra", "gpu", "--constraint", RUNTIME],
}
CHECKS = ("ruff check", "ruff format --check", "mypy")
# One worker more than the smallest supported machine has cores, because browsers and processes
# are waited for; a file stays on one worker, so that TensorFlow (3 s, 700 MB) is loaded as rarely
# as possible.
PYTEST = ["pytest", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]

BROWSER_VARIABLE = "LIENZO_CHROMIUM"
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
NO_BROWSER = (
    "No Chromium was found. Install it (Debian: sudo apt-get install chromium) "
    f"or set {BROWSER_VARIABLE} to the path of Chromium, Chrome or Edge."
)


class SetupError(Exception):
    """What went wrong and what to do about it, in words for the person at the keyboard."""


def say(text: str) -> None:
    """Print at once: the programs we start write to the same terminal."""
    print(text, flush=True)


def supported(version: Sequence[int]) -> bool:
    return OLDEST <= tuple(version) <= NEWEST


def refusal(version: Sequence[int]) -> str:
    """Why this Python will not do, and how to name another."""
    return (
        f"Lienzo needs Python {dotted(OLDEST)} to {dotted(NEWEST)}, because TensorFlow has "
        f"no packages for others; this one is {dotted(version)}.\n"
        "Install one of them, then name it: make run PYTHON=python3.12 "
        r"(without make: python3.12 scripts/env.py run; Windows: py -3.12 scripts\env.py run)."
    )


def dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def version_of(command: Sequence[str], imports: str = "sys") -> tuple[int, ...] | None:
    """The version of the Python behind a command, None where it does not start or import."""
    code = f"import sys, {imports}; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run([*command, "-I", "-c", code], capture_output=True, text=True)
    except OSError:
        return None
    return tuple(map(int, answer.stdout.split())) if answer.returncode == 0 else None


def another_python() -> list[str] | None:
    """A supported Python on this machine, the newest first."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for command in ([f"python3.{minor}"], ["py", f"-3.{minor}"]):
            # Asked rather than looked up: a version manager's shim exists without its Python.
            if version_of(command) == (3, minor):
                return command
    return None


def as_root() -> list[str] | None:
    """The words that go before a command that only root may run; None where we may not."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    may = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True)
    return sudo if may and may.returncode == 0 else None


def apt_install(*packages: str) -> bool:
    """Install Debian packages without asking anything; False where that is not possible."""
    prefix = as_root() if shutil.which("apt-get") else None
    if prefix is None:
        return False
    say(f"Installing {' and '.join(packages)} with apt-get.")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    install = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    # A fresh container has no package lists; failing to refresh old ones is no reason to stop.
    subprocess.run([*apt, "update"])
    return subprocess.run(install).returncode == 0


def need_venv_module() -> None:
    """Debian keeps the part of Python that fills an environment in a package of its own."""
    if importlib.util.find_spec("ensurepip") is not None:
        return
    package = f"python{dotted(sys.version_info[:2])}-venv"
    if not apt_install(package):
        raise SetupError(
            "This Python cannot create virtual environments: its ensurepip module is missing.\n"
            f"On Debian and Ubuntu run: sudo apt-get install {package}"
        )


def find_browser(environment: Mapping[str, str] = os.environ) -> str | None:
    """The Chromium, Chrome or Edge that the browser tests drive."""
    names = [environment[BROWSER_VARIABLE]] if environment.get(BROWSER_VARIABLE) else BROWSERS
    return next(filter(None, map(shutil.which, names)), None)


def need_browser() -> None:
    """Only tell: without a browser its tests skip, or fail where CI is set."""
    if find_browser() is None and not apt_install("chromium", "fonts-liberation"):
        say(f"{NO_BROWSER} Until then its tests skip, or fail where CI=true.")


@dataclass(frozen=True)
class Environment:
    """The virtual environment of one checkout, and what is known to be installed in it."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        """Which requirement files are installed, each with the hash of its text."""
        return self.folder / "installed.json"

    def ensure(self, *requirements: str) -> None:
        """Make the environment hold these files; next to nothing to do when it does already."""
        with only_one(self.root / ".venv.lock"):
            if not self.usable():
                self.create()
            for name in requirements:
                if self.installed().get(name) != fingerprint(self.root / name):
                    self.install(name)

    def usable(self) -> bool:
        """Its Python still starts, is supported and has pip, and every package is whole."""
        if not self.python.exists() or not self.whole():
            return False
        return supported(version_of([str(self.python)], "pip") or (0, 0))

    def whole(self) -> bool:
        """Whether no installation was killed in the middle of a package.

        pip writes INSTALLER when all else is in place, but takes a package for installed
        before, and would leave it broken for ever.
        """
        library = "Lib" if os.name == "nt" else "lib/python*"
        packages = self.folder.glob(f"{library}/site-packages/*.dist-info")
        return all((package / "INSTALLER").exists() for package in packages)

    def create(self) -> None:
        need_venv_module()
        self.remove()
        say(f"Creating {self.folder} with Python {dotted(sys.version_info[:3])}.")
        call([sys.executable, "-m", "venv", str(self.folder)], "create .venv")

    def remove(self) -> None:
        """Clear the way; on Windows a program that still runs from it forbids this."""
        try:
            if self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise SetupError(
                f"Could not remove the old environment: {error}\n"
                f"Stop what still runs from {self.folder}, remove that folder and try again."
            ) from error

    def install(self, name: str) -> None:
        say(f"Installing {name} into {self.folder}: some minutes the first time, then never again.")
        # Only ready-made packages: building one would download tools that no hash protects.
        # Bytecode now, whatever the environment says: TensorFlow imports 3 times slower without.
        options = ["--require-hashes", "--only-binary", ":all:", "--compile"]
        quiet = [] if sys.stdout.isatty() else ["--quiet"]  # progress bars are for people
        pip = [str(self.python), "-I", "-m", "pip", "install", "--disable-pip-version-check"]
        installed = self.installed()
        self.stamp.unlink(missing_ok=True)  # from here on the old packages are not sure to be there
        call([*pip, *options, *quiet, "-r", str(self.root / name)], f"install {name}")
        installed[name] = fingerprint(self.root / name)
        self.stamp.write_text(json.dumps(installed, indent=1))

    def installed(self) -> dict[str, str]:
        try:
            hashes: dict[str, str] = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return hashes

    def command(self, *words: str) -> list[str]:
        """`python -m ...` rather than a script of .venv/bin, which breaks when moved."""
        return [str(self.python), "-m", *words]

    def module(self, *words: str) -> int:
        # Bytecode is written whatever the environment says: without it every worker of pytest
        # spends 6 s more on our own files, and every process that a test starts half a second.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return subprocess.run(self.command(*words), env=environment).returncode


def fingerprint(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def call(command: Sequence[str], purpose: str) -> None:
    if subprocess.run(command).returncode != 0:
        raise SetupError(f"Could not {purpose}: the reason is in the lines above.")


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Let one process at a time change the environment; the system frees a dead one's lock."""
    with path.open("a") as file:
        if not try_lock(file):
            say("Waiting for another installation into .venv to finish.")
            while not try_lock(file):
                time.sleep(0.5)
        yield


def try_lock(file: IO[str]) -> bool:
    """Take the lock of an open file, which closing it gives back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def run(env: Environment, words: list[str]) -> int:
    env.ensure(RUNTIME)
    return become(env.command("serve", *words))


def run_gpu(env: Environment, words: list[str]) -> int:
    if sys.platform != "linux":
        raise SetupError("TensorFlow trains on NVIDIA GPUs on Linux only (on Windows: in WSL 2).")
    if shutil.which("nvidia-smi") is None:
        raise SetupError(
            "No NVIDIA driver was found (there is no nvidia-smi), so a GPU cannot be used.\n"
            "Install the driver, or train on the processor: make run"
        )
    if GPU not in env.installed():
        say("CUDA's libraries need about 4.5 GB more disk.")
    env.ensure(GPU)
    return become(env.command("serve", *words))


def become(command: list[str]) -> int:
    """Hand over to a program, so that Ctrl-C and kill reach it and nobody else."""
    if os.name != "nt":
        os.execv(command[0], command)
    with subprocess.Popen(command) as program:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return program.wait()


def test(env: Environment, words: list[str]) -> int:
    """Every check, then every test; what pytest prints comes last."""
    env.ensure(RUNTIME, DEV)
    need_browser()
    failed = static_checks(env)
    if env.module(*PYTEST, *words) != 0:
        failed.append("pytest")
    elif failed:
        print(f"\nThe tests pass, but not {', '.join(failed)}: see above.", file=sys.stderr)
    return 1 if failed else 0


def check(env: Environment, words: list[str]) -> int:
    env.ensure(RUNTIME, DEV)
    return 1 if static_checks(env) else 0


def static_checks(env: Environment) -> list[str]:
    """Run them all, and return the names of those that found something."""
    failed = []
    for name in CHECKS:
        say(f"== {name}")
        if env.module(*name.split()) != 0:
            failed.append(name)
    return failed


def tidy(env: Environment, words: list[str]) -> int:
    env.ensure(RUNTIME, DEV)
    env.module("ruff", "check", "--fix", "--quiet", "--exit-zero")
    return env.module("ruff", "format")


def messages(env: Environment, words: list[str]) -> int:
    env.ensure(RUNTIME)
    return env.module("scripts.messages")


def lock(env: Environment, words: list[str]) -> int:
    """Pin the ranges of pyproject.toml anew; `--upgrade` asks for the newest versions."""
    env.ensure(RUNTIME, DEV)
    for name, options in LOCKS.items():
        say(f"Resolving {name}.")
        # Universal: one file for every system and for Python 3.11 to 3.13.
        uv = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
        kind = ["--python-version", dotted(OLDEST), "--custom-compile-command", "make lock"]
        call(env.command(*uv, *kind, *options, "pyproject.toml", "-o", name, *words), "resolve")
    say("Done. The next `make test` installs the new versions and tries them.")
    return 0


class Task(NamedTuple):
    explanation: str
    action: Callable[[Environment, list[str]], int]


TASKS = {
    "run": Task("start the app (more words: options of `streamlit run`)", run),
    "run-gpu": Task("start the app with CUDA's libraries (Linux, NVIDIA)", run_gpu),
    "test": Task("lint, format check, types and all tests (more words go to pytest)", test),
    "check": Task("lint, format check and types only", check),
    "format": Task("format the code and repair what ruff can", tidy),
    "messages": Task("bring the translations in locales/ up to date with the code", messages),
    "lock": Task("pin the dependencies anew (--upgrade: in their newest versions)", lock),
}


def usage() -> str:
    lines = (f"  {name:<8} {task.explanation}" for name, task in TASKS.items())
    return "\n".join(["Usage: python scripts/env.py TASK [WORDS...]", *lines])


def main(words: list[str]) -> int:
    if not words or words[0] not in TASKS:
        say(usage())
        return 0 if words in ([], ["help"], ["--help"]) else 2
    if not supported(sys.version_info[:2]):
        return with_another_python(words)
    os.chdir(ROOT)
    try:
        return TASKS[words[0]].action(Environment(ROOT), words[1:])
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def with_another_python(words: list[str]) -> int:
    command = another_python()
    if command is None:
        print(refusal(sys.version_info[:2]), file=sys.stderr)
        return 1
    say(f"Python {dotted(sys.version_info[:2])} is not supported; using {' '.join(command)}.")
    return become([shutil.which(command[0]) or command[0], *command[1:], __file__, *words])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
