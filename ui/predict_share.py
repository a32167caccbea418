"""A link, and its QR code, by which others try a network and see nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

import psutil
import segno
import streamlit as st
from streamlit import config

from core.records import RunRecord
from ui.i18n import _
from ui.messages import show
from ui.nav import DEMO

LOCAL = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")
ELSEWHERE = "192.0.2.1"
"""In no network at all (RFC 5737)."""
START = " ".join(("make", "run", 'ARGS="--server.address=0.0.0.0"'))
"""A command: the same in every language."""
CODE_SIDE = 220


def share(record: RunRecord) -> None:
    """The link, its code, and who can open it."""
    with st.popover(
        _("Share this network"),
        icon=":material/qr_code_2:",
        key="predict_share",
        on_change="rerun",
        width="stretch",
    ) as it:
        if not it.open:
            return
        url = st.context.url or ""
        link = demo_link(url, record.id, _room_host(url))
        st.markdown(_("Whoever opens this can try the network, and sees nothing else:"))
        st.code(link, language=None, wrap_lines=True)
        st.html(code_html(link))
        if urlsplit(link).hostname in LOCAL:
            show(
                _(
                    "Only this computer can open that address. For the whole room, start the "
                    "server with: {command}",
                    command=START,
                ),
                "warning",
            )
        else:
            st.caption(_("It works for everybody in the same network, as long as the server runs."))


def demo_link(url: str, run_id: str, host: str | None = None) -> str:
    """The address of the demo beside that of the page which the browser shows, perhaps by another
    ``host``: a server may be one of several behind a path of a proxy."""
    parts = urlsplit(url or "http://localhost")
    port = f":{parts.port}" if parts.port else ""
    place = f"{host}{port}" if host else parts.netloc
    path = f"{parts.path.rstrip('/').rpartition('/')[0]}/{DEMO}"
    return urlunsplit((parts.scheme, place, path, urlencode({"run": run_id}), ""))


def _room_host(url: str) -> str | None:
    """By what others reach this computer, where the browser itself shows a local address and the
    server listens to all."""
    if urlsplit(url).hostname not in LOCAL or config.get_option("server.address") not in EVERYWHERE:
        return None
    return own_address([*_outward(), *_all_addresses()])


def _outward() -> list[str]:
    """The address towards the network: not that of a container's bridge, which nobody can reach.
    Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect((ELSEWHERE, 9))
        except OSError:
            return []  # no network, or one without a way out
        return [str(way.getsockname()[0])]


def _all_addresses() -> list[str]:
    return [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family is socket.AF_INET
    ]


def own_address(addresses: Iterable[str]) -> str | None:
    """The first that is not this computer alone, nor one that it has given itself (169.254)."""
    return next((a for a in addresses if not a.startswith(("127.", "169.254."))), None)


def code_html(link: str) -> str:
    """The QR code, dark on white with its border in both themes: cameras want it so."""
    source = segno.make(link, error="m").svg_data_uri(
        dark="#000000", light="#ffffff", border=4, scale=6
    )
    alt = escape(_("QR code of the link"))
    return (
        f'<img src="{escape(source)}" alt="{alt}" width="{CODE_SIDE}" height="{CODE_SIDE}" '
        'style="display:block;border-radius:.4rem;background:#fff">'
    )
