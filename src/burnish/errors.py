"""Every error Burnish raises on purpose, in one tree.

Nothing here knows HTTP or exit codes: ``api.errors`` and ``cli.output`` translate.
An error says what was wrong, with which value, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


class BurnishError(Exception):
    """Root of the tree. Catch this to catch everything Burnish raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field of a request or a file."""

    field: str
    value: str
    remedy: str

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= 120 else self.value[:117] + "..."
        if shown:
            return f"{self.field}: {shown!r}: {self.remedy}"
        separator = (
            " " if self.remedy.startswith("is required") else ": "
        )  # MLflow's words, as its clients know
        return f"{self.field}{separator}{self.remedy}"


class InvalidInput(BurnishError):
    """The request cannot be carried out as written. Holds every problem found, not just one."""

    def __init__(self, *problems: Problem) -> None:
        self.problems: Sequence[Problem] = problems
        super().__init__("; ".join(str(problem) for problem in problems))

    @classmethod
    def of(cls, field: str, value: object, remedy: str) -> InvalidInput:
        """The common case of one problem."""
        return cls(Problem(field, str(value), remedy))


class Problems(list[Problem]):
    """Problems found so far, so that a user sees them all at once."""

    def add(self, field: str, value: object, remedy: str) -> None:
        self.append(Problem(field, str(value), remedy))

    def collect(self, action: Callable[[], T], model_field: str = "model") -> T | None:
        """What ``action`` returns; ``None`` when it raised InvalidInput, whose problems are kept.

        Args:
            model_field: the field that named a model, for problems about it.
        """
        try:
            return action()
        except InvalidInput as error:
            for problem in error.problems:
                head, dot, rest = problem.field.partition(".")
                renamed = f"{model_field}{dot}{rest}" if head == "model" else problem.field
                self.append(replace(problem, field=renamed))
            return None

    def error(self) -> InvalidInput:
        """One error with every problem, each once."""
        return InvalidInput(*dict.fromkeys(self))

    def check(self) -> None:
        """
        Raises:
            InvalidInput: there was any problem.
        """
        if self:
            raise self.error()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` where a known name is near, whatever its case; else nothing.

    A name that ends in the word is near too (``GEPA`` for ``OPTIMIZER_TYPE_GEPA``).
    """
    by_lower = {name.lower(): name for name in known}
    wanted = word.lower()[:100]  # the comparison takes quadratic time
    near = [name for name in by_lower if len(wanted) > 2 and name.endswith(wanted)]
    near = near or get_close_matches(wanted, by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""


class NotFound(BurnishError):
    """Something named does not exist: a job, a candidate, a prompt version, a dataset."""

    def __init__(self, what: str, name: str) -> None:
        self.what, self.name = what, name
        super().__init__(f"{what} {name!r} does not exist")


class InvalidState(BurnishError):
    """The job is not in a state in which this can be done."""


class ExperimentFull(BurnishError):
    """As many jobs of this experiment run as may; the job waits until one of them ends."""

    def __init__(self, experiment_id: str, limit: int) -> None:
        self.experiment_id, self.limit = experiment_id, limit
        super().__init__(f"{limit} jobs of experiment {experiment_id} run already, which is the limit")


class NotAuthenticated(BurnishError):
    """Nobody knows who asks.

    Attributes:
        challenge: the value of ``WWW-Authenticate``: how to say who one is.
    """

    def __init__(self, message: str, challenge: str) -> None:
        self.challenge = challenge
        super().__init__(message)


class PermissionDenied(BurnishError):
    """Who asks may not do this."""


class Conflict(BurnishError):
    """The request contradicts an earlier one (an idempotency key with another body)."""


class AttemptSuperseded(BurnishError):
    """A write named an attempt that is no longer the job's current one. Its worker drops the job."""

    def __init__(self, job_id: str, attempt: int) -> None:
        self.job_id, self.attempt = job_id, attempt
        super().__init__(f"attempt {attempt} of job {job_id} has been superseded or fenced off")


class WorkersLost(BurnishError):
    """A job whose attempts die with their workers, again and again, and get nowhere."""

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths
        super().__init__(
            f"the last {deaths} attempts died with their worker before any of them had finished a new model "
            "call; most likely a scorer or a local model crashes the process or takes all of its memory. "
            "Look at the end of the workers' logs and of the kernel's (out of memory), mend the cause, then "
            "resume the job; BURNISH_MAX_JOB_DEATHS sets how many such attempts a job has"
        )


class BudgetExhausted(BurnishError):
    """The next call would exceed a limit of the job's budget."""

    def __init__(self, limit: str, maximum: float, spent: float) -> None:
        self.limit, self.maximum, self.spent = limit, maximum, spent
        super().__init__(f"{limit}={maximum:g} leaves no room for another call ({spent:g} spent or reserved)")


class ModelError(BurnishError):
    """A call to a language model failed.

    ``systemic`` says that other calls will fail alike (wrong key, no such model), so the job stops.

    Attributes:
        retry_after_seconds: the provider's own wish, if it said one.
        maybe_paid: the request was sent and its end is unknown (no answer, or one that cannot be
            read), so the provider may charge for it.
        throttled: the provider says that it is asked too much or too often.
        tokens_used: prompt and completion tokens that the provider counts although there is no answer.
        adapted: the provider's client has learned from this failure and sends the same request otherwise
            from now on, so that it is worth another try at once.
    """

    systemic = False
    retry_after_seconds: float | None = None
    maybe_paid: bool = False
    throttled: bool = False
    tokens_used: tuple[int, int] | None = None
    adapted: bool = False

    def __init__(self, model: str, message: str) -> None:
        self.model = model
        super().__init__(f"{model}: {message}")


class ModelRejected(ModelError):
    """The provider refuses this call for good: 401, 403, 404. Retrying cannot help."""

    systemic = True


class ModelRequestInvalid(ModelError):
    """The provider refuses this one request (400, 413, 422): too long, filtered, bad parameter.

    Attributes:
        answer: the beginning of what it answered, as it came: for the client, never to be shown.
    """

    answer = ""


class ModelUnavailable(ModelError):
    """The provider could not answer after every retry: 429, 5xx, connection lost, garbage."""


class ModelUnreadable(ModelUnavailable):
    """200, and nothing in it that is an answer: a proxy's page, an error in disguise, no choices."""

    def __init__(self, model: str, url: str, shown: str) -> None:
        super().__init__(model, f"what {url} answers cannot be read: {shown}")


class ModelTimeout(ModelUnavailable):
    """No answer before the call's deadline."""


class ScorerFailed(BurnishError):
    """A scorer raised, or returned something that is neither a number, a bool nor yes/no."""

    def __init__(self, scorer: str, record: str, message: str) -> None:
        super().__init__(f"scorer {scorer!r} on {record}: {message}")


class ScoreOutOfRange(ScorerFailed):
    """A scorer gave a number outside its range."""


class OptimizerFailed(BurnishError):
    """The search itself cannot go on (for example: every proposal was refused)."""


class OutsideFailure(BurnishError):
    """Something Burnish depends on is away; the same job may succeed later. Jobs are retried for it."""


class StoreUnavailable(OutsideFailure):
    """The store did not answer, or refused to write (disk full, connection lost)."""


class TrackingUnavailable(OutsideFailure):
    """The MLflow tracking server or database did not answer."""


class ProviderUnavailable(OutsideFailure):
    """So many model calls failed after their retries that the job cannot go on."""
