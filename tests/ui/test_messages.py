"""What comes from outside reaches Markdown through one door, which escapes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREENS = [ROOT / "Home.py", *sorted((ROOT / "ui").glob("*.py")), *(ROOT / "pages").glob("*.py")]
MARKDOWN = {
    *("error", "warning", "info", "success", "caption", "markdown", "write", "title", "header"),
    *("subheader", "toast", "progress", "expander", "metric", "badge", "dialog", "box"),
}
"""Functions of Streamlit that understand Markdown; ``box`` is a variable for some of them."""
OUTSIDE = {"say", "say_error", "str", "repr", "run_label", "short_name", "dataset_title"}
"""Functions whose results may hold names, addresses and files."""
SAFE = {"literal", "status_text"}
"""A status is a word of ours."""


def called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "id", "") or getattr(function, "attr", "")


def unescaped(node: ast.AST) -> Iterator[str]:
    """Parts of an argument that Markdown would read as it came."""
    if called(node) in SAFE:
        return
    if called(node) in OUTSIDE:
        yield ast.unparse(node)
    elif isinstance(node, ast.FormattedValue) and not isinstance(node.value, ast.Call):
        yield ast.unparse(node.value)
    else:
        for part in ast.iter_child_nodes(node):
            yield from unescaped(part)


def found(source: str) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(source)) if called(node) in MARKDOWN)
    return [
        text
        for call in calls
        if isinstance(call, ast.Call)
        for part in (*call.args, *(k.value for k in call.keywords))
        for text in unescaped(part)
    ]


@pytest.mark.parametrize("file", SCREENS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_nothing_from_outside_is_markdown(file: Path) -> None:
    """If not: ``ui.messages.show`` or ``ui.names.literal``."""
    assert found(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("st.error(say_error(error))", ["say_error(error)"]),
        ("st.error(literal(say_error(error)))", []),
        ("column.warning(_('a') + say(text))", ["say(text)"]),
        ("st.markdown(f'**{name}**')", ["name"]),
        ("st.markdown(f'**{literal(name)}** {percent(x)}')", []),
        ("st.caption(_('in {folder}', folder=str(path)))", ["str(path)"]),
        ("st.progress(0.5, text=run_label(record))", ["run_label(record)"]),
        ("show(say(text), 'error')", []),
    ],
)
def test_it_is_found(source: str, expected: list[str]) -> None:
    assert found(source) == expected
