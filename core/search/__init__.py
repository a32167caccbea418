"""Hyper-parameter search: many trials of one setting, each of them an ordinary run.

Importing it loads neither Keras nor Optuna; the latter is loaded where a study is worked on.
"""
