"""The first schema.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.create_table(
        "burnish_jobs",
        sa.Column("job_id", name, primary_key=True),
        sa.Column("experiment_id", name, nullable=False),
        sa.Column("status", name, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("worker_id", name),
        sa.Column("heartbeat_timestamp_ms", sa.BigInteger()),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("start_timestamp_ms", sa.BigInteger()),
        sa.Column("completion_timestamp_ms", sa.BigInteger()),
        sa.Column("optimizer_type", name, nullable=False),
        sa.Column("source_prompt_uri", name, nullable=False),
        sa.Column("optimized_prompt_uri", name),
        sa.Column("dataset_id", name),
        sa.Column("run_id", name),
        sa.Column("verdict", name),
        sa.Column("test_difference", sa.Double()),
        sa.Column("usage_calls", sa.BigInteger(), nullable=False),
        sa.Column("usage_usd_nanos", sa.BigInteger()),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("burnish_jobs_by_status", "burnish_jobs", ["status", "creation_timestamp_ms", "job_id"])
    op.create_index("burnish_jobs_completed", "burnish_jobs", ["completion_timestamp_ms"])
    op.create_index("burnish_jobs_dataset", "burnish_jobs", ["dataset_id", "creation_timestamp_ms", "job_id"])
    op.create_index(
        "burnish_jobs_experiment", "burnish_jobs", ["experiment_id", "creation_timestamp_ms", "job_id"]
    )
    op.create_index("burnish_jobs_newest", "burnish_jobs", ["creation_timestamp_ms", "job_id"])
    op.create_index("burnish_jobs_optimized", "burnish_jobs", ["optimized_prompt_uri"])
    op.create_index("burnish_jobs_run", "burnish_jobs", ["run_id"])
    op.create_index(
        "burnish_jobs_source", "burnish_jobs", ["source_prompt_uri", "creation_timestamp_ms", "job_id"]
    )
    op.create_index(
        "burnish_jobs_status", "burnish_jobs", ["experiment_id", "status", "creation_timestamp_ms", "job_id"]
    )
    op.create_table(
        "burnish_calls_begun",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("call_id", name, primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("role", name, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("usd_nanos", sa.BigInteger()),
    )
    op.create_table(
        "burnish_calls_finished",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("call_id", name, primary_key=True),
        sa.Column("role", name, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("usd_nanos", sa.BigInteger()),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "burnish_candidates",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("candidate_id", name, primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", name, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "burnish_evaluations",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("candidate_id", name, primary_key=True),
        sa.Column("example_id", name, primary_key=True),
        sa.Column("split", name, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "burnish_events",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sequence", sa.Integer(), primary_key=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", name, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_table(
        "burnish_idempotency_keys",
        sa.Column("key", name, primary_key=True),
        sa.Column("body_digest", name, nullable=False),
        sa.Column("job_id", name, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["burnish_jobs.job_id"], ondelete="CASCADE", deferrable=True, initially="DEFERRED"
        ),
    )
    op.create_index("burnish_idempotency_keys_job", "burnish_idempotency_keys", ["job_id"])
    op.create_table(
        "burnish_scores",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", name, primary_key=True),
        sa.Column("name", name, primary_key=True),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("experiment_id", name, nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "burnish_scores_search",
        "burnish_scores",
        ["experiment_id", "kind", "name", "value", "creation_timestamp_ms", "job_id"],
    )
    op.create_table(
        "burnish_tags",
        sa.Column("job_id", name, sa.ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", name, primary_key=True),
        sa.Column("value", name, nullable=False),
        sa.Column("value_start", name, nullable=False),
        sa.Column("experiment_id", name, nullable=False),
        sa.Column("creation_timestamp_ms", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "burnish_tags_search",
        "burnish_tags",
        ["key", "value_start", "experiment_id", "creation_timestamp_ms", "job_id"],
    )
    if op.get_bind().dialect.name == "sqlite":
        _fix_statistics()


def _fix_statistics() -> None:
    """Tell SQLite's planner what a large store looks like: rows, then rows for each value of 1, 2, ...
    columns of the index. Without it SQLite takes a run's id for as common as an experiment's."""
    op.execute("ANALYZE burnish_jobs")  # makes the table of statistics
    statistics = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    rows = [
        {"tbl": table, "idx": index, "stat": stat}
        for table, indexes in _STATISTICS.items()
        for index, stat in indexes.items()
    ]
    op.execute(statistics.delete().where(statistics.c.tbl.in_(_STATISTICS)))
    op.bulk_insert(statistics, rows)
    op.execute("ANALYZE sqlite_schema")  # reads them, gathers nothing


_STATISTICS = {
    "burnish_jobs": {
        "sqlite_autoindex_burnish_jobs_1": "1000000 1",
        "burnish_jobs_newest": "1000000 1 1",
        "burnish_jobs_experiment": "1000000 10000 1 1",
        "burnish_jobs_status": "1000000 10000 2000 1 1",
        "burnish_jobs_by_status": "1000000 200000 1 1",
        "burnish_jobs_source": "1000000 100 1 1",
        "burnish_jobs_dataset": "1000000 500 1 1",
        "burnish_jobs_optimized": "1000000 1",
        "burnish_jobs_run": "1000000 1",
        "burnish_jobs_completed": "1000000 1",
    },
    "burnish_tags": {
        "burnish_tags": "3000000 3 1",
        "burnish_tags_search": "3000000 300000 10000 1000 1 1",
    },
    "burnish_scores": {
        "burnish_scores": "4000000 4 2 1",
        "burnish_scores_search": "4000000 40000 20000 5000 2 1 1",
    },
}


def downgrade() -> None:
    for table in (
        "burnish_tags",
        "burnish_scores",
        "burnish_idempotency_keys",
        "burnish_events",
        "burnish_evaluations",
        "burnish_candidates",
        "burnish_calls_finished",
        "burnish_calls_begun",
        "burnish_jobs",
    ):
        op.drop_table(table)
