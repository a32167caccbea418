"""The experiment form around its fields: presets, dataset, network table, launch."""

from __future__ import annotations

import json
import math

import pandas as pd
import streamlit as st

from core.caps import check_caps, max_epochs, max_minutes, within_caps
from core.config import ARCHITECTURES, DataConfig, ModelConfig, RunConfig
from core.config_models import BACKBONES
from core.datasets.dataset import DIGITS, DatasetInfo
from core.datasets.joining import learned_info
from core.datasets.registry import list_datasets, open_dataset
from core.estimates import training_memory
from core.presets import GROUPS, PRESETS, Group, check_fits, preset_config
from core.schedules import steps_per_epoch
from ui.forms import (
    MISSING,
    change_architecture,
    choice_label,
    fill_form,
    form_is_empty,
    key,
    read_form,
)
from ui.i18n import _, compact, ngettext, number
from ui.messages import show
from ui.names import literal
from ui.state import get_lab, guarded, launch

FIRST_PRESET = "cnn"


def preset_choice() -> None:
    """One button per preset; it fills the form and can be changed from there.

    Those to begin with stand in the open, the others by groups behind one more button.
    """
    infos = {info.name: info for info in list_datasets(get_lab().paths)}
    if form_is_empty():
        _apply(FIRST_PRESET, infos.get(st.session_state.get("dataset", ""), infos[DIGITS]))
    chosen = infos.get(st.session_state[key("data", "dataset")], infos[DIGITS])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_("Start from"))
        _preset_buttons("start", infos, chosen)
        with st.popover(
            _("More"), help=_("Known experiments, modern networks, transfer learning.")
        ):
            for group in list(GROUPS)[1:]:
                st.caption(_(GROUPS[group]))
                with st.container(horizontal=True):
                    _preset_buttons(group, infos, chosen)


def _preset_buttons(group: Group, infos: dict[str, DatasetInfo], chosen: DatasetInfo) -> None:
    for preset in (p for p in PRESETS.values() if p.group == group):
        info = infos[preset.dataset] if preset.dataset else chosen
        st.button(
            _(preset.label),
            key=f"preset.{preset.name}",
            help=_(preset.help),
            on_click=guarded,
            args=(lambda name=preset.name, info=info: _apply(name, info),),
        )


def _apply(name: str, info: DatasetInfo) -> None:
    fill_form(within_caps(preset_config(name, info.name, info.image_shape)))


def dataset_choice() -> DatasetInfo:
    """Which images, and how many of them."""
    infos = {info.name: info for info in list_datasets(get_lab().paths)}
    where = key("data", "dataset")
    if (wanted := st.session_state.get(where)) not in infos:  # deleted since
        st.session_state[MISSING], st.session_state[where] = wanted, DIGITS
    left, right = st.columns(2)
    knobs = DataConfig.knobs()
    with left:
        name = st.selectbox(
            _(knobs["dataset"].label),
            list(infos),
            format_func=lambda n: _dataset_label(infos[n]),
            key=where,
            help=_(knobs["dataset"].help),
            persist_state="session",
        )
        _tell_missing(name)
    with right:
        limit = knobs["limit"]
        where = key("data", "limit")
        st.session_state.setdefault(where, None)
        st.number_input(
            _(limit.label),
            min_value=1,
            step=500,
            key=where,
            help=_(limit.help),
            placeholder=_("all"),
            persist_state="session",
        )
        _validation_too()
    return infos[name]


def _validation_too() -> None:
    """For a last training; not on the screen before somebody asks for all settings."""
    where, knob = key("data", "with_validation"), DataConfig.knobs()["with_validation"]
    st.session_state.setdefault(where, False)
    if st.session_state[where] or st.session_state.get("advanced"):
        st.toggle(_(knob.label), key=where, help=_(knob.help), persist_state="session")


def _tell_missing(chosen: str) -> None:
    """As long as the digits stand in for a dataset that the form was filled with."""
    missing = st.session_state.get(MISSING)
    if missing and chosen == DIGITS:
        text = _(
            "The dataset “{name}” is no longer here; the digits stand in for it.", name=missing
        )
        show(text, "warning")
    else:
        st.session_state.pop(MISSING, None)


def _dataset_label(info: DatasetInfo) -> str:
    height, width, _channels = info.image_shape
    return f"{info.name} ({compact(sum(info.splits.values()))} · {width}×{height})"


def advanced_switch() -> bool:
    return st.toggle(
        _("Advanced settings"),
        key="advanced",
        help=_("Shows every setting; off, only the ones to begin with."),
        persist_state="session",
    )


def architecture_choice() -> str:
    where = key("model", "architecture")
    st.segmented_control(
        _("Architecture"),
        list(ARCHITECTURES),
        format_func=choice_label,
        key=where,
        required=True,
        help=_("The kind of network; every kind has settings of its own."),
        on_change=change_architecture,
        args=(st.session_state[where],),
        persist_state="session",
    )
    chosen = str(st.session_state[where])
    st.caption(_(ARCHITECTURES[chosen].about))
    return chosen


def backbone_caption(architecture: str) -> None:
    """What kind of network the chosen backbone is."""
    if architecture == "transfer":
        row = BACKBONES[st.session_state[key("model", "backbone")]]
        st.caption(f"{literal(row.title)}: {_(row.about)}")


def form_config(info: DatasetInfo | None = None) -> RunConfig:
    """The form as a config that fits its images; in a callback without them, because what was typed
    just before the click is in the session, and not yet in anything that the page has drawn.

    Raises:
        ConfigError: naming the field, or saying which network would fit, or what is allowed.
        NotFoundError: if there is no such dataset any more.
    """
    config = read_form()
    info = info or open_dataset(get_lab().paths, config.data.dataset).info
    check_fits(config.model, info.image_shape)
    check_caps(config)
    learned_info(info, config.data)
    return config


@st.cache_data(show_spinner=False, max_entries=200)
def _layers(
    model: str, shape: tuple[int, int, int], classes: int
) -> list[tuple[str, str, tuple[int, ...], int, int]]:
    """Name, kind, output shape, parameters and multiply-adds of every layer, for one config as
    JSON."""
    config = RunConfig.parse({"model": json.loads(model)}).model
    return get_lab().compute.layer_table(config, shape, classes)


def layer_summary(config: RunConfig, info: DatasetInfo) -> None:
    """The network as a table, as the worker will build it.

    Raises:
        LabError: if the computing process refuses to build it.
    """
    if get_lab().compute.ready:
        _layer_table(config, learned_info(info, config.data))
    else:
        st.fragment(_await_keras, run_every=1.0)()


def _await_keras() -> None:
    """For the first seconds of a server: the form can be used meanwhile."""
    if get_lab().compute.ready:
        st.rerun()
    st.caption(_("The table of layers appears as soon as Keras has been loaded …"))


def _layer_table(config: RunConfig, info: DatasetInfo) -> None:
    model: ModelConfig = config.model
    rows = _layers(model.model_dump_json(), info.image_shape, len(info.class_names))
    total = sum(row[3] for row in rows)
    images = min(config.data.limit or info.splits["train"], info.splits["train"])
    memory = training_memory(config, total, sum(math.prod(row[2]) for row in rows))
    columns = [*st.columns(3), *st.columns(3)]
    columns[0].metric(_("Parameters"), compact(total))
    columns[1].metric(
        _("Multiply-adds"),
        compact(sum(row[4] for row in rows)),
        help=_("Multiplications with additions for one image; training takes three times as many."),
    )
    columns[2].metric(
        _("Memory"),
        _("{megabytes} MB", megabytes=number(max(1, round(memory / 1e6)))),
        help=_(
            "Estimate for weights, optimizer and one batch; the process itself takes some 100 MB "
            "more."
        ),
    )
    columns[3].metric(_("Training images"), number(images))
    columns[4].metric(_("Steps per epoch"), number(steps_per_epoch(config, info.splits["train"])))
    table = pd.DataFrame(
        [(n, k, " × ".join(map(str, o)), count, adds) for n, k, o, count, adds in rows],
        columns=[_("Layer"), _("Kind"), _("Output"), _("Parameters"), _("Multiply-adds")],
    )
    st.dataframe(
        table,
        hide_index=True,
        height=min(38 + 35 * len(rows), 420),
        alt=ngettext("Network with {n} layer", "Network with {n} layers", len(rows)),
        column_config={
            _("Layer"): st.column_config.TextColumn(width=105),
            _("Kind"): st.column_config.TextColumn(width=120),
            _("Output"): st.column_config.TextColumn(width=85),
            _("Parameters"): st.column_config.NumberColumn(format="localized", width=75),
            _("Multiply-adds"): st.column_config.NumberColumn(format="localized", width=85),
        },
    )


def launch_bar(config: RunConfig | None) -> None:
    _tell_caps()
    st.button(
        _("Launch training"),
        key="launch",
        type="primary",
        icon=":material/play_arrow:",
        disabled=config is None,
        on_click=guarded,
        args=(lambda: launch(form_config()),),
        width="stretch",
    )


def _tell_caps() -> None:
    """What the server allows every run, where it sets limits."""
    epochs, minutes = max_epochs(), max_minutes()
    limits = [
        *([ngettext("{n} epoch", "{n} epochs", epochs)] if epochs else []),
        *([_("{n} min", n=minutes)] if minutes else []),
    ]
    if limits:
        st.caption(
            _("This server ends every run after at most {limits}.", limits=", ".join(limits))
        )
