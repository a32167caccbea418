"""A dataset looked at as a whole, before any training: pure functions, and the job around them."""
