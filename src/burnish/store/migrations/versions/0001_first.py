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
