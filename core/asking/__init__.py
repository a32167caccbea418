"""Pictures from outside, asked about: where they lie, how a run takes them, what is answered."""
