"""The learning rate of every step, drawn before the training."""

from __future__ import annotations

import streamlit as st

from core.config import RunConfig
from core.plots.rates import plot_schedule, schedule_info
from core.schedules import is_flat, planned_rates, steps_per_epoch
from ui.i18n import _, number, quick_number
from ui.state import is_dark


def schedule_chart(config: RunConfig, train_images: int) -> None:
    """What the training will use; a rate that stays needs no drawing."""
    optimizer = config.optimizer
    if optimizer.schedule == "plateau":
        st.caption(
            _(
                "The learning rate stays at {rate} until {epochs} epochs have brought no "
                "improvement, then it is multiplied by {factor}, again and again.",
                rate=number(optimizer.learning_rate),
                epochs=number(optimizer.plateau_patience),
                factor=number(optimizer.plateau_factor),
            )
        )
    if is_flat(optimizer):
        return
    steps = steps_per_epoch(config, train_images)
    rates = planned_rates(config, train_images)
    words = (_("epoch"), _("Learning rate"))
    st.echarts_chart(
        plot_schedule(schedule_info(rates, steps), *words, dark=is_dark(), number=quick_number()),
        key="schedule",
        height=200,
        alt=_(
            "Learning rate by epoch: at most {most}, at the end {last}",
            most=number(float(rates.max()), 2),
            last=number(float(rates[-1]), 2),
        ),
    )
