"""Apps: programs that use a job's prompts, in the place of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SCHEME = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Where a job's app is.

    Attributes:
        function: ``module.name`` of a function in the process that made the job. Only a process that has it
            can run the job.
    """

    function: str | None = None

    @property
    def uri(self) -> str:
        """Its name where a model's URI would stand."""
        return f"{SCHEME}:/{self.function}"


@dataclass(frozen=True, slots=True)
class PromptUse:
    """One place in a trace where a prompt was used: what was given with it, and what came of it.

    Attributes:
        prompt: its name.
        span: name of the span in which it was used.
        given, output: of that span, as text.
    """

    prompt: str
    span: str
    given: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRun:
    """What is known of one run of an app, beside its output and what it cost.

    Attributes:
        is_json: the output is kept as the JSON text of a value that is no text.
        trace_id: of its MLflow trace, where there is one.
        uses: of the job's prompts, in the order of time.
    """

    is_json: bool = False
    trace_id: str | None = None
    uses: tuple[PromptUse, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AppRun:
        """Inverse of :meth:`to_json`."""
        return cls(**{**value, "uses": tuple(PromptUse(**use) for use in value["uses"])})
