"""What stays in the address: ``?run=`` and ``?lang=``, on every page, for links and reloads.

Streamlit can bind a widget to the address itself, but writes the label of an option there: labels
change with the run's status and the language, ids do not.
"""

from __future__ import annotations

import streamlit as st


def _written(name: str) -> str:
    return f"_{name}_in_address"


def read_address(name: str) -> None:
    """Before the widget of this key: an address opened or gone back to wins over the session."""
    here = st.query_params.get(name)
    if here is not None and here != st.session_state.get(_written(name)):
        st.session_state[name] = here


def write_address(name: str, *, default: str | None = None) -> None:
    """After the widget: put its value into the address, unless it says nothing."""
    value = st.session_state.get(name)
    st.session_state[_written(name)] = value
    if value and value != default:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def address() -> dict[str, str]:
    """The query that another page of this session should be opened with."""
    names = ("run", "lang")
    found = {name: st.session_state.get(name) for name in names}
    return {name: value for name, value in found.items() if value}
