"""What the server computes with, and how busy it is."""

from __future__ import annotations

import streamlit as st

from core.jobs.machine import Gpu, Machine, look_at_machine
from core.records import RunRecord
from ui.i18n import _, ngettext, number, percent
from ui.names import literal
from ui.state import get_lab

FRESH_SECONDS = 2.0
LOOK_SECONDS = 3.0


@st.cache_resource(ttl=FRESH_SECONDS, show_spinner=False)
def _machine() -> Machine:
    """One look for all who watch."""
    return look_at_machine()


def device_panel() -> None:
    """GPUs by name with memory and load, or the processor; and how many runs go at once."""
    machine = _machine()
    st.subheader(_("Machine"))
    with st.container(border=True):
        for gpu in machine.gpus:
            _bar(_gpu_line(gpu), gpu.memory_used / gpu.memory_total)
        _bar(_processor_line(machine), machine.memory_used / machine.memory_total)
        slots = len(get_lab().runner.devices)
        st.caption(ngettext("{n} training at a time.", "{n} trainings at the same time.", slots))


def device_lines() -> None:
    """The same in words, for beside a training."""
    machine = _machine()
    st.caption("  \n".join([*map(_gpu_line, machine.gpus), _processor_line(machine)]))


def machine_beside(record: RunRecord) -> None:
    """While a run goes on: how busy the machine is."""
    if not record.status.is_over():
        st.fragment(device_lines, run_every=LOOK_SECONDS)()


def _bar(text: str, share: float) -> None:
    st.progress(min(max(share, 0.0), 1.0), text=text)


def _gpu_line(gpu: Gpu) -> str:
    name = literal(f"GPU {gpu.number}: {gpu.name}")
    load = _("load {share}", share=percent(gpu.utilisation, 0))
    return f"{name} · {_memory(gpu.memory_used, gpu.memory_total)} · {load}"


def _processor_line(machine: Machine) -> str:
    cores = ngettext("CPU, {n} core", "CPU, {n} cores", machine.cores)
    load = _("load {share}", share=percent(machine.cpu_utilisation, 0))
    return f"{cores} · {_memory(machine.memory_used, machine.memory_total)} · {load}"


def _memory(used: int, total: int) -> str:
    return _(
        "memory {used} of {total} GB",
        used=number(round(used / 1e9, 1)),
        total=number(round(total / 1e9, 1)),
    )
