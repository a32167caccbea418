"""The view "Search" of the Tune page: a new search, or a study that was begun before."""

from __future__ import annotations

from ui.i18n import _
from ui.switch import switch


def search_view() -> None:
    """Set a search up, or look at a study."""
    names = {"setup": _("Set up a search"), "study": _("Studies")}
    switch(_("Part"), names, key="tune_part", default="setup")
