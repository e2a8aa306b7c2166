"""Whose a job is, and who did what to it.

Revision ID: 0003
Revises: 0002

Jobs that are there belong to MLflow's default workspace; who made them is not known.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ACTORS = ("created_by", "canceled_by", "resumed_by", "registered_by", "promoted_by")


def upgrade() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.add_column("burnish_jobs", sa.Column("workspace", name, nullable=False, server_default="default"))
    for actor in _ACTORS:
        op.add_column("burnish_jobs", sa.Column(actor, name))
    op.add_column("burnish_events", sa.Column("actor", name))
    op.create_index(
        "burnish_jobs_workspace", "burnish_jobs", ["workspace", "creation_timestamp_ms", "job_id"]
    )
    for actor in _ACTORS:  # partial: most jobs are never canceled, and most servers know no users
        present = sa.text(f"{actor} IS NOT NULL")
        op.create_index(
            f"burnish_jobs_{actor}",
            "burnish_jobs",
            [actor, "creation_timestamp_ms", "job_id"],
            sqlite_where=present,
            postgresql_where=present,
        )
    if op.get_bind().dialect.name == "sqlite":
        _add_statistics()


def _add_statistics() -> None:
    """What the first migration gave SQLite's planner of a large store, for the new indexes."""
    statistics = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    op.execute(statistics.delete().where(statistics.c.idx.in_(_STATISTICS)))
    op.bulk_insert(
        statistics,
        [{"tbl": "burnish_jobs", "idx": index, "stat": stat} for index, stat in _STATISTICS.items()],
    )
    op.execute("ANALYZE sqlite_schema")  # reads them, gathers nothing


_STATISTICS = {
    "burnish_jobs_workspace": "1000000 200000 1 1",
    "burnish_jobs_created_by": "1000000 5000 1 1",
    **{f"burnish_jobs_{actor}": "50000 500 1 1" for actor in _ACTORS[1:]},
}


def downgrade() -> None:
    for index in _STATISTICS:
        op.drop_index(index, "burnish_jobs")
    op.drop_column("burnish_events", "actor")
    for column in ("workspace", *_ACTORS):
        op.drop_column("burnish_jobs", column)
