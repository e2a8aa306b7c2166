"""Whether a job optimizes an app's prompts or prompts by themselves, to search by.

Revision ID: 0005
Revises: 0004

What is known of the jobs that are there stands in their config: one with an ``app`` is of kind ``app``.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BATCH = 1000


def upgrade() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.add_column("burnish_jobs", sa.Column("kind", name, nullable=False, server_default="prompt"))
    _name_the_apps()
    op.create_index(
        "burnish_jobs_kind", "burnish_jobs", ["experiment_id", "kind", "creation_timestamp_ms", "job_id"]
    )
    op.create_index("burnish_jobs_by_kind", "burnish_jobs", ["kind", "creation_timestamp_ms", "job_id"])
    if op.get_bind().dialect.name == "sqlite":
        _add_statistics()


def _name_the_apps() -> None:
    """Read here and not by the database: its JSON refuses the lone surrogates that a config may hold."""
    jobs = sa.table("burnish_jobs", sa.column("job_id"), sa.column("config"), sa.column("kind"))
    perhaps = sa.select(jobs.c.job_id, jobs.c.config).where(jobs.c.config.contains('"app":{'))
    connection = op.get_bind()
    found = [
        job_id for job_id, config in connection.execute(perhaps) if json.loads(config).get("app") is not None
    ]
    for first in range(0, len(found), _BATCH):
        batch = jobs.c.job_id.in_(found[first : first + _BATCH])
        connection.execute(jobs.update().where(batch).values(kind="app"))


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
    "burnish_jobs_kind": "1000000 10000 5000 1 1",
    "burnish_jobs_by_kind": "1000000 500000 1 1",
}


def downgrade() -> None:
    for index in _STATISTICS:
        op.drop_index(index, "burnish_jobs")
    op.drop_column("burnish_jobs", "kind")
