"""Which browser a session belongs to: a reload is a new session, but the same browser."""

from __future__ import annotations

import hashlib
import itertools
import uuid

import streamlit as st

OWN = "_browser"
COOKIE = "_streamlit_xsrf"


def browser_id() -> str:
    """Of the browser, which Streamlit has given a cookie; else of this session."""
    if OWN not in st.session_state:
        secret = unmasked(st.context.cookies.get(COOKIE, ""))
        named = hashlib.blake2b(secret, digest_size=16).hexdigest() if secret else None
        st.session_state[OWN] = named or uuid.uuid4().hex
    return str(st.session_state[OWN])


def unmasked(cookie: str) -> bytes | None:
    """What stays the same in a cookie ``2|mask|masked|time`` that is masked anew at every page;
    None if it is of another kind."""
    match cookie.split("|"):
        case ["2", mask, masked, _time]:
            try:
                keys, data = bytes.fromhex(mask), bytes.fromhex(masked)
            except ValueError:
                return None
            return bytes(a ^ b for a, b in zip(data, itertools.cycle(keys), strict=False))
    return None
