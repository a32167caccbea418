"""The experiment form, the network before training, launch, and the live run."""

import streamlit as st

from core.config import ARCHITECTURES, SECTIONS
from core.datasets.joining import learned_info
from core.errors import LabError
from ui.after_view import afterwards
from ui.augment_form import augmentation_fields, show_cautions
from ui.composed import made_from, not_trained
from ui.crossval_progress import crossval_panel
from ui.device_panel import machine_beside
from ui.forms import section_fields, tell_new_network
from ui.i18n import _
from ui.live import next_steps, run_panel
from ui.live_matrix import last_validation
from ui.messages import show_error
from ui.nav import guard
from ui.probing import rate_finder, speed_probe
from ui.reading_view import reading, tell_change
from ui.run_files import run_files
from ui.schedule_view import schedule_chart
from ui.setup import (
    advanced_switch,
    architecture_choice,
    backbone_caption,
    dataset_choice,
    form_config,
    launch_bar,
    layer_summary,
    preset_choice,
)
from ui.smaller_batch import smaller_batch_button
from ui.state import chosen_run
from ui.switch import switch

guard()
VIEWS = {"setup": _("Set up a training"), "watch": _("Watch the run")}
record = chosen_run()
if "train_view" not in st.session_state:
    st.session_state["train_view"] = "watch" if record else "setup"
view = switch(_("View"), VIEWS, key="train_view")

if view == "watch":
    if record is None:
        st.info(_("No run is chosen: pick one in the sidebar, or set up a new training."))
        st.stop()
    if record.kind == "crossval":
        crossval_panel(record)
        st.stop()
    if record.kind == "ensemble":
        not_trained(record)
        st.stop()
    run_panel(record)
    if record.kind != "training":
        next_steps(record)
        made_from(record)
        st.stop()
    machine_beside(record)
    smaller_batch_button(record)
    reading(record)
    next_steps(record)
    afterwards(record)
    last_validation(record)
    run_files(record)
    st.stop()

tell_change()
tell_new_network()
form, summary = st.columns([1, 1], gap="medium")
with form:
    preset_choice()
    dataset = dataset_choice()
    advanced = advanced_switch()
    st.subheader(_("Network"))
    architecture = architecture_choice()
    section_fields("model", ARCHITECTURES[architecture], advanced=advanced)
    backbone_caption(architecture)
    st.subheader(_("Optimizer"))
    section_fields("optimizer", SECTIONS["optimizer"], advanced=advanced)
    rate_finder(dataset)
    st.subheader(_("Training"))
    section_fields("train", SECTIONS["train"], advanced=advanced)
    with st.expander(_("Augmentation"), expanded=False):
        st.caption(_("Preview it on your images on the Data page."))
        augmentation_fields()
with summary:
    try:
        config = form_config(dataset)
        layer_summary(config, dataset)
        show_cautions(dataset, config.augment)
        schedule_chart(config, learned_info(dataset, config.data).splits["train"])
        speed_probe(config, dataset)
        launch_bar(config)
    except LabError as error:
        show_error(error)
        launch_bar(None)
