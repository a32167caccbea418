"""No screen shows a literal: what stands in the code is English, and the catalogues know it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.messages import ROOT

TRANSLATORS = {"_", "N_", "ngettext"}
UNTRANSLATED = {
    "Lienzo",
    "F1",
    "English",
    "Español",
    "Adam",
    "Swish",
    *("Nadam", "Lion", "Muon", "Adagrad"),
}
"""Called the same in every language."""
SCREENS = [ROOT / "Home.py", *sorted((ROOT / "ui").glob("*.py")), *(ROOT / "pages").glob("*.py")]
CORE = sorted((ROOT / "core").rglob("*.py"))

# Functions of Streamlit whose first argument is read by people.
SHOWING = set(
    re.findall(
        r"\w+",
        """
    switch title header subheader write markdown text caption badge button download_button
    link_button form_submit_button info warning error success toast selectbox multiselect
    segmented_control pills radio checkbox toggle number_input slider select_slider text_input
    text_area file_uploader camera_input metric tabs expander popover dialog spinner status
    Column TextColumn NumberColumn ProgressColumn DatetimeColumn CheckboxColumn
        """,
    )
)
# Arguments that are read by people in whatever function of Streamlit they are.
SHOWN = {"label", "help", "placeholder", "alt", "text", "caption", "captions", "body", "delta"}
# Functions that pass on what they are given.
PASSING = {"literal", "escape", "str", "join", "replace", "strip", "list", "next"}
DIRECTIVE = re.compile(r":material/\w+:|:\w+-(?:badge|background)|<[^>]*>")
PROSE = re.compile(r"(?:^|\s)[^\W\d_]{2,}[,.:;]?\s[^\W\d_]{2,}(?:$|[\s,.;!?])")


def literals(node: ast.AST | None) -> Iterator[str]:
    """The string literals that an expression may show, but for those given to a translator."""
    match node:
        case ast.Constant(value=str(value)):
            yield value
        case ast.Call(func=function) if called(function) not in TRANSLATORS:
            if called(function) in PASSING:
                yield from (t for part in (function, *node.args) for t in literals(part))
        case ast.Attribute(value=value) | ast.Starred(value=value) | ast.FormattedValue(value):
            yield from literals(value)
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
            yield from (*literals(one), *literals(other))
        case ast.JoinedStr(values=parts) | ast.BoolOp(values=parts) | ast.Dict(values=parts):
            yield from (t for part in parts for t in literals(part))
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            yield from (t for part in parts for t in literals(part))
        case ast.ListComp(elt=value) | ast.GeneratorExp(elt=value) | ast.NamedExpr(value=value):
            yield from literals(value)


def called(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def bare(source: str, functions: set[str], keywords: set[str]) -> list[str]:
    """Untranslated text given to these functions, first or by these keywords."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            given = [k.value for k in node.keywords if k.arg in keywords]
            if called(node.func) in functions:
                given += node.args[:1]
            found += [text for part in given for text in literals(part)]
    return [
        t for t in found if any(map(str.isalpha, DIRECTIVE.sub("", t))) and t not in UNTRANSLATED
    ]


def prose(source: str) -> list[str]:
    """Literals anywhere, but in documentation and translators, that can only be for people."""
    tree = ast.parse(source)
    passed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(node.value)
        if isinstance(node, ast.Call) and called(node.func) in TRANSLATORS:
            passed.update(part for argument in node.args for part in ast.walk(argument))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in passed
    ]
    return [t for t in texts if t not in UNTRANSLATED and reads_like_words(t)]


def reads_like_words(value: str) -> bool:
    if "<" in value:  # a piece of HTML
        return False
    return bool(PROSE.search(value)) or (value.isalpha() and value.istitle() and len(value) > 2)


def lab_errors() -> set[str]:
    """LabError and all classes of core that come from it."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in CORE]
    classes = [node for t in trees for node in ast.walk(t) if isinstance(node, ast.ClassDef)]
    family = {"LabError"}
    while more := {c.name for c in classes if family & set(map(called, c.bases))} - family:
        family |= more
    return family


@pytest.mark.parametrize("file", SCREENS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_screen_shows_a_literal(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert bare(source, SHOWING, SHOWN) == []
    assert prose(source) == []


def test_no_error_holds_a_literal() -> None:
    """``LabError("…")`` works, but in English only: the catalogues are filled from ``N_``."""
    makers = {"text", "Text"} | lab_errors()
    assert {"DatasetError", "InvalidValueError"} < makers
    texts = [t for file in CORE for t in bare(file.read_text(encoding="utf-8"), makers, {"msgid"})]
    assert [t for t in texts if not t.startswith("SELECT ")] == []  # SQLAlchemy has a text(), too


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("st.title('Runs')", ["Runs"]),
        ("st.title(_('Runs'))", []),
        ("column.metric(_('Loss'), '3 %')", []),
        ("st.write(f'{n} runs')", [" runs"]),
        ("st.write('**' + _('Runs') + '**  \\n')", []),
        ("st.write('**' + 'Runs' + '**')", ["Runs"]),
        ("st.button(_('Stop') if a else 'Go')", ["Go"]),
        ("st.button(label='Go', icon=':material/x:')", ["Go"]),
        ("st.slider(_('N'), 1, 2, help='How many')", ["How many"]),
        ("st.tabs([_('One'), 'Two'])", ["Two"]),
        ("st.error(literal('Wrong'))", ["Wrong"]),
        ("st.error(say(reason))", []),
        ("st.caption(' · '.join(['a', _('b')]))", ["a"]),
        ("st.caption(names['key'])", []),
        ("st.radio(_('R'), table, captions=['Slow' for t in table])", ["Slow"]),
        ("config.TextColumn('Class')", ["Class"]),
        ("st.page_link('pages/a.py', label='Errors')", ["Errors"]),
        ("st.plotly_chart(figure, key='curve', alt='Curve')", ["Curve"]),
        ("st.markdown(':material/home:')", []),
        ("st.title('Lienzo')", []),
    ],
)
def test_bare_texts_are_found(source: str, expected: list[str]) -> None:
    assert bare(source, SHOWING, SHOWN) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("VIEWS = {'look': 'Look at it'}", ["Look at it"]),
        ("VIEWS = {'look': 'Look'}", ["Look"]),
        ("VIEWS = {'look': _('Look at it')}", []),
        ("def f():\n    '''What it does.'''", []),
        ("key = 'errors.view'", []),
        ("style = '<style>body main{margin:0}</style>'", []),
        ("word = f'{n} of them'", [" of them"]),
        ("pattern = 'd MMM, HH:mm'", []),
    ],
)
def test_prose_is_found(source: str, expected: list[str]) -> None:
    assert prose(source) == expected


def test_bare_errors_are_found() -> None:
    assert bare("raise RunError('No')", lab_errors(), set()) == ["No"]
    assert bare("raise RunError(N_('No'))", lab_errors(), set()) == []
    assert bare("raise ValueError('No')", lab_errors(), set()) == []
