"""The tables. ``migrations/`` makes them; a test holds the two together.

A job's row keeps its truth in ``config`` and ``body`` (JSON); the other columns, ``burnish_tags`` and
``burnish_scores`` are what the store itself reads, locks or searches by. All names begin with
``burnish_``, so that the tables can share a database with MLflow's own (which has a ``jobs`` table).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from burnish.domain.events import ACTOR_FIELDS
from burnish.domain.job import DEFAULT_WORKSPACE, JobKind

SCHEMA_VERSION = "0005"
"""The revision in ``migrations/versions`` that makes exactly these tables."""

VERSION_TABLE = "burnish_version"

Name = String().with_variant(String(collation="C"), "postgresql")
"""Text that is compared and sorted: by code point on every database, whatever its locale."""

metadata = MetaData()


def _actor(name: str) -> tuple[Column[str], Index]:
    """Who did something to a job; indexed where it is known."""
    known = text(f"{name} IS NOT NULL")
    index = Index(
        f"burnish_jobs_{name}",
        name,
        "creation_timestamp_ms",
        "job_id",
        sqlite_where=known,
        postgresql_where=known,
    )
    return Column(name, Name), index


def _job_id() -> Column[str]:
    return Column("job_id", Name, ForeignKey("burnish_jobs.job_id", ondelete="CASCADE"), primary_key=True)


jobs = Table(
    "burnish_jobs",
    metadata,
    Column("job_id", Name, primary_key=True),
    Column("experiment_id", Name, nullable=False),
    Column("status", Name, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("last_sequence", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("worker_id", Name),
    Column("heartbeat_timestamp_ms", BigInteger),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Column("start_timestamp_ms", BigInteger),
    Column("completion_timestamp_ms", BigInteger),
    Column("optimizer_type", Name, nullable=False),
    Column("source_prompt_uri", Name, nullable=False),
    Column("optimized_prompt_uri", Name),
    Column("dataset_id", Name),
    Column("run_id", Name),
    Column("verdict", Name),
    Column("test_difference", Double),
    Column("usage_calls", BigInteger, nullable=False),
    Column("usage_usd_nanos", BigInteger),
    Column("config", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("workspace", Name, nullable=False, server_default=DEFAULT_WORKSPACE),
    *(part for name in ACTOR_FIELDS for part in _actor(name)),
    Column("kind", Name, nullable=False, server_default=JobKind.PROMPT),
    Index("burnish_jobs_workspace", "workspace", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_newest", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_experiment", "experiment_id", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_status", "experiment_id", "status", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_by_status", "status", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_kind", "experiment_id", "kind", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_by_kind", "kind", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_source", "source_prompt_uri", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_optimized", "optimized_prompt_uri"),
    Index("burnish_jobs_dataset", "dataset_id", "creation_timestamp_ms", "job_id"),
    Index("burnish_jobs_run", "run_id"),
    Index("burnish_jobs_completed", "completion_timestamp_ms"),
)

tags = Table(
    "burnish_tags",
    metadata,
    _job_id(),
    Column("key", Name, primary_key=True),
    Column("value", Name, nullable=False),
    Column("value_start", Name, nullable=False),
    Column("experiment_id", Name, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Index("burnish_tags_search", "key", "value_start", "experiment_id", "creation_timestamp_ms", "job_id"),
    sqlite_with_rowid=False,
)
"""Tags, for searching. ``value_start`` is indexed: a whole value can be too long for an index."""

scores = Table(
    "burnish_scores",
    metadata,
    _job_id(),
    Column("kind", Name, primary_key=True),  # "initial" or "final"
    Column("name", Name, primary_key=True),
    Column("value", Double, nullable=False),
    Column("experiment_id", Name, nullable=False),
    Column("creation_timestamp_ms", BigInteger, nullable=False),
    Index(
        "burnish_scores_search",
        "experiment_id",
        "kind",
        "name",
        "value",
        "creation_timestamp_ms",
        "job_id",
    ),
    sqlite_with_rowid=False,
)
"""Initial and final scores, for searching and sorting."""

idempotency_keys = Table(
    "burnish_idempotency_keys",
    metadata,
    Column("key", Name, primary_key=True),
    Column("body_digest", Name, nullable=False),
    Column("job_id", Name, nullable=False),
    # Deferred: the key is claimed before the job's row is written.
    ForeignKeyConstraint(
        ["job_id"], ["burnish_jobs.job_id"], ondelete="CASCADE", deferrable=True, initially="DEFERRED"
    ),
    Index("burnish_idempotency_keys_job", "job_id"),
)

contents = Table(
    "burnish_contents",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("size", BigInteger, nullable=False),
)
"""What jobs share. A row is there when all its chunks are, and goes with the last job that refers to it."""

content_chunks = Table(
    "burnish_content_chunks",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False),
    Column("written_timestamp_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # last: what stands behind a long value is slow to reach
)
"""See ``contents.Chunk``. No foreign key: chunks of large contents are written before their content's row,
in transactions of their own, so that no other writer waits for all of them."""

job_inputs = Table(
    "burnish_job_inputs",
    metadata,
    _job_id(),
    Column("body", Text, nullable=False),
    Column("records_digest", Name, ForeignKey("burnish_contents.digest")),
    Column("splits_digest", Name, ForeignKey("burnish_contents.digest")),
    Index("burnish_job_inputs_records", "records_digest"),
    Index("burnish_job_inputs_splits", "splits_digest"),
)

events = Table(
    "burnish_events",
    metadata,
    _job_id(),
    Column("sequence", Integer, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("kind", Name, nullable=False),
    Column("data", Text, nullable=False),
    Column("actor", Name),
)

candidates = Table(
    "burnish_candidates",
    metadata,
    _job_id(),
    Column("candidate_id", Name, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("status", Name, nullable=False),
    Column("body", Text, nullable=False),
)

evaluations = Table(
    "burnish_evaluations",
    metadata,
    _job_id(),
    Column("candidate_id", Name, primary_key=True),
    Column("example_id", Name, primary_key=True),
    Column("split", Name, nullable=False),
    Column("body", Text, nullable=False),
)

calls_begun = Table(
    "burnish_calls_begun",
    metadata,
    _job_id(),
    Column("call_id", Name, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("role", Name, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("usd_nanos", BigInteger),
    Column("unmetered", BigInteger, nullable=False, server_default="0"),
)
"""Calls in flight, and those that a dead attempt left behind: a finished call's row is removed."""

calls_finished = Table(
    "burnish_calls_finished",
    metadata,
    _job_id(),
    Column("call_id", Name, primary_key=True),
    Column("role", Name, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("usd_nanos", BigInteger),
    Column("body", Text, nullable=False),
    Column("unmetered", BigInteger, nullable=False, server_default="0"),
)
