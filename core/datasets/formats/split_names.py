"""What people call the parts of a dataset: ``Entrenamiento``, ``seg_train``, ``test_images``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

_SPLIT_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "trainset", "trainingset", "trn"), "train"),
    **dict.fromkeys(("entrenamiento", "entrenar", "entreno", "entrenament"), "train"),
    **dict.fromkeys(("treino", "treinamento"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "valset", "validationset", "dev"), "val"),
    **dict.fromkeys(("validacion", "validar", "validacio", "validacao"), "val"),
    **dict.fromkeys(("test", "testing", "tests", "testset", "testingset", "tst"), "test"),
    **dict.fromkeys(("prueba", "pruebas", "teste", "testes", "prova", "proves"), "test"),
    # To be predicted: a test without labels.
    **dict.fromkeys(("pred", "predict", "prediction", "unlabelled", "unlabeled"), "test"),
}
"""Without accents, in small letters."""

_FILLERS = frozenset(
    (
        *("set", "split", "data", "dataset", "folder", "dir", "the", "of"),
        *("image", "images", "img", "imgs", "picture", "pictures", "photos", "jpg", "png"),
        *("datos", "conjunto", "carpeta", "de", "imagen", "imagenes", "foto", "fotos"),
        *("label", "labels", "etiqueta", "etiquetas", "seg", "imagens"),
    )
)
_UNKNOWN = frozenset(("unknown", "desconocido", "desconocida", "all", "todas", "todos"))
_WORD = re.compile(r"[^\W\d_]+")


def words(name: str) -> list[str]:
    """The words of a name, in small letters and without accents: "Datos_Validación1" has two."""
    # Capitals inside a name begin a word, too: TrainSet.
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    plain = unicodedata.normalize("NFKD", spaced).casefold()
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))


def split_of(name: str) -> str | None:
    """The split that a name says, if it says nothing else: "Test_Images" does, "test bench" not."""
    found = {_SPLIT_WORDS.get(word) for word in words(name) if word not in _FILLERS}
    return found.pop() if len(found) == 1 else None


def splits_among(names: Iterable[str]) -> dict[str, str]:
    """Name → split, of the folders beside one another.

    Names that also say what it is a split of ("pets_train", "pets_test") count if at least two
    parts of the same thing are there.
    """
    names = list(names)
    found = {name: split for name in names if (split := split_of(name))}
    parts: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        said = words(name)
        splits = {_SPLIT_WORDS[word] for word in said if word in _SPLIT_WORDS}
        if name not in found and len(splits) == 1:
            rest = tuple(word for word in said if word not in _SPLIT_WORDS)
            parts.setdefault(rest, {})[name] = splits.pop()
    for same in parts.values():
        if len(set(same.values())) > 1:
            found |= same
    return found


def is_filler(name: str) -> bool:
    """Whether a folder's name says nothing of what is in it: "images", "train", "seg_train"."""
    known = _FILLERS | _UNKNOWN | _SPLIT_WORDS.keys()
    said = words(name)
    return bool(said) and all(word in known for word in said)
