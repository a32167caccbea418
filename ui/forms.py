"""From a config section to widgets and back to plain data: after that no code knows Streamlit."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from core.config import ARCHITECTURES, SECTION_NAMES, SECTIONS, AugmentConfig, RunConfig
from core.config_models import BACKBONES, same_setting
from core.continuing import NO_FOLD
from core.errors import N_
from core.knobs import Knob, Section
from core.records import RunRecord
from ui.i18n import _
from ui.messages import show
from ui.state import go_to

CHOICES = {
    "none": N_("none"),
    "copies": N_("copies, pixel for pixel"),
    "prefix": N_("same name up to the first _ or -"),
    "stem": N_("same name up to the last _ or -"),
    "folder": N_("same folder"),
    "horizontal": N_("horizontal"),
    "vertical": N_("vertical"),
    "both": N_("both ways"),
    "mixup": "MixUp",
    "cutmix": "CutMix",
    "either": N_("either of them"),
    "max": N_("maximum"),
    "average": N_("average"),
    "flatten": N_("flatten"),
    "global_average": N_("global average"),
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "Nadam",
    "lion": "Lion",
    "muon": "Muon",
    "adagrad": "Adagrad",
    "constant": N_("constant"),
    "step": N_("in steps"),
    "exponential": N_("exponential"),
    "cosine": N_("cosine"),
    "restarts": N_("cosine with restarts"),
    "one_cycle": N_("one cycle"),
    "cycles": N_("at the end of every cycle"),
    "every": N_("every few epochs"),
    "plateau": N_("lowered on a plateau"),
    "norm": N_("norm of each array"),
    "value": N_("every single value"),
    "global_norm": N_("norm of all together"),
    "val_loss": N_("validation loss"),
    "val_accuracy": N_("validation accuracy"),
    "balanced": N_("balanced"),
    "sqrt": N_("square root"),
    "auto": N_("automatic"),
    "on": N_("on"),
    "off": N_("off"),
    "relu": "ReLU",
    "gelu": "GELU",
    "swish": "Swish",
    "tanh": "tanh",
    "elu": "ELU",
    "random": N_("random"),
    "cue": N_("a cue"),
    "shortcut": N_("a shortcut"),
    "stride": N_("stride"),
    "global_max": N_("global maximum"),
    "block": N_("every block"),
    "convolution": N_("every convolution"),
    "imagenet": "ImageNet",
    **{name: cls.title for name, cls in ARCHITECTURES.items()},
    **{name: row.title for name, row in BACKBONES.items()},
}
"""What an option is called; the value itself is the same in every language."""
ANEW = "_form_begins_anew"
"""The session's key: the form was filled from a run that went on from another one's network."""
MISSING = "_form_dataset_missing"
"""The session's key of a dataset that the form was filled with and that is gone."""
SLIDER_LIMIT = 16
"""A whole number with at most so many values is a slider, others are typed."""
NEXT_TO = 1e-7
"""How near a typed number comes to a limit that the setting itself must not reach."""


def choice_label(value: object) -> str:
    return _(CHOICES[str(value)]) if str(value) in CHOICES else str(value)


def key(section: str, field: str) -> str:
    """The session's key of a setting; the same for a setting that architectures share."""
    return f"form.{section}.{field}"


def fill_form(config: RunConfig) -> None:
    """In a callback: put a config into the form."""
    st.session_state.pop(MISSING, None)
    st.session_state[ANEW] = False
    config = config.with_values(NO_FOLD)
    for section in SECTION_NAMES:
        for field, value in getattr(config, section).model_dump().items():
            st.session_state[key(section, field)] = value


def fill_form_from(record: RunRecord, values: Mapping[str, object]) -> None:
    """In a callback: the settings of a run, but for ``values``, in the form and in front."""
    fill_form(record.config.with_values(dict(values)))
    st.session_state[ANEW] = record.start is not None
    st.session_state["train_view"] = "setup"
    go_to("pages/train.py")


def tell_new_network() -> None:
    """Above a form that cannot do again what the run before did."""
    if st.session_state.get(ANEW):
        words = _(
            "That run went on from another run's network. A training from this form begins with "
            "a new one."
        )
        show(words, "info")


def change_architecture(before: str) -> None:
    """In a callback: what two architectures call the same but do not mean the same starts anew."""
    old, new = ARCHITECTURES[before], ARCHITECTURES[st.session_state[key("model", "architecture")]]
    for field, info in new.model_fields.items():
        if field != "architecture" and not same_setting(field, old, new):
            st.session_state[key("model", field)] = info.default


def form_is_empty() -> bool:
    return key("data", "dataset") not in st.session_state


def read_form() -> RunConfig:
    """The form as a config, fields that are not on the screen included.

    Raises:
        ConfigError: naming the field that has an impossible value.
    """
    architecture = st.session_state.get(key("model", "architecture"), "cnn")
    sections: dict[str, type[Section]] = {**SECTIONS, "model": ARCHITECTURES[architecture]}
    values = {name: _stored(name, section) for name, section in sections.items()}
    return RunConfig.parse(values)


def _stored(name: str, section: type[Section]) -> dict[str, Any]:
    keys = {field: key(name, field) for field in section.model_fields}
    return {f: st.session_state[k] for f, k in keys.items() if k in st.session_state}


class Drawing:
    """How the settings of a form are put on the screen; a subclass may offer more than a value."""

    def widget(self, name: str, field: str, info: FieldInfo, knob: Knob) -> None:
        """Draw the field of the section called ``name``."""
        setting_widget(key(name, field), info, knob)

    def wants(self, name: str, field: str, *, advanced: bool) -> bool:
        """Whether the field is drawn; ``advanced``: as far as the switch of the form goes."""
        return advanced

    def may_be(self, name: str, field: str, default: object) -> Collection[object]:
        """The values that the field has at present, on which others depend."""
        return (st.session_state.get(key(name, field), default),)


PLAIN = Drawing()


def section_fields(
    name: str,
    section: type[Section],
    *,
    advanced: bool,
    columns: int = 2,
    group: str | None = None,
    drawing: Drawing = PLAIN,
) -> None:
    """The widgets of one section, or of a group of it; those that have no effect at present are
    left out."""
    wanted = [
        (field, knob)
        for field, knob in section.knobs().items()
        if drawing.wants(name, field, advanced=advanced or knob.basic)
        and group in (None, knob.group)
        and has_effect(name, section, knob, drawing)
    ]
    for start in range(0, len(wanted), columns):
        for column, (field, knob) in zip(
            st.columns(columns), wanted[start : start + columns], strict=False
        ):
            with column:
                drawing.widget(name, field, section.model_fields[field], knob)


def has_effect(name: str, section: type[Section], knob: Knob, drawing: Drawing = PLAIN) -> bool:
    """Whether the settings on which this one depends are such that it matters."""
    if knob.when is None:
        return True
    field, values = knob.when
    default = section.model_fields[field].default
    return any(value in values for value in drawing.may_be(name, field, default))


def setting_widget(where: str, field: FieldInfo, knob: Knob) -> None:
    """The widget that fits the field's type; its value lives in the session, which outlives it."""
    if where not in st.session_state:
        st.session_state[where] = field.default
    label = setting_label(knob)
    common: Any = {"key": where, "help": _(knob.help), "persist_state": "session"}
    options = _options(field.annotation)
    if field.annotation is bool:
        st.toggle(label, **common)
    elif options:
        st.selectbox(label, options, format_func=choice_label, **common)
    else:
        _number(label, field, knob, common)


def setting_label(knob: Knob) -> str:
    """What a setting is called, with its unit."""
    return f"{_(knob.label)} ({_(knob.unit)})" if knob.unit else _(knob.label)


def _number(label: str, field: FieldInfo, knob: Knob, common: Any) -> None:
    whole, optional = _number_type(field.annotation)
    low, high = _limits(field)
    step = knob.step or 1
    if whole and high - low < SLIDER_LIMIT:
        st.slider(label, int(low), int(high), **common)
    elif whole:
        st.number_input(
            label,
            int(low),
            int(high) if high < 1e9 else None,
            step=int(step),
            placeholder=_("all") if optional else None,
            **common,
        )
    elif high <= 180 and high == round(high, 2) and knob.step and knob.step >= 0.01:
        # Not for a limit that must not be reached: a slider goes right to its end.
        written = "%.0f" if step >= 1 else "%.2f"
        st.slider(label, low, high, step=float(step), format=written, **common)
    else:
        # A config from elsewhere may come nearer to a limit than what can be typed here.
        value = st.session_state[common["key"]]
        low, high = min(low, value), max(high, value)
        st.number_input(label, low, high, step=knob.step or 0.0001, format="%.7g", **common)


def _options(annotation: Any) -> Sequence[Any]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _number_type(annotation: Any) -> tuple[bool, bool]:
    """(is it a whole number, may it be empty)."""
    optional = get_origin(annotation) in (Union, types.UnionType)
    inner = get_args(annotation)[0] if optional else annotation
    base = get_args(inner)[0] if hasattr(inner, "__metadata__") else inner
    return base is int, optional


def _limits(field: FieldInfo) -> tuple[float, float]:
    """The lowest and highest value that the form offers: those that the config accepts."""
    metadata = list(field.metadata)
    for part in get_args(field.annotation):
        metadata += getattr(part, "__metadata__", ())
    lows = [*_bounds(metadata, "ge"), *(v + NEXT_TO for v in _bounds(metadata, "gt"))]
    highs = [*_bounds(metadata, "le"), *(v - NEXT_TO for v in _bounds(metadata, "lt"))]
    return max(lows, default=0.0), min(highs, default=float("inf"))


def _bounds(metadata: Sequence[object], name: str) -> list[float]:
    found = (getattr(limit, name, None) for limit in metadata)
    return [float(value) for value in found if value is not None]


def augmentation_from_form() -> AugmentConfig:
    """The augmentation as the form has it; every widget keeps to its limits."""
    return AugmentConfig(**_stored("augment", AugmentConfig))
