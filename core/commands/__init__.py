"""The command line's commands: one module per subject, one table row per command."""
