"""Apps: programs that use a job's prompts, in the place of one model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from burnish.domain.options import Option
from burnish.errors import Problem

SCHEME = "app"
LARGEST_OUTPUT_BYTES = 4 * 2**20
"""What one run may answer; it is kept for every evaluation."""

HEADER_VARIABLE_PREFIX = "BURNISH_APP_"
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_NOT_OURS_TO_SET = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Where a job's app is: at a URL, or in the process that made the job.

    Attributes:
        url: it answers there, as ``docs/app-protocol.md`` says.
        timeout_seconds: for one evaluation; ``None``: the job's ``call_timeout_seconds``.
        headers_from_env: header → variable that holds its value where the job runs; it is kept nowhere.
        function: ``module.name`` of a function in the process that made the job. Only a process that has it
            can run the job.
    """

    url: Annotated[
        str | None,
        Option("URL of an app that answers in the model's place.", flag="--app-url", metavar="URL"),
    ] = None
    timeout_seconds: Annotated[
        float | None,
        Option(
            "Seconds to wait for one answer of the app.",
            flag="--app-timeout",
            default_text="call_timeout_seconds",
            least=0.1,
            most=3600,
        ),
    ] = None
    headers_from_env: Annotated[
        Mapping[str, str],
        Option(
            f"A header for the app, and the variable {HEADER_VARIABLE_PREFIX}… that holds its value where "
            "the job runs; repeat for several.",
            flag="--app-header",
            metavar="HEADER=VARIABLE",
        ),
    ] = field(default_factory=dict)
    function: str | None = None

    @property
    def uri(self) -> str:
        """Its name where a model's URI would stand."""
        return f"{SCHEME}:/{self.url or self.function}"

    def problems(self) -> list[Problem]:
        """What is wrong with it in itself."""
        found = []
        if not self.url and not self.function:
            found.append(Problem("config.app.url", self.url or "", "is required: where the app answers"))
        if self.url and self.function:
            remedy = "url is set, too: an app is at a URL or in a process"
            found.append(Problem("config.app.function", self.function, remedy))
        for header, variable in self.headers_from_env.items():
            name = f"config.app.headers_from_env.{header}"
            if not _HEADER.fullmatch(header) or header.lower() in _NOT_OURS_TO_SET:
                found.append(Problem(name, header, "is no header that a job may set"))
            if not variable.startswith(HEADER_VARIABLE_PREFIX):
                remedy = f"must begin with {HEADER_VARIABLE_PREFIX}; a job may read no other variables"
                found.append(Problem(name, variable, remedy))
        return found


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
        score: what the app itself says of its output, with the reason; ``None``: nothing.
        scores: likewise by scorer, where the score is made of several.
    """

    is_json: bool = False
    trace_id: str | None = None
    uses: tuple[PromptUse, ...] = ()
    score: tuple[float, str] | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        found = asdict(self)
        return {name: value for name, value in found.items() if value or name == "uses"}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AppRun:
        """Inverse of :meth:`to_json`."""
        known = dict(value)
        known["uses"] = tuple(PromptUse(**use) for use in value["uses"])
        if "score" in known:
            known["score"] = tuple(known["score"])
        return cls(**known)
