"""What a run got right and wrong: pure functions of ``(y_true, proba)``. No model is needed."""
