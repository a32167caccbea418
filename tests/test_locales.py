"""Everything a reader sees is translated: messages, tables of labels, and the way of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message

from core.config import _EXPECTED, ARCHITECTURES, SECTIONS
from core.config_augment import GROUPS
from core.config_models import BACKBONES
from core.datasets.benchmarks import BENCHMARKS
from core.datasets.dataset import SPLIT_NAMES
from core.datasets.report import REASONS, REPAIRS, Reason, Repair
from core.datasets.server_folder import GUESSES
from core.datasets.shapes import ShapesOptions
from core.datasets.specs import SOURCES
from core.datasets.vocabularies import SHAPE_NAMES
from core.errors import LabError, text
from core.knobs import Section
from core.presets import PRESETS
from core.records import STATUS_NAMES, RunStatus
from scripts import messages
from scripts.messages import ROOT, singular
from ui import (
    data_view,
    forms,
    i18n,
    import_options,
    import_view,
    live,
    nav,
    predict_view,
)

FORMS: list[type[Section]] = [*SECTIONS.values(), *ARCHITECTURES.values(), ShapesOptions]
"""Everything that is offered as a form."""
CATALOGUES = messages.catalogues()
LANGUAGES = [file.parts[-3] for file in CATALOGUES]
NAMES = {"SGD", "RMSprop", "Adam", "AdamW", "ReLU", "GELU", "Swish", "tanh", "ELU"}
NAMES |= {"Nadam", "Lion", "Muon", "Adagrad", "MixUp", "CutMix", "px", "min", "ImageNet"}
NAMES |= {"ResNet-20", "WRN-16-4", *(row.title for row in BACKBONES.values())}
NAMES |= {"ResNet", "WideResNet", "Fast32", "ConvNeXt", "MLP-Mixer"}
"""Optimizers, activations, methods, networks and units are called the same everywhere."""


@pytest.fixture(scope="module")
def code() -> Catalog:
    return messages.in_code()


@pytest.fixture(params=CATALOGUES, ids=LANGUAGES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return messages.read(request.param)


def real(catalogue: Catalog) -> Iterator[Message]:
    """Its messages without the header."""
    return (message for message in catalogue if message.id)


# -- the catalogues ---------------------------------------------------------------------------


def test_every_language_offered_has_a_catalogue() -> None:
    """English stands in the code."""
    assert set(LANGUAGES) == set(i18n.LANGUAGES) - {"en"}


def test_catalogue_is_up_to_date_with_the_code(catalogue: Catalog, code: Catalog) -> None:
    """If not: make messages, then translate what it lists."""
    ours, wanted = ({m.id for m in real(c)} for c in (catalogue, code))
    assert (wanted - ours, ours - wanted) == (set(), set())
    assert list(catalogue.obsolete) == []


def test_everything_is_translated(catalogue: Catalog) -> None:
    assert [m.id for m in messages.untranslated(catalogue)] == []
    plurals = [m for m in real(catalogue) if m.pluralizable]
    assert plurals
    assert [m.id for m in plurals if len(strings(m)) != catalogue.num_plurals] == []


def test_one_plural_for_one_singular() -> None:
    """Two would share a place in the catalogue, and one of them be lost."""
    pairs = [message for message in messages.extracted() if isinstance(message, tuple)]
    assert [one for one, n in Counter(map(singular, pairs)).items() if n > 1] == []


def test_translations_have_the_gaps_of_the_original(catalogue: Catalog) -> None:
    assert [m.id for m in real(catalogue) if not same_gaps(m)] == []


def test_translations_end_as_the_original(catalogue: Catalog) -> None:
    def end(sentence: str) -> str:
        return sentence[-1] if sentence[-1] in ".:?!…" else ""

    pairs = [pair for m in real(catalogue) for pair in forms_of(m)]
    assert [original for original, ours in pairs if end(original) != end(ours)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_app_finds_every_translation(language: str, code: Catalog) -> None:
    """The file as ``ui/i18n.py`` compiles it: no message hides another."""
    found = i18n.catalogue(language)
    catalogue = messages.read(CATALOGUES[LANGUAGES.index(language)])
    for message in real(code):
        if isinstance(message.id, str):
            assert found.gettext(message.id) == catalogue[message.id].string
        else:
            one, many = message.id
            shown = (found.ngettext(one, many, 1), found.ngettext(one, many, 7))
            assert shown == strings(catalogue[one])


def forms_of(message: Message) -> list[tuple[str, str]]:
    """(original, translation) of a message or of each of its numbers."""
    originals = (message.id,) if isinstance(message.id, str) else message.id
    return list(zip(originals, strings(message), strict=True))


def strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def same_gaps(message: Message) -> bool:
    return all(gaps(original) == gaps(ours) for original, ours in forms_of(message))


def gaps(sentence: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(sentence) if name is not None)


@pytest.mark.parametrize(
    ("original", "translation", "right"),
    [
        ("{n} of {m}", "{m}: {n}", True),
        ("{n} of {m}", "{n}", False),
        ("{n}", "{n} {n}", False),
        ("{name}", "{nombre}", False),
        (("Delete", "Delete {n}"), ("Eliminar", "Eliminar {n}"), True),
        (("Delete", "Delete {n}"), ("Eliminar {n}", "Eliminar {n}"), False),
        (("{n} run", "{n} runs"), ("{n} ejecución", "ejecuciones"), False),
    ],
)
def test_gaps_are_compared(original: Any, translation: Any, right: bool) -> None:
    assert same_gaps(Message(original, translation)) is right


# -- make messages ----------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one page, and an empty Spanish catalogue."""
    (tmp_path / "babel.cfg").write_text((ROOT / "babel.cfg").read_text())
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.py").write_text(
        '_("Two {gap}" " halves", gap=1)\nN_("Later")\nngettext("{n} cat", "{n} cats", 2)\n_(word)'
    )
    file = tmp_path / "locales" / "es" / "LC_MESSAGES" / "lienzo.po"
    file.parent.mkdir(parents=True)
    file.touch()
    return tmp_path


def test_make_messages_collects_and_lists(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages.main(project)
    (file,) = messages.catalogues(project)
    found = [message.id for message in real(messages.read(file))]
    assert found == ["Later", "Two {gap} halves", ("{n} cat", "{n} cats")]
    assert "3 messages, 3 to translate\n  Later\n" in capsys.readouterr().out


def test_make_messages_keeps_translations_and_drops_what_is_gone(project: Path) -> None:
    messages.main(project)
    (file,) = messages.catalogues(project)
    page = project / "pages" / "a.py"
    file.write_text(
        file.read_text("utf-8").replace('"Later"\nmsgstr ""', '"Later"\nmsgstr "Luego"'), "utf-8"
    )
    page.write_text('\n\nN_("Later")\n_("Latter")')
    messages.main(project)
    once = file.read_bytes()
    catalogue = messages.read(file)
    assert {m.id: m.string for m in real(catalogue)} == {"Later": "Luego", "Latter": ""}
    assert [m.id for m in messages.untranslated(catalogue)] == ["Latter"]
    assert list(catalogue.obsolete) == []
    page.write_text("# a line more\n" + page.read_text())
    messages.main(project)
    assert file.read_bytes() == once


def has_letters(word: str) -> bool:
    return any(map(str.isalpha, word))


# -- tables of labels, translated where they are shown ------------------------------------------


def knob_words() -> Iterator[str]:
    for section in FORMS:
        for knob in section.knobs().values():
            yield from (knob.label, knob.help, knob.unit)


def pairs(table: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (word for pair in table for word in pair)


TABLES: dict[str, Iterable[str]] = {
    "config.knobs": knob_words(),
    "config._EXPECTED": _EXPECTED.values(),
    "presets": pairs((preset.label, preset.help) for preset in PRESETS.values()),
    "report.REASONS": REASONS.values(),
    "report.REPAIRS": REPAIRS.values(),
    "dataset.SPLIT_NAMES": SPLIT_NAMES.values(),
    "data_view.TITLES": data_view.TITLES.values(),
    "forms.CHOICES": forms.CHOICES.values(),
    "config_augment.GROUPS": GROUPS.values(),
    "records.STATUS_NAMES": STATUS_NAMES.values(),
    "import_view.PHASES": import_view.PHASES.values(),
    "import_options.RESIZE": pairs(import_options.RESIZE.values()),
    "import_options.COLORS": pairs(import_options.COLORS.values()),
    "import_options.SPLITS": pairs(import_options.SPLITS.values()),
    "import_options.SHARES": import_options.SHARES.values(),
    "vocabularies.SHAPE_NAMES": SHAPE_NAMES,
    "server_folder.GUESSES": GUESSES.values(),
    "specs.SOURCES": pairs((kind.title, kind.explanation) for kind in SOURCES.values()),
    "benchmarks.BENCHMARKS": [benchmark.explanation for benchmark in BENCHMARKS.values()],
    "live.PHASES": live.PHASES.values(),
    "nav.pages": [title for _, title, _ in nav._PAGES],
    "predict_view.WITHOUT_MODEL": predict_view.WITHOUT_MODEL.values(),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_label_is_in_the_catalogue(table: str, code: Catalog) -> None:
    words = list(filter(has_letters, TABLES[table]))
    assert words
    assert [word for word in words if word not in code and word not in NAMES] == []


def test_tables_have_a_row_for_every_value() -> None:
    assert set(STATUS_NAMES) == set(RunStatus)
    assert set(REASONS) == set(Reason)
    assert set(REPAIRS) == set(Repair)
    choices = {
        str(option)
        for section in FORMS
        for field in section.model_fields.values()
        for option in forms._options(field.annotation)
    }
    assert {c for c in choices if has_letters(c)} - set(forms.CHOICES) == set()


# -- numbers and sentences as the language writes them ------------------------------------------


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``speak("es")``: the session's language from now on."""
    return lambda language: monkeypatch.setattr(i18n, "language", lambda: language)


@pytest.mark.parametrize(
    ("written", "english", "spanish"),
    [
        (lambda: i18n.number(12345), "12,345", "12.345"),
        (lambda: i18n.number(0.05), "0.05", "0,05"),
        (lambda: i18n.number(0.00012345678), "0.0001235", "0,0001235"),
        (lambda: i18n.number(1.23456, 3), "1.23", "1,23"),
        (lambda: i18n.percent(0.935), "93.5 %", "93,5 %"),
        (lambda: i18n.percent(1), "100.0 %", "100,0 %"),
        (lambda: i18n.percent(0.5, 0), "50 %", "50 %"),
        (lambda: i18n.percent(None), "–", "–"),
        (lambda: i18n.compact(812), "812", "812"),
        (lambda: i18n.compact(12_345), "12.3 k", "12,3 k"),
        (lambda: i18n.compact(350_000), "350 k", "350 k"),
        (lambda: i18n.compact(1_234_567), "1.2 M", "1,2 M"),
        (lambda: i18n.compact(None), "–", "–"),
        (lambda: i18n.duration(8.44), "8.4 s", "8,4 s"),
        (lambda: i18n.duration(42.4), "42 s", "42 s"),
        (lambda: i18n.duration(80), "1 min 20 s", "1 min 20 s"),
        (lambda: i18n.duration(7500), "2 h 05 min", "2 h 05 min"),
        (lambda: i18n.duration(None), "–", "–"),
        (
            lambda: i18n.moment(datetime(2026, 1, 20, 9, 5, tzinfo=UTC)),
            "20 Jan, 09:05",
            "20 ene, 09:05",
        ),
        (lambda: i18n.moment(None), "–", "–"),
        (
            lambda: i18n._("epoch {epoch} of {epochs}", epoch=3, epochs=20),
            "epoch 3 of 20",
            "época 3 de 20",
        ),
        (lambda: i18n.ngettext("{n} run", "{n} runs", 1), "1 run", "1 ejecución"),
        (lambda: i18n.ngettext("{n} run", "{n} runs", 0), "0 runs", "0 ejecuciones"),
        (lambda: i18n.ngettext("{n} run", "{n} runs", 12345), "12,345 runs", "12.345 ejecuciones"),
        (
            lambda: i18n.say(text("a number of at most {le}", le=0.5)),
            "a number of at most 0.5",
            "un número menor o igual que 0,5",
        ),
        (
            lambda: i18n.say_error(
                LabError(
                    "There is no run {received}.", received="x", remedy=text("The disk is full.")
                )
            ),
            "There is no run x. The disk is full.",
            "No existe la ejecución x. El disco está lleno.",
        ),
        (lambda: i18n._("Delete"), "Delete", "Eliminar"),
        (lambda: i18n._(""), "", ""),
    ],
)
def test_written_in_both_languages(
    speak: Callable[[str], None], written: Callable[[], str], english: str, spanish: str
) -> None:
    speak("en")
    assert written() == english
    speak("es")
    assert written() == spanish
