"""Pick, look at and import a dataset; preview its augmentation."""

import streamlit as st

from ui.augment_view import augmentation
from ui.data_look import about, class_balance, samples
from ui.data_view import actions, choose_dataset, figures, show_damaged, show_delete_dialog
from ui.i18n import _
from ui.import_view import import_form, imports_panel, welcome_import
from ui.nav import guard

guard()
VIEWS = {
    "look": _("Look at the images"),
    "augment": _("Try augmentation"),
    "import": _("Add a dataset"),
}
st.session_state.setdefault("data_view", "look")
welcome_import()
switch, buttons = st.columns([3, 2], vertical_alignment="center")
view = switch.segmented_control(
    _("View"),
    list(VIEWS),
    format_func=VIEWS.__getitem__,
    key="data_view",
    required=True,
    label_visibility="collapsed",
    persist_state="session",
)
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

if view == "augment":
    augmentation(dataset)
else:
    samples(dataset)
    class_balance(dataset.info)
    about(dataset)
