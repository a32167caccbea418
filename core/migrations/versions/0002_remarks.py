"""Tags and notes in the index, and which rows have changed since somebody last looked."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as table:
        table.add_column(sa.Column("remarks", sa.Text, nullable=False, server_default="{}"))
        table.add_column(sa.Column("changed", sa.BigInteger, nullable=False, server_default="0"))
        table.create_index("ix_runs_changed", ["changed"])


def downgrade() -> None:
    with op.batch_alter_table("runs") as table:
        table.drop_index("ix_runs_changed")
        table.drop_column("changed")
        table.drop_column("remarks")
