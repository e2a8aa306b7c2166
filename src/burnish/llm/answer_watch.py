"""What a job's models answer: how many answers of each kind, and when it makes no sense to go on."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from burnish.domain.answer import AnswerOutcome
from burnish.domain.records import CallKey
from burnish.domain.usage import Role, UsageByRole
from burnish.errors import ModelError, ModelRejected
from burnish.llm.protocol import AnyRequest, Completion

_RECENT = 20
_FEWEST = 3  # answers, before there is a warning
_MANY = 0.2  # share of answers of one kind that is worth a warning
_NEVER = 5  # answers without any text, from a model that has never said anything
_NEARLY_ALL = 19  # of the last 20
_REMEDIES = {
    AnswerOutcome.CUT: "raise max_tokens (of the target: max_output_tokens of the job), or ask for less",
    AnswerOutcome.EMPTY: "look at the model, its chat template, its tools and max_tokens",
    AnswerOutcome.REFUSED: "look at the prompt, the data and the provider's filters",
}


@dataclass(slots=True)
class _Series:
    """The answers of one model in one role."""

    kinds: Counter[AnswerOutcome] = field(default_factory=Counter)
    silent: deque[bool] = field(default_factory=lambda: deque(maxlen=_RECENT))
    ever_spoke: bool = False


class AnswerWatch:
    """Counts each call once, replayed ones included.

    Attributes:
        counts: calls of the job by what became of them.
        usage_by_candidate: what each candidate's answers cost; ``""`` has those that belong to none.
        last_failure: of a call that brought no answer.
        last_silence: the last answer without a text that can be used, or that is a refusal.
    """

    def __init__(self) -> None:
        self.counts: Counter[AnswerOutcome] = Counter()
        self.usage_by_candidate: defaultdict[str, UsageByRole] = defaultdict(UsageByRole)
        self.last_failure: ModelError | None = None
        self.last_silence: Completion | None = None
        self._series: dict[tuple[Role, str], _Series] = {}
        self._outcomes: dict[CallKey, AnswerOutcome] = {}
        self._warned: dict[str, None] = {}
        self._warn: Callable[[str], None] | None = None

    def as_json(self) -> dict[str, int]:
        """Every kind with its count, for the job."""
        return {outcome.value: self.counts[outcome] for outcome in AnswerOutcome}

    def report_to(self, warn: Callable[[str], None]) -> None:
        """Send warnings there, those of the past first."""
        self._warn = warn
        for text in self._warned:
            warn(text)

    def warn(self, text: str) -> None:
        """Warn of something once."""
        if text not in self._warned:
            self._warned[text] = None
            if self._warn is not None:
                self._warn(text)

    def failed(self, key: CallKey, error: ModelError) -> None:
        """No answer came, after all tries."""
        self.last_failure = error
        if key not in self._outcomes:
            self._count(key, AnswerOutcome.ERROR)

    def answered(self, key: CallKey, request: AnyRequest, completion: Completion) -> None:
        """Count an answer, and warn of many that are of no use.

        Args:
            completion: without its thinking, where that does not count.

        Raises:
            ModelRejected: the model says nothing, or nearly nothing, in this role.
        """
        before, outcome = self._outcomes.get(key), completion.outcome
        if before is AnswerOutcome.ERROR:  # asked again, it was answered after all
            self.counts[before] -= 1
        elif before is not None:
            return
        self._count(key, outcome)
        spent = self.usage_by_candidate[key.candidate_id]
        self.usage_by_candidate[key.candidate_id] = spent.plus(key.role, completion.usage)
        series = self._series.setdefault((key.role, request.model), _Series())
        series.kinds[outcome] += 1
        runaway = outcome is AnswerOutcome.CUT and request.output_cap is None
        silent = not completion.text.strip() or runaway
        if not completion.replayed:  # a job that is resumed, once the model is mended, gets beyond its past
            series.silent.append(silent)
        if silent or outcome is AnswerOutcome.REFUSED:
            self.last_silence = completion
        series.ever_spoke = series.ever_spoke or not silent
        if outcome is AnswerOutcome.OK:
            return
        who = f"{request.model} as {key.role.value}"
        reason = f"finish_reason: {completion.finish_reason}"
        total = series.kinds.total()
        if total >= _FEWEST and series.kinds[outcome] >= _MANY * total:
            self.warn(f"many answers of {who} are {outcome} ({reason}); {_REMEDIES[outcome]}")
        silent_count = sum(series.silent)
        never = not series.ever_spoke and silent_count >= _NEVER
        if silent and not completion.replayed and (never or silent_count >= _NEARLY_ALL):
            raise ModelRejected(
                request.model,
                f"{silent_count} of its last {len(series.silent)} answers as {key.role.value} cannot be "
                f"used, the last one is {outcome} ({reason}); {_REMEDIES[outcome]}",
            )

    def _count(self, key: CallKey, outcome: AnswerOutcome) -> None:
        self._outcomes[key] = outcome
        self.counts[outcome] += 1
