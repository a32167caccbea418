"""The shapes that the index has had, one file a step, applied by alembic."""
