"""Cross-validation: one configuration trained once per fold, and judged as one."""
