"""Where a random change may alter what an image means, learnt from what a dataset is called of.

A mirrored b is a d, a 6 turned by half is a 9, a grey image has no colours: pure functions of a
dataset's description and of the settings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from core.config_augment import COLOUR_ONLY, AugmentConfig
from core.datasets.dataset import DatasetInfo
from core.errors import N_, Text, text

TURN = 45.0
"""Degrees from which on a turned character may be read as another."""
TINY = 16
"""Pixels of a side up to which every one of them counts."""
STRONG = 0.3
"""Part of a tiny image whose loss may take away what it shows."""


def _vocabulary(words: str) -> frozenset[str]:
    return frozenset(words.split())


DIGIT_WORDS = _vocabulary(
    "zero one two three four five six seven eight nine "
    "cero uno dos tres cuatro cinco seis siete ocho nueve"
)
ABOUT_CHARACTERS = _vocabulary(
    "digit number letter character char upper lower uppercase lowercase capital class label "
    "digito numero letra caracter mayuscula minuscula clase etiqueta"
)
SIDEWAYS = _vocabulary("left right izquierda izquierdo derecha derecho izq der")
UPRIGHT = _vocabulary("up down top bottom upper lower arriba abajo superior inferior")
COLOURS = _vocabulary(
    "red green blue yellow orange purple pink brown white black rojo roja verde azul amarillo "
    "amarilla naranja morado morada violeta rosa marron cafe blanco blanca negro negra"
)


class Caution(NamedTuple):
    """What may go wrong with the change switched on by the setting ``about``."""

    about: str
    text: Text


def augmentation_cautions(info: DatasetInfo, config: AugmentConfig) -> list[Caution]:
    """What to look at before training on this dataset with these changes; mostly nothing."""
    kind = _Kind.of(info)
    found = [(about, rule(kind, config)) for about, rule in _RULES]
    cautions = [Caution(about, text) for about, text in found if text is not None]
    left_out = [name for name in COLOUR_ONLY if kind.grey and config.is_on(name)]
    return cautions + [Caution(name, _colourless(name)) for name in left_out]


class _Kind(NamedTuple):
    """What the class names and the shape of the images give away."""

    words: frozenset[str]
    characters: bool
    grey: bool
    side: int

    @classmethod
    def of(cls, info: DatasetInfo) -> _Kind:
        names = [_words(name) for name in info.class_names]
        characters = sum(map(_is_character, names)) * 2 > len(names) > 1
        height, width, channels = info.image_shape
        return cls(frozenset().union(*names), characters, channels == 1, min(height, width))


def _words(name: str) -> frozenset[str]:
    """The words of a class name, without capitals and accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return frozenset(re.findall(r"[^\W\d_]+|\d+", bare))


def _is_character(words: frozenset[str]) -> bool:
    """Whether these are the words of one digit or letter: ``7``, ``7 - seven``, ``letter_a``."""
    rest = words - ABOUT_CHARACTERS
    return bool(rest) and all(len(word) == 1 or word in DIGIT_WORDS for word in rest)


def _colourless(name: str) -> Text:
    label = Text(msgid=AugmentConfig.knobs()[name].label)
    return text(
        N_("{change} is left out in training: the images are grey and have no colours."),
        change=label,
    )


def _flip(kind: _Kind, config: AugmentConfig) -> Text | None:
    across = config.flip in ("horizontal", "both")
    upside = config.flip in ("vertical", "both")
    if config.is_on("flip") and kind.characters:
        return text(
            N_("The classes look like digits or letters: mirrored, b is d and most are none.")
        )
    if across and kind.words & SIDEWAYS:
        return text(N_("Class names speak of left and right: a flip swaps them in the image only."))
    if upside and kind.words & UPRIGHT:
        return text(N_("Class names speak of up and down: a flip swaps them in the image only."))
    return None


def _rotation(kind: _Kind, config: AugmentConfig) -> Text | None:
    if config.rotation < TURN:
        return None
    if kind.characters:
        return text(
            N_(
                "The classes look like digits or letters: turned by {degrees}°, a 6 may be read "
                "as a 9 and an N as a Z. Up to 15° is usual."
            ),
            degrees=round(config.rotation),
        )
    if kind.words & (SIDEWAYS | UPRIGHT):
        return text(
            N_("Class names speak of a direction: turned by {degrees}°, the image shows another."),
            degrees=round(config.rotation),
        )
    return None


def _colour(*names: str) -> Callable[[_Kind, AugmentConfig], Text | None]:
    def rule(kind: _Kind, config: AugmentConfig) -> Text | None:
        changed = any(config.is_on(name) for name in names)
        if kind.grey or not changed or len(kind.words & COLOURS) < 2:
            return None
        return text(N_("Class names speak of colours: another colour may be another class."))

    return rule


def _crop(kind: _Kind, config: AugmentConfig) -> Text | None:
    if kind.side > TINY or config.crop < STRONG:
        return None
    return text(
        N_("Crop: of {side} pixels a side only {left} may be left, perhaps without what counts."),
        side=kind.side,
        left=round(kind.side * (1 - config.crop)),
    )


def _erasing(kind: _Kind, config: AugmentConfig) -> Text | None:
    if kind.side > TINY or config.erasing < STRONG:
        return None
    return text(
        N_("Erasing: on images of {side} pixels a side the rectangle may cover all that counts."),
        side=kind.side,
    )


def _blur(kind: _Kind, config: AugmentConfig) -> Text | None:
    if config.blur * 8 <= kind.side:
        return None
    return text(
        N_("Blur of {blur} pixels: on images of {side} pixels a side little is left to be seen."),
        blur=config.blur,
        side=kind.side,
    )


_RULES: tuple[tuple[str, Callable[[_Kind, AugmentConfig], Text | None]], ...] = (
    ("flip", _flip),
    ("rotation", _rotation),
    ("hue", _colour("hue", "colour_jitter")),
    ("greyscale", _colour("greyscale")),
    ("crop", _crop),
    ("erasing", _erasing),
    ("blur", _blur),
)
