"""Class names in the reader's language, stored in English."""

from __future__ import annotations

import gettext

import pytest

from core.datasets.dataset import DatasetInfo
from ui import i18n, names

SPANISH = {"cat": "gato", "train (on rails)": "tren", "train": "entrenamiento"}


class _Catalogue(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return SPANISH.get(message, message)


def info(vocabulary: str, *class_names: str) -> DatasetInfo:
    return DatasetInfo.model_construct(vocabulary=vocabulary, class_names=class_names)


@pytest.fixture
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (i18n, names):
        monkeypatch.setattr(module, "language", lambda: "es")
    monkeypatch.setattr(i18n, "catalogue", lambda language: _Catalogue())


@pytest.mark.usefixtures("spanish")
@pytest.mark.parametrize(
    ("vocabulary", "stored", "shown"),
    [
        ("cifar10", ("cat", "my own"), ("gato", "my own")),
        ("", ("cat", "dog"), ("cat", "dog")),
        ("cifar100", ("train", "bed"), ("tren", "bed")),
        ("mnist", ("0", "1"), ("0", "1")),
        ("of the future", ("cat",), ("cat",)),
    ],
)
def test_known_names_are_translated(
    vocabulary: str, stored: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    assert names.class_names(info(vocabulary, *stored)) == shown


def test_english_is_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "language", lambda: "en")
    assert names.class_names(info("cifar100", "train", "cat")) == ("train", "cat")
