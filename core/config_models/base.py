"""What all architectures share."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from core.errors import N_
from core.knobs import Knob, Section, knob

Activation = Literal["relu", "gelu", "swish", "tanh", "elu"]
RateOfDropout = Annotated[float, Interval(ge=0, le=0.9)]
DROPOUT = (
    N_("Dropout"),
    N_("Part of the activations switched off at random while training; against overfitting."),
)
ACTIVATION = (N_("Activation"), N_("The non-linear function after every layer."))


class ModelSection(Section):
    """What all architectures share; a row may have other defaults."""

    title: ClassVar[str]
    """What the architecture is called."""
    about: ClassVar[str]
    """It in one sentence."""
    architecture: str

    dropout: RateOfDropout = knob(0.3, *DROPOUT, basic=True, step=0.05)
    l1: Annotated[float, Interval(ge=0, le=1)] = knob(
        0.0,
        N_("L1 penalty"),
        N_("Pulls weights to exactly zero, so that few remain. Usual: 0.00001 to 0.0001."),
        step=0.00001,
    )
    l2: Annotated[float, Interval(ge=0, le=1)] = knob(
        0.0,
        N_("L2 penalty"),
        N_("Pulls the weights towards zero; against overfitting. Usual: 0.0001 to 0.001."),
        step=0.0001,
    )
    activation: Activation = knob("relu", *ACTIVATION)

    @property
    def short_name(self) -> str:
        """The network in a word that is the same in every language, for lists of runs."""
        return self.title

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The architecture's own settings first, then those that all share."""
        found = super().knobs()
        own = {name: knob for name, knob in found.items() if name not in ModelSection.model_fields}
        return own | {name: found[name] for name in ModelSection.model_fields if name in found}
