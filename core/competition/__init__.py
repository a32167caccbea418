"""Predicting images without a label, handing the answers in, and a class's competition over them.

Everything happens on the server. Labels and private scores lie in ``artifacts/competitions/`` and
leave it in one way only: scores, rounded, and the private ones after the end.
"""
