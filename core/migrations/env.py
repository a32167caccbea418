"""alembic's entry: run the steps on the connection that :mod:`core.database` has opened."""

from alembic import context

from core.database import METADATA, VERSION_TABLE

connection = context.config.attributes["connection"]
# SQLite cannot alter a table in place; batch mode copies it.
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
