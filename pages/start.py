"""Landing page: what is running, the latest runs, and a first network in one click."""

import streamlit as st

from core.caps import within_caps
from core.errors import N_
from core.presets import preset_config
from ui.active import active_runs
from ui.device_panel import device_panel
from ui.i18n import _
from ui.live import follow_from_elsewhere
from ui.nav import guard
from ui.runs_table import runs_table
from ui.state import GOTO, get_lab, launch, watch

guard()
store = get_lab().store

STEPS = (
    ("data", N_("Data"), N_("Pick the digits or add a dataset, and look at its images.")),
    ("train", N_("Train"), N_("Set up a network, launch it, and watch it learn.")),
    ("errors", N_("Errors"), N_("See which images it gets wrong, and which classes it confuses.")),
    ("predict", N_("Predict"), N_("Let it judge a picture of your own.")),
)


def train_first_network() -> None:
    config = within_caps(preset_config("digits-quick", None, (8, 8, 1)))
    launch(config, "digits-quick", to_errors=True)


st.title("Lienzo")
st.write(_("An image-classification lab: train a network, watch it learn, see why it errs."))
with st.container(border=True):
    text, button = st.columns([3, 1], vertical_alignment="center")
    text.markdown(
        "**"
        + _("Train a first network on handwritten digits")
        + "**  \n"
        + _("1,797 real images, ten classes, under a minute; it ends with the images it confuses.")
    )
    button.button(
        _("Start"), key="quick", type="primary", on_click=train_first_network, width="stretch"
    )

for column, (name, title, what) in zip(st.columns(len(STEPS)), STEPS, strict=True):
    with column.container(border=True, height="stretch"):
        st.page_link(f"pages/{name}.py", label=f"**{_(title)}**")
        st.caption(_(what))


@st.fragment(run_every=3.0)
def activity() -> None:
    """Other people's trainings appear by themselves."""
    follow_from_elsewhere()
    if GOTO in st.session_state:
        st.rerun()  # after a click within this fragment, which by itself opens no page
    active_runs()
    st.subheader(_("Latest runs"))
    runs_table(store.runs(limit=5), key="latest", on_open=watch)
    device_panel()


activity()
