"""Lienzo's logic. Knows no screen: usable from a notebook and from ``python -m core``."""
