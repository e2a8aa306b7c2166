"""Calls whose tokens nobody knows: runs of an app that leave no trace.

Revision ID: 0004
Revises: 0003

There are none among the calls that are there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("burnish_calls_begun", "burnish_calls_finished")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("unmetered", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "unmetered")
