"""Several networks that answer as one: which, how their answers are combined, what that gains."""
