"""How training images are changed at random: one knob per change, in groups.

What each of them does to an image is in :mod:`core.augment`; importing this module loads no Keras.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from annotated_types import Interval

from core.errors import N_
from core.knobs import Section, knob

Fraction = Annotated[float, Interval(ge=0, le=0.5)]
Share = Annotated[float, Interval(ge=0, le=0.9)]
GROUPS: dict[str, str] = {
    "geometry": N_("Geometry"),
    "colour": N_("Light and colour"),
    "quality": N_("Sharpness and noise"),
    "automatic": N_("Automatic"),
    "mixing": N_("Mixing"),
}
"""Key of a group → what it is called, in the order of the form and of the changes themselves,
except that the automatic ones come before sharpness, noise and covering."""


class AugmentConfig(Section):
    """Random changes to every training image, drawn anew in every epoch."""

    flip: Literal["none", "horizontal", "vertical", "both"] = knob(
        "none",
        N_("Flip"),
        N_("Mirrors images at random; only sensible if a mirrored image keeps its meaning."),
        basic=True,
        group="geometry",
    )
    rotation: Annotated[float, Interval(ge=0, le=180)] = knob(
        0.0,
        N_("Rotation"),
        N_("Turns images by up to this angle, either way."),
        basic=True,
        step=5,
        unit="°",
        group="geometry",
    )
    translation: Fraction = knob(
        0.0,
        N_("Translation"),
        N_("Shifts images by up to this part of their side, in both directions."),
        basic=True,
        step=0.05,
        group="geometry",
    )
    zoom: Fraction = knob(
        0.0,
        N_("Zoom"),
        N_("Enlarges or shrinks images by up to this part."),
        basic=True,
        step=0.05,
        group="geometry",
    )
    crop: Fraction = knob(
        0.0,
        N_("Crop"),
        N_("Cuts away up to this part of the side at a random place and enlarges the rest."),
        step=0.05,
        group="geometry",
    )
    shear: Fraction = knob(
        0.0,
        N_("Shear"),
        N_("Slants images, by up to this part of their side, to either side and up or down."),
        step=0.05,
        group="geometry",
    )
    perspective: Annotated[float, Interval(ge=0, le=0.4)] = knob(
        0.0,
        N_("Perspective"),
        N_("Shows the image as if seen at an angle: moves corners by up to this part of a side."),
        step=0.05,
        group="geometry",
    )
    brightness: Share = knob(
        0.0,
        N_("Brightness"),
        N_("Makes images lighter or darker by up to this part of the full range."),
        step=0.05,
        group="colour",
    )
    contrast: Share = knob(
        0.0,
        N_("Contrast"),
        N_("Strengthens or weakens contrast by up to this part."),
        step=0.05,
        group="colour",
    )
    saturation: Share = knob(
        0.0,
        N_("Saturation"),
        N_("Makes colours paler by up to this part, or as much stronger; not for grey images."),
        step=0.05,
        group="colour",
    )
    hue: Annotated[float, Interval(ge=0, le=180)] = knob(
        0.0,
        N_("Hue"),
        N_("Turns the colour wheel by up to this angle, either way; not for grey images."),
        step=5,
        unit="°",
        group="colour",
    )
    colour_jitter: Share = knob(
        0.0,
        N_("Colour jitter"),
        N_("Brightness, contrast, saturation and a little hue at once; not for grey images."),
        step=0.05,
        group="colour",
    )
    greyscale: Annotated[float, Interval(ge=0, le=1)] = knob(
        0.0,
        N_("Greyscale"),
        N_("Takes the colours away from this part of the images; not for grey images."),
        step=0.05,
        group="colour",
    )
    blur: Annotated[float, Interval(ge=0, le=3)] = knob(
        0.0,
        N_("Blur"),
        N_("Softens images by a Gaussian of up to this width."),
        step=0.25,
        unit="px",
        group="quality",
    )
    sharpness: Share = knob(
        0.0,
        N_("Sharpness"),
        N_("Makes edges crisper or softer by up to this part."),
        step=0.05,
        group="quality",
    )
    noise: Annotated[float, Interval(ge=0, le=100)] = knob(
        0.0,
        N_("Noise"),
        N_("Adds to every pixel a random number with up to this deviation, of 255 levels."),
        step=5,
        group="quality",
    )
    erasing: Fraction = knob(
        0.0,
        N_("Erasing"),
        N_("Covers a grey rectangle of up to this part of the image, at a random place."),
        step=0.05,
        group="quality",
    )
    rand_augment: Literal[0, 1, 2, 3, 4] = knob(
        0,
        N_("RandAugment"),
        N_("Applies so many changes to every image, each drawn anew; 0: none."),
        group="automatic",
    )
    rand_strength: Annotated[float, Interval(ge=0.05, le=1)] = knob(
        0.3,
        N_("RandAugment strength"),
        N_("How strong each of these changes may be; 1 is rarely recognisable."),
        step=0.05,
        group="automatic",
        when=("rand_augment", (1, 2, 3, 4)),
    )
    augmix: bool = knob(
        False,
        N_("AugMix"),
        N_("Blends the image with three differently changed versions of itself."),
        group="automatic",
    )
    augmix_strength: Annotated[float, Interval(ge=0.05, le=1)] = knob(
        0.3,
        N_("AugMix strength"),
        N_("How strong the changes in each version may be."),
        step=0.05,
        group="automatic",
        when=("augmix", (True,)),
    )
    mixing: Literal["none", "mixup", "cutmix", "either"] = knob(
        "none",
        N_("Mixing"),
        N_("MixUp blends two images, CutMix pastes a piece of one; the label is shared likewise."),
        group="mixing",
    )
    mix_alpha: Annotated[float, Interval(ge=0.1, le=2)] = knob(
        0.4,
        N_("Mixing strength (alpha)"),
        N_("Small: nearly always almost one image alone; 1: every proportion alike."),
        step=0.1,
        group="mixing",
        when=("mixing", ("mixup", "cutmix", "either")),
    )
    mix_probability: Annotated[float, Interval(ge=0.05, le=1)] = knob(
        1.0,
        N_("Part of images mixed"),
        N_("How many of the training images are mixed at all; 1: every one."),
        step=0.05,
        group="mixing",
        when=("mixing", ("mixup", "cutmix", "either")),
    )

    @classmethod
    def switches(cls) -> Iterator[str]:
        """The fields that switch a change on; the others say how it is done."""
        return (name for name, knob in cls.knobs().items() if knob.when is None)

    def is_on(self, name: str) -> bool:
        """Whether one of :meth:`switches` differs from off."""
        return bool(getattr(self, name) != type(self).model_fields[name].default)

    @property
    def active(self) -> bool:
        """Whether anything is changed at all."""
        return any(self.is_on(name) for name in self.switches())

    @property
    def mixes(self) -> bool:
        """Whether images are mixed, and with them their labels."""
        return self.mixing != "none"


COLOUR_ONLY = ("saturation", "hue", "colour_jitter", "greyscale")
"""Changes that grey images do not have: left out for them, with a word of warning."""
