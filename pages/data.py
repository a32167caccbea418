"""Pick, look at and import a dataset; preview its augmentation."""

import streamlit as st

from ui.augment_view import augmentation
from ui.data_look import look
from ui.data_view import actions, choose_dataset, figures, show_damaged, show_delete_dialog
from ui.i18n import _
from ui.import_view import import_form, imports_panel, welcome_import
from ui.nav import guard
from ui.organise_view import organise
from ui.switch import switch
from ui.understand_view import understand

guard()
VIEWS = {
    "look": _("Look"),
    "understand": _("Understand"),
    "augment": _("Augment"),
    "organise": _("Organise"),
    "import": _("Add a dataset"),
}
SHOW = {"look": look, "understand": understand, "augment": augmentation, "organise": organise}
st.session_state.setdefault("data_view", "look")
welcome_import()
tabs, buttons = st.columns([9, 5], vertical_alignment="center")
with tabs:
    view = switch(_("View"), VIEWS, key="data_view")
imports_panel()
show_damaged()
show_delete_dialog()
if view == "import":
    import_form()
    st.stop()

picker, numbers = st.columns([2, 3], gap="large", vertical_alignment="bottom")
with picker:
    dataset = choose_dataset()
if dataset is None:
    st.stop()
with numbers:
    figures(dataset.info)
with buttons:
    actions(dataset.info)

SHOW[view](dataset)
