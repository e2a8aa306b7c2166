"""The numbers of one process, in Prometheus' form.

Labels have few values: status, outcome, role and model. No job ids, no users, no texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)

from burnish import __version__
from burnish.domain.job import Job, JobStatus
from burnish.domain.usage import NANOS_PER_USD, Role
from burnish.llm.gateway import CallReport
from burnish.llm.uri import ModelUri, parse_model_uri

MOST_MODELS = 100
"""So many models get a label of their own; whoever names more of them is counted under ``other``."""

_DELAY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_BY_MODEL = ("model", "role")


@dataclass(frozen=True, slots=True)
class _OfModel:
    """The time series of one model in one role, looked up once."""

    seconds: Histogram
    retries: Counter
    input_tokens: Counter
    output_tokens: Counter
    usd: Counter
    journal_hits: Counter


class Metrics:
    """Counts. Every method is cheap, and safe in any thread."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Info("burnish", "The version that runs.", registry=registry).info({"version": __version__})
        self._jobs = Gauge(
            "burnish_jobs",
            "Jobs in the store, the same from every process on it.",
            ("status",),
            registry=registry,
        )
        self._store_up = Gauge(
            "burnish_store_up", "1 if the store answered this scrape, else 0.", registry=registry
        )
        self._queue_delay = Histogram(
            "burnish_queue_delay_seconds",
            "From the submission of a job to the start of its first attempt here.",
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )
        self._running = Gauge("burnish_attempts_running", "Attempts under way here.", registry=registry)
        self._attempts = Counter(
            "burnish_attempts",
            "Attempts that ended here: completed, failed, canceled, retried, interrupted (given back), "
            "superseded (another worker has the job) or store_away.",
            ("outcome",),
            registry=registry,
        )
        self._calls = Counter(
            "burnish_model_calls",
            "Model calls that are over, replayed ones left out: answered, or the kind of error.",
            (*_BY_MODEL, "outcome"),
            registry=registry,
        )
        self._call_seconds = Histogram(
            "burnish_model_call_seconds",
            "Time of a model call, waiting and retries included.",
            _BY_MODEL,
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self._call_retries = Counter(
            "burnish_model_call_retries",
            "Requests beyond the first of a model call.",
            _BY_MODEL,
            registry=registry,
        )
        self._tokens = Counter(
            "burnish_model_tokens",
            "Tokens spent, input or output.",
            (*_BY_MODEL, "direction"),
            registry=registry,
        )
        self._usd = Counter(
            "burnish_model_usd",
            "US dollars spent at list prices; calls whose price is unknown count as 0.",
            _BY_MODEL,
            registry=registry,
        )
        self._journal_hits = Counter(
            "burnish_journal_hits",
            "Calls answered from the journal instead of being paid again.",
            _BY_MODEL,
            registry=registry,
        )
        self._loop_lag = Histogram(
            "burnish_event_loop_lag_seconds",
            "How much later than planned the event loop came round, sampled twice a second.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        self._models: dict[str, str] = {}
        self._by_model: dict[tuple[str, Role], _OfModel] = {}

    def called(self, report: CallReport) -> None:
        """A model call is over."""
        model = self._label(report.model)
        series = self._series(model, report.role)
        if report.replayed:
            series.journal_hits.inc()
            return
        usage = report.usage
        self._calls.labels(model, report.role.value, report.error or "answered").inc()
        series.seconds.observe(report.seconds)
        if report.tries > 1:
            series.retries.inc(report.tries - 1)
        series.input_tokens.inc(usage.prompt_tokens)
        series.output_tokens.inc(usage.completion_tokens)
        if usage.usd_nanos:
            series.usd.inc(usage.usd_nanos / NANOS_PER_USD)

    def attempt_began(self, job: Job) -> None:
        """A job was taken. How long it had waited is known of a first attempt only."""
        self._running.inc()
        if job.attempt == 1 and job.start_timestamp_ms is not None:
            self._queue_delay.observe(max(0, job.start_timestamp_ms - job.creation_timestamp_ms) / 1000)

    def attempt_ended(self, outcome: str) -> None:
        """It is over, in one of the ways that the metric's help names."""
        self._running.dec()
        self._attempts.labels(outcome).inc()

    def loop_lagged(self, seconds: float) -> None:
        """The event loop came round so much too late."""
        self._loop_lag.observe(seconds)

    def store_answered(self, counts: Mapping[JobStatus, int] | None) -> None:
        """Jobs by status; ``None``: the store did not answer, and old figures are not shown."""
        self._store_up.set(0 if counts is None else 1)
        if counts is None:
            self._jobs.clear()
            return
        for status in JobStatus:
            self._jobs.labels(status.value).set(counts.get(status, 0))

    def _label(self, uri: str) -> str:
        label = self._models.get(uri)
        if label is None:
            if len(self._models) >= MOST_MODELS:
                return "other"
            label = self._models[uri] = model_label(parse_model_uri(uri))
        return label

    def _series(self, model: str, role: Role) -> _OfModel:
        found = self._by_model.get((model, role))
        if found is None:
            labels = (model, role.value)
            found = self._by_model[model, role] = _OfModel(
                seconds=self._call_seconds.labels(*labels),
                retries=self._call_retries.labels(*labels),
                input_tokens=self._tokens.labels(*labels, "input"),
                output_tokens=self._tokens.labels(*labels, "output"),
                usd=self._usd.labels(*labels),
                journal_hits=self._journal_hits.labels(*labels),
            )
        return found


def model_label(model: ModelUri) -> str:
    """The model without its base URL, which may hold credentials."""
    return f"{model.scheme}:/{model.name}"
