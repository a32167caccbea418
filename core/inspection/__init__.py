"""What is found out about a finished run's network, beside the run: features, robustness."""
