"""Lienzo's logic. Knows no screen: usable from a notebook and from ``python -m core``."""

import sys
from types import ModuleType

# Keras' wrappers for scikit-learn, of which nothing is used here, load it and scipy's statistics:
# a fifth of the time (0.7 of 3.4 s) and 58 MB in the start of every process that needs Keras.
sys.modules.setdefault("keras.wrappers", ModuleType("keras.wrappers"))
