"""The documents cannot rot: what they name exists, and what exists is named."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from core.__main__ import COMMANDS, main
from ui.i18n import catalogue

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs").glob("*.md")}
EXAMPLES = re.findall(r"^    \.venv/bin/python -m core (.*)$", README, re.MULTILINE)


def glossary() -> list[tuple[str, str]]:
    """(English, Spanish) of every row of the README's glossary."""
    section = README.split("## Glossary")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE)
    return [(english, spanish) for english, spanish in rows if english != "English"]


def test_there_are_examples_for_every_command() -> None:
    assert {command.name for command in COMMANDS} == {e.split()[0] for e in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_readme_is_understood(
    example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its words are known: what fails is at most that there is no such run, dataset or file."""
    words = [*shlex.split(example), "--artifacts", str(tmp_path)]
    if words[0] in ("train", "crossval"):
        words += ["--set", "train.epochs=0"]  # refused before anything is trained
    main(words)
    said = capsys.readouterr().err
    assert "usage:" not in said
    assert "Traceback" not in said


def test_what_the_readme_names_exists() -> None:
    named = re.findall(r"`((?:core|ui|pages|docs|locales|benchmarks)/[\w./*-]*)`", README)
    assert named
    missing = [name for name in named if "*" not in name and not (ROOT / name).exists()]
    assert missing == []


def test_every_page_is_in_the_readme() -> None:
    pages = {p.stem.capitalize() for p in (ROOT / "pages").glob("*.py")}
    assert {p for p in pages if f"**{p}**" not in README} == set()


def test_every_link_leads_somewhere() -> None:
    for text in (README, *DOCUMENTS.values()):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (ROOT / target).exists() or (ROOT / "docs" / target).exists(), target


def test_every_glossary_word_is_translated_as_the_app_does() -> None:
    """A word that the app uses alone has the glossary's translation there too."""
    words = glossary()
    assert len(words) >= 15
    spanish = catalogue("es")
    shown = {e: spanish.gettext(e) for e, _ in words if spanish.gettext(e) != e}
    assert shown
    glossary_says = dict(words)
    wrong = {e: s for e, s in shown.items() if s.casefold() != glossary_says[e].casefold()}
    assert wrong == {}


def test_every_environment_variable_is_documented() -> None:
    sources = [*(ROOT / "core").rglob("*.py"), *(ROOT / "ui").glob("*.py")]
    used = {v for p in sources for v in re.findall(r"LIENZO_[A-Z_]+", p.read_text("utf-8"))}
    assert used
    assert {v for v in used if f"`{v}`" not in README} == set()


def test_every_benchmark_is_named() -> None:
    scripts = {p.stem for p in (ROOT / "benchmarks").glob("*.py")} - {"__init__", "browserless"}
    assert {s for s in scripts if f"benchmarks.{s}" not in README} == set()


def test_nothing_private_is_tracked() -> None:
    """No data set, weights, environment or artifact, and no file of over 1 MB."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, env=dict(os.environ)
    )
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert [f for f in files if f.is_file() and f.stat().st_size > 1_000_000] == []
    assert [f.name for f in files if f.parent.name == "artifacts"] == [".gitignore"]
