"""A job owns its inputs.

Revision ID: 0002
Revises: 0001

Jobs that are there keep none: they take theirs when their next attempt begins.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "burnish_contents",
        sa.Column("digest", name, primary_key=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "burnish_content_chunks",
        sa.Column("digest", name, primary_key=True),
        sa.Column("first", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("written_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "burnish_job_inputs",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("records_digest", name, sa.ForeignKey("burnish_contents.digest")),
        sa.Column("splits_digest", name, sa.ForeignKey("burnish_contents.digest")),
    )
    op.create_index("burnish_job_inputs_records", "burnish_job_inputs", ["records_digest"])
    op.create_index("burnish_job_inputs_splits", "burnish_job_inputs", ["splits_digest"])


def downgrade() -> None:
    for table in ("burnish_job_inputs", "burnish_content_chunks", "burnish_contents"):
        op.drop_table(table)
