"""Of which search or cross-validation a run is part."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as table:
        table.add_column(sa.Column("part_of", sa.String(40), nullable=True))
        table.create_index("ix_runs_part_of", ["part_of"])


def downgrade() -> None:
    with op.batch_alter_table("runs") as table:
        table.drop_index("ix_runs_part_of")
        table.drop_column("part_of")
